"""The published examples of UK Core, each held against the profile in its name."""

from pathlib import Path

import pytest

from server.definition.library import library
from server.validation.context import Context
from server.validation.document import examine

EXAMPLES = sorted((Path(__file__).parents[2] / "data" / "ukcore").glob("*.xml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_meets_its_profile(path: Path) -> None:
    profile = f"https://fhir.hl7.org.uk/StructureDefinition/{'-'.join(path.stem.split('-')[:2])}"
    assert library().definition(profile) is not None
    found = examine(path.read_bytes(), lambda _: ((profile,), Context(full=True)))
    assert [each.issue for each in found if each.issue.severity == "error"] == []


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 9
