"""Quantities: a number of a unit, and when two of them can be compared.

http://hl7.org/fhirpath/N1/#quantity
"""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from server.fhir.expression import Quantity
from server.fhir.fhirpath.environment import Environment, Item

UCUM = "http://unitsofmeasure.org"
TYPES = frozenset(
    {
        "Quantity", "Age", "Count", "Distance", "Duration", "SimpleQuantity", "MoneyQuantity",
        "System.Quantity",
    }
)  # fmt: skip
NUMBERS = (int, Decimal)

_WORDS = {"day": "d", "week": "wk", "hour": "h", "minute": "min", "second": "s", "millisecond": "ms"}
_SECONDS = {
    "wk": Decimal(604800),
    "d": Decimal(86400),
    "h": Decimal(3600),
    "min": Decimal(60),
    "s": Decimal(1),
    "ms": Decimal("0.001"),
}
_MONTHS = {"year": 12, "month": 1}
_ONE = "1"


def of(item: Item) -> Quantity | None:
    """An element as a quantity: a number counts ones; None if it is none, or one with a comparator."""
    value, type, _ = item
    match value:
        case Quantity():
            return value
        case bool():
            return None
        case int() | Decimal():
            return Quantity(Decimal(value), code=_ONE)
        case {"value": int() | Decimal() as number} if type in TYPES and "comparator" not in value:
            return _of_fhir(Decimal(number), value)
    return None


def calendar(quantity: Quantity) -> str | None:
    """The unit of time that a quantity may move a date by: a word of the calendar, never a mean month."""
    if quantity.unit:
        return quantity.unit.removesuffix("s")
    code = quantity.code or ""
    return next((word for word, its in _WORDS.items() if its == code), code if code in _CALENDAR else None)


_CALENDAR = frozenset({*_WORDS, *_MONTHS})


def amounts(one: Quantity, other: Quantity, environment: Environment) -> tuple[Decimal, Decimal] | None:
    """The numbers of both in one unit; None if they are of different kinds."""
    if one.code == other.code and one.unit == other.unit:
        return one.value, other.value
    mine, its = _in_base(one, environment), _in_base(other, environment)
    return (mine[0], its[0]) if mine[1] == its[1] else None


def converted(quantity: Quantity, to: Quantity, environment: Environment) -> Decimal | None:
    """The number of a quantity in the unit of another."""
    if quantity.code == to.code and quantity.unit == to.unit:
        return quantity.value
    amount, kind = _in_base(quantity, environment)
    zero, wanted = _in_base(replace(to, value=Decimal(0)), environment)
    step = _in_base(replace(to, value=Decimal(1)), environment)[0] - zero
    return (amount - zero) / step if kind == wanted else None


def written(quantity: Quantity) -> str:
    return f"{quantity.value} {quantity.unit}" if quantity.unit else f"{quantity.value} '{quantity.code}'"


def _of_fhir(number: Decimal, element: dict[str, Any]) -> Quantity:
    code, unit = element.get("code"), element.get("unit")
    if code and element.get("system") == UCUM:
        return Quantity(number, code=code)
    if not code and not unit:
        return Quantity(number, code=_ONE)
    # Of another system only the same code is the same unit.
    return Quantity(number, code=f"{element.get('system')}|{code}" if code else f"|{unit}")


def _in_base(quantity: Quantity, environment: Environment) -> tuple[Decimal, str]:
    """How many of which base unit it is; what is not known is a unit of its own."""
    value, code = quantity.value, quantity.code or _ONE
    if quantity.unit:
        word = quantity.unit.removesuffix("s")
        if word in _MONTHS:
            return value * _MONTHS[word], "month"
        code = _WORDS[word]
    if code in _SECONDS:
        return value * _SECONDS[code], "s"
    known = environment.base_units and "|" not in code and environment.base_units(value, code)
    return known or (value, code)
