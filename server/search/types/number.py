"""Numbers: what was asked for is as precise as it was written; what is stored is what it says.

https://hl7.org/fhir/R4/search.html#number

A value is a point, or a range where the resource gives one. It is equal if it lies within what rounds to the
number asked for; the other prefixes compare with the number itself.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, and_, func, or_

from server.fhir.issue import Invalid
from server.fhir.number import INFINITE, Precise, kept, precise
from server.search.types import (
    Asked,
    Bind,
    Condition,
    Context,
    Element,
    Index,
    Measured,
    Place,
    Plan,
    SearchParamType,
    Shape,
    beside,
    missing,
    unless,
)
from server.store.tables import number_index

NO_UNIT = 0
"""The unit of a plain number."""

_PREFIX_LENGTH = 2


class Span(NamedTuple):
    """The numbers of a unit among which everything that matches is found; None: no end on that side."""

    unit: int
    low: Decimal | None
    high: Decimal | None


class Value(NamedTuple):
    """A number, and how those that are searched must lie to it."""

    prefix: str
    number: Precise

    @classmethod
    def parse(cls, text: str) -> "Value":
        """`100`, `lt5.4`, `ap1e-3`."""
        prefix = text[:_PREFIX_LENGTH]
        rest = text[_PREFIX_LENGTH:] if prefix in COMPARISONS else text
        try:
            # The plus of an exponent, sent without being percent-encoded, arrives as a space.
            return cls(prefix if prefix in COMPARISONS else "eq", precise(rest.replace(" ", "+")))
        except ValueError as error:
            names = ", ".join(COMPARISONS)
            raise Invalid(f"'{text}' is not a number, whether or not after one of {names}.") from error

    @property
    def ends(self) -> tuple[Decimal, Decimal]:
        """What the prefix compares with: a range for `eq`, `ne` and `ap`, else the number, twice."""
        value, low, high = self.number.value, self.number.low, self.number.high
        match self.prefix:
            case "eq" | "ne":
                return low, high
            case "ap":
                # A tenth of it either way, and never less than what would be equal.
                margin = abs(value) / 10
                return min(low, value - margin), max(high, value + margin)
        return value, value

    def span(self, unit: int, low: Decimal, high: Decimal) -> Span | None:
        """Where a range can begin or end that lies so to these ends."""
        if self.prefix not in _SIDES:
            return None
        below, above = _SIDES[self.prefix]
        return Span(unit, low if below else None, high if above else None)


class Measuring(SearchParamType):
    """What is kept in the index of numbers."""

    @abstractmethod
    def span(self, condition: Condition, context: Context) -> Span | None:
        """What the index is read along; None if it would have to be read whole."""

    @abstractmethod
    def matching(self, n: FromClause, shape: Shape, values: Sequence[Bind]) -> ColumnElement[bool]:
        """The condition on a row of that index."""

    def clause(
        self, row: FromClause, place: Place, shape: Shape, values: Sequence[Bind]
    ) -> ColumnElement[bool]:
        match shape:
            case "missing", wanted:
                return unless(wanted, numbers(row, place))
        return numbers(row, place, self.matching(number_index, shape, values))


class Number(Measuring):
    def index(self, elements: Sequence[Element], plan: Plan, index: Index) -> None:
        index.measure(plan.number, (found for element, _ in elements for found in measured(element)))

    def check(self, type_: str, condition: Condition) -> None:
        for text in condition.values:
            Value.parse(text)

    def span(self, condition: Condition, context: Context) -> Span | None:
        if condition.modifier is not None or len(condition.values) > 1:
            return None
        value = Value.parse(condition.values[0])
        return value.span(NO_UNIT, *value.ends)

    def ask(self, condition: Condition, context: Context) -> Asked:
        if asked := missing(condition):
            return asked
        values = [Value.parse(text) for text in condition.values]
        return Asked(tuple(value.prefix for value in values), tuple(end for v in values for end in v.ends))

    def matching(self, n: FromClause, shape: Shape, values: Sequence[Bind]) -> ColumnElement[bool]:
        ends = zip(shape, values[::2], values[1::2], strict=True)
        return or_(*(compare(str(prefix), n.c.low, n.c.high, one, other) for prefix, one, other in ends))


def numbers(row: FromClause, place: Place, *criteria: ColumnElement[bool]) -> ColumnElement[bool]:
    """There is a number of this parameter, such that…"""
    own = number_index.c.param == place.parameter.number
    return beside(row, number_index, place.type, own, *criteria)


def compare(
    prefix: str, low: ColumnElement[Any], high: ColumnElement[Any], one: Bind, other: Bind
) -> ColumnElement[bool]:
    """How a stored range lies to what was asked for; a point has no high end."""
    return COMPARISONS[prefix](low, func.coalesce(high, low), one, other)


# Whether it bounds what begins there on the low side, on the high side.
_SIDES: Mapping[str, tuple[bool, bool]] = {
    "eq": (True, True),
    "gt": (True, False),
    "ge": (True, False),
    "sa": (True, False),
    "lt": (False, True),
    "le": (False, True),
    "eb": (False, True),
}

_Column = ColumnElement[Any]

# That the stored range begins before the asked one ends is said wherever it follows: it bounds an index.
COMPARISONS: Mapping[str, Callable[[_Column, _Column, Bind, Bind], ColumnElement[bool]]] = {
    "eq": lambda low, high, from_, until: and_(low >= from_, low < until, high < until),
    "ne": lambda low, high, from_, until: or_(low < from_, high >= until),
    "gt": lambda low, high, value, _: high > value,
    "lt": lambda low, high, value, _: low < value,
    "ge": lambda low, high, value, _: high >= value,
    "le": lambda low, high, value, _: low <= value,
    "sa": lambda low, high, value, _: low > value,
    "eb": lambda low, high, value, _: and_(low < value, high < value),
    "ap": lambda low, high, from_, until: and_(low <= until, high >= from_),
}


def measured(element: Any) -> Iterator[Measured]:
    """A plain number of a resource; a Range of them, where the element may be one."""
    if isinstance(element, (int, Decimal)) and not isinstance(element, bool):
        yield Measured(NO_UNIT, kept(element))
    elif isinstance(element, dict) and not element.keys().isdisjoint(("low", "high")):
        low, high = (element.get(end, {}).get("value") for end in ("low", "high"))
        if (low, high) != (None, None):
            ends = (-INFINITE if low is None else kept(low), INFINITE if high is None else kept(high))
            yield Measured(NO_UNIT, *ends)
