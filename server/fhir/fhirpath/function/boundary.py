"""The least and the greatest that a value of limited precision may stand for, and that precision.

https://hl7.org/fhirpath/2025Jan/#lowboundaryprecision-integer-decimal--date--datetime--time
"""

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import lru_cache

from server.fhir.expression import Quantity
from server.fhir.fhirpath import quantity, temporal
from server.fhir.fhirpath.children import EMPTY, system
from server.fhir.fhirpath.environment import Environment, Item, Misused
from server.fhir.fhirpath.function.define import Function, integer_of, one
from server.fhir.fhirpath.step import INTEGER

_PLACES = 8
_MOST_PLACES = 28
_ZONE = re.compile(r"(?<=T).*?(Z|[+-]\d\d:\d\d)$")
_LENGTHS = {4: 4, 6: 7, 8: 10, 10: 13, 12: 16, 14: 19, 17: 23}
"""Digits of a date's precision → characters of it."""


def _low(items: list[Item], _: Environment, precision: list[Item] | None = None) -> list[Item]:
    return _boundary(items, precision, high=False)


def _high(items: list[Item], _: Environment, precision: list[Item] | None = None) -> list[Item]:
    return _boundary(items, precision, high=True)


def _boundary(items: list[Item], precision: list[Item] | None, *, high: bool) -> list[Item]:
    item = one(items)
    digits = integer_of(precision) if precision else None
    if item is None or item[0] is None:
        return EMPTY
    value, type, _ = item
    if type in temporal.TYPES:
        text = _of_time(value, type, digits, high=high)
        return EMPTY if text is None else [(text, type, None)]
    found = quantity.of(item)
    if found is None:
        raise Misused("Only numbers, quantities and times have a boundary.")
    number = _of_number(Decimal(found.value), _PLACES if digits is None else digits, high=high)
    if number is None:
        return EMPTY
    is_number = not isinstance(value, dict | Quantity)
    return [system(number) if is_number else (replace(found, value=number), "System.Quantity", None)]


def _of_number(number: Decimal, places: int, *, high: bool) -> Decimal | None:
    if not 0 <= places <= _MOST_PLACES:
        return None
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    half = Decimal((0, (5,), min(exponent, 0) - 1))
    bound = number + half if high else number - half
    return bound.quantize(Decimal((0, (1,), -places)), ROUND_CEILING if high else ROUND_FLOOR)


@lru_cache(maxsize=4096)
def _of_time(text: str, type: str, digits: int | None, *, high: bool) -> str | None:
    if type in temporal.TIMES:
        whole = _filled(text, "23:59:59.999" if high else "00:00:00.000")
        return whole[: {2: 2, 4: 5, 6: 8, 9: 12}.get(9 if digits is None else digits, 12)]
    default = 8 if type in temporal.DATES else 17
    length = _LENGTHS.get(default if digits is None else digits)
    if length is None:
        return None
    zone = _ZONE.search(text)
    bare = text[: zone.start(1)] if zone else text
    whole = _filled(bare, "9999-12-31T23:59:59.999" if high else "0001-01-01T00:00:00.000")
    if high and len(bare) < 10:
        whole = f"{whole[:8]}{monthrange(int(whole[:4]), int(whole[5:7]))[1]}{whole[10:]}"
    # Without a zone it may be in any: the earliest is the one furthest before UTC's clock.
    end = zone[1] if zone else "-12:00" if high else "+14:00"
    return whole[:length] + (end if length > 10 else "")


def _filled(text: str, rest: str) -> str:
    return text + rest[len(text) :]


def _precision(items: list[Item], _: Environment) -> int | None:
    """The digits that a value is written with: of a number those behind the point."""
    item = one(items)
    if item is None or item[0] is None:
        return None
    value, type, _beside = item
    if type in temporal.TYPES:
        zone = _ZONE.search(value)
        return len(re.findall(r"\d", value[: zone.start(1)] if zone else value))
    exponent = Decimal(value).as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0


def _comparable(items: list[Item], environment: Environment, other: list[Item]) -> bool | None:
    mine, its = one(items), one(other)
    if mine is None or its is None:
        return None
    left, right = quantity.of(mine), quantity.of(its)
    return left is not None and right is not None and quantity.amounts(left, right, environment) is not None


BOUNDARY: Mapping[str, Function] = {
    "lowBoundary": Function(_low, "items", 0, 1, single=True),
    "highBoundary": Function(_high, "items", 0, 1, single=True),
    "precision": Function(_precision, "value", types=INTEGER),
    "comparable": Function(_comparable, "truth", 1, 1),
}
