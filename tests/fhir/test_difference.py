"""The difference of two resources is a patch, and the patch makes the one into the other."""

import random
from pathlib import Path

import pytest

from server.definition.library import library
from server.fhir.json import decode
from server.fhir.patch.difference import difference
from server.fhir.patch.fhirpath_patch import patched
from server.validation.validate import validate

DATA = Path(__file__).parent.parent / "data" / "fhir-test-cases"
EXAMPLES = sorted(DATA.glob("*.json"))
PROFILES = Path(__file__).parent.parent.parent / "profiles" / "example"
OURS = sorted(PROFILES.glob("*.json"))

TYPES = library().children

A, B = {"family": "A"}, {"family": "B"}


def bare(value):
    """Without the nulls that may stand at the end of an array beside another."""
    if isinstance(value, dict):
        trimmed = ((key, bare(each)) for key, each in value.items())
        return {key: each for key, each in trimmed if each != []}
    if isinstance(value, list):
        while value and value[-1] is None:
            value = value[:-1]
        return [bare(each) for each in value]
    return value


def changed(value, dice):
    """The value with something gone, moved or doubled here and there."""
    if isinstance(value, dict):
        kept = ((key, each) for key, each in value.items() if key == "resourceType" or dice.random() > 0.1)
        return {key: changed(each, dice) for key, each in kept}
    if isinstance(value, list):
        found = [changed(each, dice) for each in value if dice.random() > 0.15]
        if found and dice.random() < 0.2:
            dice.shuffle(found)
            found.append(found[0])
        return found
    return value


def read(path):
    return decode(path.read_bytes())


@pytest.mark.parametrize("path", [*EXAMPLES, *OURS], ids=lambda path: path.stem)
def test_what_was_changed_anywhere_is_made_by_the_difference(path):
    before, dice = read(path), random.Random(path.stem)
    for after in (changed(before, dice) for _ in range(20)):
        if validate({**after, "id": "x"}):
            continue
        for one, other in ((before, after), (after, before)):
            patch = difference(one, other, TYPES)
            assert validate(patch) == []
            assert bare(patched(one, patch, TYPES)) == bare(other)


@pytest.mark.parametrize("path", OURS[1:], ids=lambda path: path.stem)
def test_one_example_is_made_of_another(path):
    after = read(path)
    for other in OURS:
        before = read(other)
        if before["resourceType"] == after["resourceType"]:
            assert patched(before, difference(before, after, TYPES), TYPES) == after


@pytest.mark.parametrize(
    ("before", "after", "operations"),
    [
        ({}, {}, []),
        ({}, {"active": True}, ["add Patient active"]),
        ({"active": True}, {}, ["delete Patient.active"]),
        ({"active": True}, {"active": False}, ["replace Patient.active"]),
        ({"deceasedBoolean": True}, {"deceasedDateTime": "2020"}, ["replace Patient.deceased"]),
        (
            {"birthDate": "2020"},
            {"birthDate": "2020", "_birthDate": {"id": "x"}},
            ["replace Patient.birthDate"],
        ),
        ({}, {"name": [{"family": "A"}, {"family": "B"}]}, ["add Patient name", "add Patient name"]),
        ({"name": [{"family": "A"}]}, {"name": [{"family": "B"}]}, ["replace Patient.name[0].family"]),
        ({"name": [A]}, {"name": [B, A]}, ["insert Patient.name 0"]),
        ({"name": [A, B]}, {"name": [B]}, ["delete Patient.name[0]"]),
        ({"contact": [{"gender": "male"}]}, {"contact": [{"gender": "male", "name": {"text": "A"}}]},
         ["add Patient.contact[0] name"]),
        ({"name": [{"given": ["A", "B"]}]}, {"name": [{"given": ["A", "C"]}]},
         ["replace Patient.name[0].given[1]"]),
        ({"name": [{"given": ["A"]}]}, {"name": [{"family": "A"}]},
         ["add Patient.name[0] family", "delete Patient.name[0].given[0]"]),
    ],
)  # fmt: skip
def test_it_is_told_where_it_is(before, after, operations):
    one, other = {"resourceType": "Patient", **before}, {"resourceType": "Patient", **after}
    patch = difference(one, other, TYPES)
    told = []
    for each in patch.get("parameter", ()):
        parts = {part["name"]: next(part[key] for key in part if key != "name") for part in each["part"]}
        told.append(" ".join(str(parts[key]) for key in ("type", "path", "name", "index") if key in parts))
    assert told == operations
    assert patched(one, patch, TYPES) == other


def test_a_number_that_is_written_otherwise_is_another():
    one, other = (
        decode(b'{"resourceType":"Observation","valueQuantity":{"value":' + number + b"}}")
        for number in (b"1.5", b"1.50")
    )
    assert len(difference(one, other, TYPES)["parameter"]) == 1
