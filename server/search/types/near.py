"""`near`: places within a distance of a point.

https://hl7.org/fhir/R4/location.html#search

A position is kept as a number whose low end is the latitude and whose high end is the longitude.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Double, FromClause, and_, cast, func, or_

from server.fhir.issue import Invalid
from server.fhir.number import kept, precise
from server.search.escape import split
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
    missing,
    unless,
)
from server.search.types.number import NO_UNIT, numbers
from server.store.tables import number_index
from server.terminology.ucum import measure

NEARBY = Decimal(50)
"""The distance where none is given, in kilometres."""

_EARTH = 6371.0088
"""The mean radius, in kilometres."""

_DEGREE = Decimal("111.0")
"""Kilometres in a degree of latitude, at the least."""

_NAMES: Mapping[str, str] = {"": "km", "mi_us": "[mi_us]", "mi": "[mi_i]"}
_METRES = "m"
_PARTS = 4


class Value(NamedTuple):
    latitude: Decimal
    longitude: Decimal
    kilometres: Decimal

    @classmethod
    def parse(cls, text: str) -> "Value":
        """`51.5|-0.12`, `51.5|-0.12|10`, `51.5|-0.12|6|[mi_us]`."""
        parts = split(text, "|")
        if not 2 <= len(parts) <= _PARTS:
            raise Invalid(f"'{text}' is not latitude|longitude|distance|unit.")
        distance, unit = (*parts[2:], "", "")[:2]
        try:
            latitude, longitude = (precise(part.replace(" ", "+")).value for part in parts[:2])
            far = precise(distance).value if distance else NEARBY
        except ValueError as error:
            raise Invalid(f"'{text}' is not latitude|longitude|distance|unit: {error}") from error
        known = measure(_NAMES.get(unit, unit))
        if known is None or known.base != _METRES:
            raise Invalid(f"'{unit}' is no unit of distance.")
        if abs(latitude) > 90 or abs(longitude) > 180 or far < 0:
            raise Invalid(f"'{text}' is no place on earth, or no distance.")
        return cls(latitude, longitude, known.amount(far) / 1000)


class Near(SearchParamType):
    sortable = False

    def index(self, elements: Sequence[Element], plan: Plan, index: Index) -> None:
        found = (each for each, _ in elements if isinstance(each, dict))
        places = (
            Measured(NO_UNIT, kept(each["latitude"]), kept(each["longitude"]))
            for each in found
            if "latitude" in each and "longitude" in each
        )
        index.measure(plan.number, places)

    def check(self, type_: str, condition: Condition) -> None:
        for text in condition.values:
            Value.parse(text)

    def ask(self, condition: Condition, context: Context) -> Asked:
        if asked := missing(condition):
            return asked
        values = [Value.parse(text) for text in condition.values]
        return Asked(("near", len(values)), tuple(part for value in values for part in value))

    def clause(
        self, row: FromClause, place: Place, shape: Shape, values: Sequence[Bind]
    ) -> ColumnElement[bool]:
        match shape:
            case "missing", wanted:
                return unless(wanted, numbers(row, place))
        triples = zip(values[::3], values[1::3], values[2::3], strict=True)
        return numbers(row, place, or_(*(_within(*triple) for triple in triples)))


def distance(position: FromClause, latitude: Any, longitude: Any) -> ColumnElement[float]:
    """Kilometres, by the haversine formula."""
    n = position.c
    here, there = func.radians(_double(latitude)), func.radians(_double(n.low))
    across = func.radians(_double(n.high) - _double(longitude))
    up, along = func.pow(func.sin((there - here) / 2), 2), func.pow(func.sin(across / 2), 2)
    half = up + func.cos(here) * func.cos(there) * along
    found: ColumnElement[float] = 2 * _EARTH * func.asin(func.sqrt(func.least(half, 1.0)))
    return found


def _within(latitude: Bind, longitude: Bind, kilometres: Bind) -> ColumnElement[bool]:
    """First, and cheaper, by latitude alone."""
    n = number_index.c
    margin = kilometres / _DEGREE
    far = distance(number_index, latitude, longitude)
    return and_(n.low >= latitude - margin, n.low <= latitude + margin, far <= _double(kilometres))


def _double(value: Any) -> ColumnElement[float]:
    return cast(value, Double)
