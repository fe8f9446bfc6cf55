"""Valid resources to begin from: the examples of our profiles, HL7's of other types, and children whom the
agencies of the tests work with."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests import make
from tests.published import BROKEN

_ROOT = Path(__file__).parents[2]
_FOLDERS = (_ROOT / "profiles" / "example", _ROOT / "tests" / "data" / "fhir-test-cases")


def _published() -> list[dict[str, Any]]:
    files = (file for folder in _FOLDERS for file in sorted(folder.glob("*.json")) if file.stem not in BROKEN)
    found = [json.loads(file.read_text(), parse_float=Decimal) for file in files]
    # A suite has no right to seal.
    return [each for each in found if isinstance(each.get("id"), str) and not _is_sealed(each)]


def _is_sealed(resource: dict[str, Any]) -> bool:
    return any(label.get("code") == "sealed" for label in resource.get("meta", {}).get("security", ()))


def _of_child(id: str, number: str, **more: Any) -> list[dict[str, Any]]:
    """A child with what two agencies write about it."""
    return [
        make.child(number, id=id, telecom=[{"system": "phone", "value": "01632 960100"}], **more),
        make.episode(id, "school", id=f"{id}-school"),
        make.episode(id, "social-care", "child-in-need", id=f"{id}-need"),
        make.encounter(id, "social-care", id=f"{id}-visit", period={"start": "2025-09-08"}),
        make.mark(id, "school", id=f"{id}-mark"),
        make.observation(id, id=f"{id}-height", effectiveDateTime="2025-09-08"),
        make.team(id, "social-care", id=f"{id}-team"),
    ]


_SHARED = [
    *_of_child("known", "9434765919"),
    *_of_child("restricted", "9434765870", meta=make.labelled("R")),
    *_of_child("absent", "9434765927", meta=make.labelled("V")),
]

EXAMPLES = _published() + _SHARED * 4
"""Those that agencies share stand here several times, as they are worth more attempts."""
