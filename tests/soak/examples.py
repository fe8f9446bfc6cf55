"""Valid resources to begin from: the examples of our profiles, and HL7's of other types."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_FOLDERS = (_ROOT / "profiles" / "example", _ROOT / "tests" / "data" / "fhir-test-cases")


def _resources() -> list[dict[str, Any]]:
    files = (file for folder in _FOLDERS for file in sorted(folder.glob("*.json")))
    found = [json.loads(file.read_text(), parse_float=Decimal) for file in files]
    return [each for each in found if isinstance(each.get("id"), str)]


EXAMPLES = _resources()
