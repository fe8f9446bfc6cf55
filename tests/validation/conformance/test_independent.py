"""A second opinion: fhir.resources (R4B) has other authors, and the same definitions."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from datetime import date
from functools import cache
from random import Random
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from server.child.demonstration.batches import batches
from server.child.kind import profiles
from server.fhir import Json
from server.validation.validate import validate
from tests.validation.conformance.corrupt import at, corruptions

TODAY = date(2026, 11, 22)
_ODD: tuple[Any, ...] = (
    None,
    "",
    " ",
    "a b",
    "2024-02-30",
    "x",
    -1,
    1.5,
    True,
    [],
    {},
    [None],
    ["x"],
    {"x": 1},
)


@pytest.fixture(scope="module")
def generated(is_soak: bool) -> list[Json]:
    """Resources of the demonstration, every type of them."""
    return _drawn(_demonstration(), 5000 if is_soak else 150)


@cache
def _demonstration() -> tuple[Json, ...]:
    return tuple(entry["resource"] for _, bundle in batches(TODAY) for entry in bundle["entry"])


def _drawn(every: Sequence[Json], count: int) -> list[Json]:
    """So many, each type in its turn, so that marks in registers are not all there is."""
    dice = Random(count)
    by_type: dict[str, list[Json]] = {}
    for each in every:
        by_type.setdefault(each["resourceType"], []).append(each)
    types = sorted(by_type)
    return [dice.choice(by_type[types[number % len(types)]]) for number in range(count)]


@pytest.mark.soak
def test_both_accept_what_is_valid(generated: list[Json]) -> None:
    for resource in generated:
        assert validate(resource, profiles(resource)) == []
        assert _refusal(resource) is None


@pytest.mark.soak
def test_whatever_it_refuses_we_refuse_too(generated: list[Json]) -> None:
    refused = 0
    for corrupted in _corrupted(generated):
        refusal = _refusal(corrupted)
        if refusal is not None:
            refused += 1
            assert validate(corrupted, profiles(corrupted)), (refusal, corrupted)
    assert refused > len(generated) / 2


def _corrupted(generated: list[Json]) -> Iterator[Json]:
    """One of each: corrupted by the definitions, or something odd anywhere."""
    for number, resource in enumerate(generated):
        dice = Random(number)
        if number % 2:
            yield from (each.resource for each in corruptions(resource, (), 1, dice))
        else:
            yield _with_something_odd(resource, dice)


def _with_something_odd(resource: Json, dice: Random) -> Json:
    copy = deepcopy(resource)
    *way, last = dice.choice(list(_ways(copy)))
    at(copy, tuple(way))[last] = dice.choice(_ODD)
    return copy


def _ways(node: Any, way: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if way and way != ("resourceType",):
        yield way
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, each in items:
        yield from _ways(each, (*way, step))


def _refusal(resource: Json) -> Exception | None:
    try:
        get_fhir_model_class(resource["resourceType"]).model_validate(deepcopy(resource))
    except Exception as error:  # it has no exception of its own: pydantic's, ValueError, TypeError, …
        return error
    return None
