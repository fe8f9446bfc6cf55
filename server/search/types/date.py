"""Dates: both sides are intervals, and the prefix says how they must lie to each other.

https://hl7.org/fhir/R4/search.html#date
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, FromClause, and_, false, or_, true

from server.clock import now
from server.fhir import Json
from server.fhir.issue import Invalid
from server.fhir.period import HIGHEST, LOWEST, Interval, interval, period
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
    beside,
    missing,
    unless,
)
from server.store.tables import date_index

MAIN = "date"
"""The parameter whose interval is a column of the resource."""

_VALUE = re.compile(r"([a-z]{2})?(\d.*)", re.DOTALL)


class Value(NamedTuple):
    """An interval, and how those that are searched must lie to it."""

    prefix: str
    low: datetime
    high: datetime

    @classmethod
    def parse(cls, text: str) -> "Value":
        """`2024-05`, `ge2024-05-01`, `lt2024-05-01T10:00:00Z`."""
        found = _VALUE.fullmatch(text)
        prefix = (found[1] or "eq") if found else ""
        if found is None or prefix not in _COMPARISONS:
            raise Invalid(f"'{text}' is not a date, whether or not after one of {', '.join(_COMPARISONS)}.")
        try:
            # The plus of a zone, sent without being percent-encoded, arrives as a space.
            low, high = interval(found[2].replace(" ", "+"))
        except ValueError as error:
            raise Invalid(f"'{text}' is not a FHIR date.") from error
        return cls(prefix, *_widened(low, high)) if prefix == "ap" else cls(prefix, low, high)


class Date(SearchParamType):
    """A date beside the main one: rows in the index of dates."""

    def index(self, elements: Sequence[Element], plan: Plan, index: Index) -> None:
        ordered = sorted({found for element, type_ in elements if (found := _interval(element, type_))})
        last = len(ordered) - 1
        index.dates += [(plan.number, *each, at == 0, at == last) for at, each in enumerate(ordered)]

    def check(self, type_: str, condition: Condition) -> None:
        for text in condition.values:
            Value.parse(text)

    def ask(self, condition: Condition, context: Context) -> Asked:
        if asked := missing(condition):
            return asked
        values = [Value.parse(text) for text in condition.values]
        ends = (end for value in values for end in (value.low, value.high))
        overlap = condition.modifier == "overlap"
        return Asked(tuple("po" if overlap else value.prefix for value in values), tuple(ends))

    def clause(
        self, row: FromClause, place: Place, shape: Shape, values: Sequence[Bind]
    ) -> ColumnElement[bool]:
        own = date_index.c.param == place.parameter.number
        match shape:
            case "missing", wanted:
                return unless(wanted, beside(row, date_index, place.type, own))
        found = _compare(_INTERVALS, (date_index.c.low, date_index.c.high), shape, values)
        return beside(row, date_index, place.type, own, found)


class MainDate(Date):
    """The `date` of a type: two columns of the resource, the hull if it has several."""

    def index(self, elements: Sequence[Element], plan: Plan, index: Index) -> None:
        index.date = _hull([found for element, type_ in elements if (found := _interval(element, type_))])

    def clause(
        self, row: FromClause, place: Place, shape: Shape, values: Sequence[Bind]
    ) -> ColumnElement[bool]:
        match shape:
            case "missing", wanted:
                return row.c.date_low.is_(None) if wanted else row.c.date_low.is_not(None)
        return _compare(_INTERVALS, (row.c.date_low, row.c.date_high), shape, values)


class LastUpdated(Date):
    """`_lastUpdated`: an instant that the server gives, to the millisecond."""

    stored = False

    def index(self, elements: Sequence[Element], plan: Plan, index: Index) -> None:
        """It is a column of every resource."""

    def clause(
        self, row: FromClause, place: Place, shape: Shape, values: Sequence[Bind]
    ) -> ColumnElement[bool]:
        match shape:
            case "missing", wanted:
                return false() if wanted else true()
        instants = ("eq" if prefix == "po" else prefix for prefix in shape)
        return _compare(_INSTANTS, (row.c.last_updated,), tuple(instants), values)


def starts(condition: Condition) -> Interval | None:
    """The span in which whatever matches must begin; None if it may begin anywhere.

    What a walk along an index of beginnings can be cut down to.
    """
    if condition.modifier is not None:
        return None
    spans = [_STARTS[value.prefix](value) for value in map(Value.parse, condition.values)]
    hull = min(low for low, _ in spans), max(high for _, high in spans)
    return None if hull == (LOWEST, HIGHEST) else hull


_Column = ColumnElement[datetime]

# A period that ends within the asked interval is `ge`, one that begins within it `le`: by the words of the
# specification they are neither, by the servers that clients know they are.
# That the stored interval begins before the asked one ends is said wherever it follows from the rest: it
# bounds a walk along the index of beginnings.
_COMPARISONS: Mapping[str, Callable[[_Column, _Column, Bind, Bind], ColumnElement[bool]]] = {
    "eq": lambda low, high, from_, until: and_(low >= from_, low < until, high <= until),
    "ne": lambda low, high, from_, until: or_(low < from_, high > until),
    "gt": lambda low, high, from_, until: high > until,
    "lt": lambda low, high, from_, until: low < from_,
    "ge": lambda low, high, from_, until: high > from_,
    "le": lambda low, high, from_, until: low < until,
    "sa": lambda low, high, from_, until: low >= until,
    "eb": lambda low, high, from_, until: and_(low < from_, high <= from_),
    "ap": lambda low, high, from_, until: and_(low < until, high > from_),
}

# `_filter` asks for an overlap, which has no prefix.
_INTERVALS = {**_COMPARISONS, "po": _COMPARISONS["ap"]}

_INSTANTS: Mapping[str, Callable[[_Column, Bind, Bind], ColumnElement[bool]]] = {
    "eq": lambda at, from_, until: and_(at >= from_, at < until),
    "ne": lambda at, from_, until: or_(at < from_, at >= until),
    "gt": lambda at, from_, until: at >= until,
    "lt": lambda at, from_, until: at < from_,
    "ge": lambda at, from_, until: at >= from_,
    "le": lambda at, from_, until: at < until,
    "sa": lambda at, from_, until: at >= until,
    "eb": lambda at, from_, until: at < from_,
    "ap": lambda at, from_, until: and_(at >= from_, at < until),
}

_STARTS: Mapping[str, Callable[[Value], Interval]] = {
    "eq": lambda value: (value.low, value.high),
    "ne": lambda value: (LOWEST, HIGHEST),
    "gt": lambda value: (LOWEST, HIGHEST),
    "lt": lambda value: (LOWEST, value.low),
    "ge": lambda value: (LOWEST, HIGHEST),
    "le": lambda value: (LOWEST, value.high),
    "sa": lambda value: (value.high, HIGHEST),
    "eb": lambda value: (LOWEST, value.low),
    "ap": lambda value: (LOWEST, value.high),
}


def _compare(
    comparisons: Mapping[str, Callable[..., ColumnElement[bool]]],
    stored: tuple[_Column, ...],
    shape: Shape,
    values: Sequence[Bind],
) -> ColumnElement[bool]:
    ends = zip(shape, values[::2], values[1::2], strict=True)
    return or_(*(comparisons[str(prefix)](*stored, low, high) for prefix, low, high in ends))


def _widened(low: datetime, high: datetime) -> Interval:
    """Approximately: by a tenth of the distance between then and now."""
    at = now()
    margin = max(low - at, at - high, timedelta()) / 10
    return low - min(margin, low - LOWEST), high + min(margin, HIGHEST - high)


def _interval(element: object, type_: str) -> Interval | None:
    match type_, element:
        case (("date" | "dateTime" | "instant"), str(text)):
            return interval(text)
        case "Period", dict(found):
            return period(found)
        case "Timing", dict(found):
            return _timing(found)
    return None


def _timing(timing: Json) -> Interval:
    """The outer limits; what repeats between them does not matter here."""
    bounds = timing.get("repeat", {}).get("boundsPeriod")
    spans = [interval(text) for text in timing.get("event", ()) if text]
    spans += [period(bounds)] if bounds else []
    return _hull(spans) or (LOWEST, HIGHEST)


def _hull(spans: Sequence[Interval]) -> Interval | None:
    if not spans:
        return None
    return min(low for low, _ in spans), max(high for _, high in spans)
