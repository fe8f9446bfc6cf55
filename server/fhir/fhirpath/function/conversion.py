"""Functions that make one type of another, or ask whether they could.

http://hl7.org/fhirpath/N1/#conversion
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from server.fhir.expression import Quantity
from server.fhir.fhirpath import quantity, temporal
from server.fhir.fhirpath.children import EMPTY, system
from server.fhir.fhirpath.environment import Environment, Item
from server.fhir.fhirpath.function.define import Function, one, text_of, value_of
from server.fhir.fhirpath.step import BOOLEAN, DECIMAL, INTEGER, STRING

_INTEGER = re.compile(r"[+-]?\d{1,30}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d{1,60}(\.\d{1,60})?", re.ASCII)
_QUANTITY = re.compile(r"([+-]?\d{1,60}(?:\.\d{1,60})?)(?:\s*'([^']+)'|\s+([a-z]+))?", re.ASCII)
_TRUE = frozenset({"true", "t", "yes", "y", "1", "1.0"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "0.0"})

_Convert = Callable[[Item], Item | None]


def _integer(item: Item) -> Item | None:
    value = item[0]
    if type(value) in (bool, int):
        return system(int(value))
    return system(int(value)) if type(value) is str and _INTEGER.fullmatch(value) else None


def _decimal(item: Item) -> Item | None:
    value = item[0]
    if type(value) in (bool, int, Decimal):
        return system(Decimal(value))
    return system(Decimal(value)) if type(value) is str and _DECIMAL.fullmatch(value) else None


def _boolean(item: Item) -> Item | None:
    value = item[0]
    if type(value) is bool:
        return system(value)
    if type(value) in (int, Decimal):
        return system(value == 1) if value in (0, 1) else None
    if type(value) is not str or value.lower() not in _TRUE | _FALSE:
        return None
    return system(value.lower() in _TRUE)


def _string(item: Item) -> Item | None:
    text = _written(item)
    return None if text is None else system(text)


def _written(item: Item) -> str | None:
    match item[0]:
        case str(text):
            return text
        case bool(value):
            return "true" if value else "false"
        case int() as number:
            return str(number)
        case Decimal() as number:
            return format(number, "f")
    found = quantity.of(item)
    return quantity.written(found) if found else None


def _date(item: Item) -> Item | None:
    found = _time_of(item, is_time=False)
    return (item[0][:10], "System.Date", None) if found else None


def _date_time(item: Item) -> Item | None:
    return (item[0], "System.DateTime", None) if _time_of(item, is_time=False) else None


def _time(item: Item) -> Item | None:
    return (item[0], "System.Time", None) if _time_of(item, is_time=True) else None


def _time_of(item: Item, *, is_time: bool) -> temporal.Temporal | None:
    return temporal.parse(item[0], is_time) if type(item[0]) is str else None


def _quantity(item: Item) -> Item | None:
    value = item[0]
    if type(value) is bool:
        return Quantity(Decimal(value), code="1"), "System.Quantity", None
    found = _quantity_in(value) if type(value) is str else quantity.of(item)
    return (found, "System.Quantity", None) if found else None


def _quantity_in(text: str) -> Quantity | None:
    found = _QUANTITY.fullmatch(text)
    if found is None:
        return None
    number, code, word = found.groups()
    if word is None:
        return Quantity(Decimal(number), code=code or "1")
    known = quantity.calendar(Quantity(Decimal(number), code=word.removesuffix("s")))
    return Quantity(Decimal(number), unit=word) if known == word.removesuffix("s") else None


def _to(convert: _Convert) -> Callable[..., list[Item]]:
    def function(items: list[Item], _: Environment, unit: list[Item] | None = None) -> list[Item]:
        item = one(items)
        found = convert(item) if item and item[0] is not None else None
        return [found] if found else EMPTY

    return function


def _to_quantity(items: list[Item], environment: Environment, unit: list[Item] | None = None) -> list[Item]:
    found = _to(_quantity)(items, environment)
    code = text_of(unit) if unit else None
    if code is None or not found:
        return found
    wanted = Quantity(Decimal(1), code=code)
    number = quantity.converted(found[0][0], wanted, environment)
    return EMPTY if number is None else [(Quantity(number, code=code), "System.Quantity", None)]


def _converts(convert: _Convert) -> Callable[..., bool | None]:
    def function(items: list[Item], _: Environment, unit: list[Item] | None = None) -> bool | None:
        item = one(items)
        return None if item is None or value_of(items) is None else convert(item) is not None

    return function


_TYPES: Mapping[str, tuple[_Convert, frozenset[str]]] = {
    "Boolean": (_boolean, BOOLEAN),
    "Integer": (_integer, INTEGER),
    "Decimal": (_decimal, DECIMAL),
    "String": (_string, STRING),
    "Date": (_date, frozenset({"System.Date"})),
    "DateTime": (_date_time, frozenset({"System.DateTime"})),
    "Time": (_time, frozenset({"System.Time"})),
    "Quantity": (_quantity, frozenset({"System.Quantity"})),
}

CONVERSION: Mapping[str, Function] = {
    **{
        f"to{name}": Function(_to(convert), "items", 0, 0, types, single=True)
        for name, (convert, types) in _TYPES.items()
    },
    **{
        f"convertsTo{name}": Function(_converts(convert), "truth", 0, 1)
        for name, (convert, _) in _TYPES.items()
    },
    "toQuantity": Function(_to_quantity, "items", 0, 1, frozenset({"System.Quantity"}), single=True),
}
