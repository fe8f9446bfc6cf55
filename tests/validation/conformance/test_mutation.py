"""What is wrong never gets in: corruptions of valid resources, each refused for the corrupted place."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random

import pytest

from server.child.kind import profiles
from server.fhir import Json
from server.fhir.json import decode
from server.validation.validate import validate
from tests.validation.conformance.corrupt import KINDS, Corruption, corruptions
from tests.validation.conformance.verdict import same

_ROOT = Path(__file__).parents[3]
EXAMPLES = [
    *sorted((_ROOT / "profiles" / "example").glob("*.json")),
    *sorted((_ROOT / "tests" / "data" / "fhir-test-cases").glob("*.json")),
]
# Four examples of the specification break its rules: tests/validation/test_examples.py.
REFUSED = {
    "codesystem-example",
    "devicemetric-example",
    "deviceusestatement-example",
    "medicationrequest0301",
}
VALID = [path for path in EXAMPLES if path.stem not in REFUSED]


@pytest.fixture(scope="module")
def told(is_soak: bool) -> list[tuple[Corruption, list[str]]]:
    """The corruptions of every example, each with the places that the errors name."""
    return [each for path in VALID for each in _told(path, 200 if is_soak else 10)]


def _told(path: Path, count: int) -> Iterator[tuple[Corruption, list[str]]]:
    resource = _read(path)
    held_against = _profiles(resource)
    for corruption in corruptions(resource, held_against, count, Random(path.stem)):
        issues = validate(corruption.resource, held_against)
        yield corruption, [path for issue in issues for path in issue.expression]


@cache
def _read(path: Path) -> Json:
    resource: Json = decode(path.read_bytes())
    return resource


def _profiles(resource: Json) -> tuple[str, ...]:
    return profiles(resource)


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_an_example_is_valid_before_it_is_corrupted(path: Path) -> None:
    resource = _read(path)
    assert validate(resource, _profiles(resource)) == []


@pytest.mark.soak
def test_99_of_100_corruptions_are_refused_for_the_corrupted_place(
    told: list[tuple[Corruption, list[str]]],
) -> None:
    missed = [(each.kind, each.place, named) for each, named in told if not _is_named(each.place, named)]
    assert len(missed) <= 0.01 * len(told), missed[:10]


@pytest.mark.soak
def test_every_kind_of_corruption_is_tried(told: list[tuple[Corruption, list[str]]]) -> None:
    tried = Counter(each.kind for each, _ in told)
    assert set(tried) == set(KINDS)


def _is_named(place: str, named: list[str]) -> bool:
    """The corrupted element, what is inside it, or what it is missing from."""
    return any(_is_at(place, _CHOSEN.sub(_typed, each)) for each in named)


def _is_at(place: str, named: str) -> bool:
    # A choice of which nothing is there has no type in its name.
    untyped = place.startswith(named) and named.count(".") == place.count(".")
    return same(named, place) or named.startswith(place) or untyped


_CHOSEN = re.compile(r"\.ofType\((\w)(\w*)\)")


def _typed(of: re.Match[str]) -> str:
    return of[1].upper() + of[2]
