"""Functions of numbers.

http://hl7.org/fhirpath/N1/#math
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, DecimalException
from functools import reduce
from typing import Any

from server.fhir.expression import Quantity
from server.fhir.fhirpath.arithmetic import OPERATORS
from server.fhir.fhirpath.children import EMPTY, system
from server.fhir.fhirpath.environment import Environment, Item, Misused
from server.fhir.fhirpath.equality import order
from server.fhir.fhirpath.function.define import Call, Function, integer_of, one, value_of
from server.fhir.fhirpath.step import DECIMAL, INTEGER

_WHOLE = Decimal(1)


def _number(items: list[Item]) -> Any:
    value = value_of(items)
    if value is None or type(value) in (int, Decimal):
        return value
    raise Misused("A number is expected.")


def _on_number(call: Callable[..., Any]) -> Call:
    def function(items: list[Item], _: Environment, *arguments: list[Item]) -> Any:
        values = [_number(items), *map(_number, arguments)]
        if None in values:
            return None
        try:
            return call(*map(Decimal, values))
        except (DecimalException, ValueError, OverflowError):
            return None

    return function


def _kept(call: Callable[..., Any]) -> Call:
    """Of a quantity its number; what comes of an integer is one."""

    def function(items: list[Item], _: Environment, *arguments: list[Item]) -> list[Item]:
        item = one(items)
        if item is None:
            return EMPTY
        if isinstance(item[0], Quantity):
            return [(replace(item[0], value=call(item[0].value)), item[1], None)]
        number = _number(items)
        return EMPTY if number is None else [system(call(number, *map(integer_of, arguments)))]

    return function


def _rounded(number: int | Decimal, places: int | None = None) -> int | Decimal:
    if places is not None and places < 0:
        raise Misused("A number is rounded to no fewer than 0 digits.")
    if type(number) is int:
        return number
    return Decimal(number).quantize(Decimal((0, (1,), -(places or 0))), ROUND_HALF_UP)


def _power(base: Decimal, exponent: Decimal) -> int | Decimal | None:
    result = base**exponent
    return int(result) if _are_whole(base, exponent) and exponent >= 0 else result


def _are_whole(*numbers: Decimal) -> bool:
    return all(each.as_tuple().exponent == 0 for each in numbers)


def _logarithm(number: Decimal, base: Decimal) -> Decimal:
    return Decimal(repr(round(math.log(number) / math.log(base), 12)))


def _sum(items: list[Item], environment: Environment) -> list[Item]:
    return reduce(lambda one, other: OPERATORS["+"](one, [other], environment), items[1:], items[:1])


def _average(items: list[Item], environment: Environment) -> list[Item]:
    return OPERATORS["/"](_sum(items, environment), [system(len(items))], environment) if items else EMPTY


def _extreme(wanted: int) -> Call:
    def function(items: list[Item], environment: Environment) -> list[Item]:
        found = items[:1]
        for item in items[1:]:
            if order(item, found[0], environment) == wanted:
                found = [item]
        return found

    return function


NUMBER: Mapping[str, Function] = {
    "abs": Function(_kept(abs), "items", single=True),
    "round": Function(_kept(_rounded), "items", 0, 1, single=True),
    "ceiling": Function(
        _on_number(lambda number: int(number.quantize(_WHOLE, ROUND_CEILING))), "value", types=INTEGER
    ),
    "floor": Function(
        _on_number(lambda number: int(number.quantize(_WHOLE, ROUND_FLOOR))), "value", types=INTEGER
    ),
    "truncate": Function(_on_number(int), "value", types=INTEGER),
    "exp": Function(_on_number(Decimal.exp), "value", types=DECIMAL),
    "ln": Function(_on_number(Decimal.ln), "value", types=DECIMAL),
    "log": Function(_on_number(_logarithm), "value", 1, 1, DECIMAL),
    "power": Function(_on_number(_power), "value", 1, 1),
    "sum": Function(_sum, "items", single=True),
    "avg": Function(_average, "items", single=True),
    "min": Function(_extreme(-1), "same", single=True),
    "max": Function(_extreme(1), "same", single=True),
    "sqrt": Function(_on_number(Decimal.sqrt), "value", types=DECIMAL),
}
