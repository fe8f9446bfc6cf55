"""A parameter that looks at all that several others look at: any of them will do; it has no rows of its own.

https://hl7.org/fhir/R4/observation.html#search
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from sqlalchemy import ColumnElement, FromClause, or_

from server.definition.searchparameter import SearchParameter
from server.search.types import (
    Asked,
    Bind,
    Condition,
    Context,
    Element,
    Index,
    Place,
    Plan,
    SearchParamType,
    Shape,
    unless,
)

# What is said of all of them is the opposite of what is said of any.
_OPPOSITES: Mapping[str | None, str | None] = {"not": None, "not-in": "in", "missing": "missing"}


class Combined(SearchParamType):
    """`kind` says what answers each of `parts`."""

    stored = False

    def __init__(
        self,
        parts: Sequence[SearchParameter],
        kind: Callable[[SearchParameter], SearchParamType | None],
    ) -> None:
        answers = [kind(part) for part in parts]
        self._parts = parts
        self._answers = [answer for answer in answers if answer is not None]

    @property
    def modifiers(self) -> frozenset[str]:  # type: ignore[override]
        """Those of the type of all parts."""
        return self._answers[0].modifiers

    def index(self, elements: Sequence[Element], plan: Plan, index: Index) -> None:
        """The parts do."""

    def check(self, type_: str, condition: Condition) -> None:
        for part, answer in zip(self._parts, self._answers, strict=True):
            answer.check(type_, replace(condition, parameter=part))

    def ask(self, condition: Condition, context: Context) -> Asked:
        modifier, values = condition.modifier, condition.values
        negated = modifier in ("not", "not-in") or (modifier == "missing" and values == ("true",))
        positive = _OPPOSITES.get(modifier, modifier)
        asked = [
            answer.ask(Condition(part, positive, ("false",) if modifier == "missing" else values), context)
            for part, answer in zip(self._parts, self._answers, strict=True)
        ]
        shapes = tuple((one.shape, len(one.values)) for one in asked)
        return Asked(("any", negated, shapes), tuple(value for one in asked for value in one.values))

    def clause(
        self, row: FromClause, place: Place, shape: Shape, values: Sequence[Bind]
    ) -> ColumnElement[bool]:
        _, negated, shapes = cast("tuple[str, bool, tuple[tuple[Shape, int], ...]]", shape)
        ways, at = [], 0
        for part, answer, (inner, count) in zip(self._parts, self._answers, shapes, strict=True):
            ways.append(answer.clause(row, Place(place.type, part), inner, values[at : at + count]))
            at += count
        return unless(negated, or_(*ways))
