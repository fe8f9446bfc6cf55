"""Reckoning with numbers, quantities, dates and texts.

http://hl7.org/fhirpath/N1/#math
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal, DecimalException

from server.fhir.expression import Quantity
from server.fhir.fhirpath import quantity, temporal
from server.fhir.fhirpath.children import EMPTY, system
from server.fhir.fhirpath.environment import Environment, Item, Misused

NUMBERS = frozenset(
    {"integer", "positiveInt", "unsignedInt", "decimal", "System.Integer", "System.Decimal", *quantity.TYPES}
)

_Number = int | Decimal
_Calculate = Callable[[list[Item], list[Item], Environment], list[Item]]


def _calculated(
    numbers: Callable[[_Number, _Number], _Number | None],
    quantities: Callable[[Quantity, Quantity, Environment], Quantity | None],
    others: Callable[[Item, Item], Item | None] = lambda one, other: None,
) -> _Calculate:
    """One operator for all that it can be asked of; nothing comes of nothing."""

    def calculate(left: list[Item], right: list[Item], environment: Environment) -> list[Item]:
        if not left or not right:
            return EMPTY
        if len(left) > 1 or len(right) > 1:
            raise Misused("Only with single items can be reckoned.")
        one, other = left[0], right[0]
        if one[0] is None or other[0] is None:
            return EMPTY
        if _is_number(one[0]) and _is_number(other[0]):
            try:
                number = numbers(one[0], other[0])
            except DecimalException:
                return EMPTY
            return EMPTY if number is None else [system(number)]
        if special := others(one, other):
            return [special]
        mine, its = quantity.of(one), quantity.of(other)
        if mine is None or its is None:
            raise Misused("It cannot be reckoned with what is no number.")
        result = quantities(mine, its, environment)
        return EMPTY if result is None else [(result, "System.Quantity", None)]

    return calculate


def _is_number(value: object) -> bool:
    return type(value) in (int, Decimal)


def _added(one: Quantity, other: Quantity, environment: Environment, sign: int = 1) -> Quantity | None:
    its = quantity.converted(other, one, environment)
    return None if its is None else replace(one, value=one.value + sign * its)


def _multiplied(one: Quantity, other: Quantity, _: Environment) -> Quantity:
    mine, its = _code(one), _code(other)
    code = mine if its == "1" else its if mine == "1" else f"({mine}).({its})"
    return _of_unit(one.value * other.value, code, one if its == "1" else other)


def _divided(one: Quantity, other: Quantity, _: Environment) -> Quantity | None:
    if not other.value:
        return None
    mine, its = _code(one), _code(other)
    code = "1" if mine == its else mine if its == "1" else f"({mine})/({its})"
    return _of_unit(one.value / other.value, code, one)


def _of_unit(value: Decimal, code: str, like: Quantity) -> Quantity:
    return replace(like, value=value) if _code(like) == code else Quantity(value, code=code)


def _code(of: Quantity) -> str:
    return of.code or quantity.calendar(of) or "1"


def _none(one: Quantity, other: Quantity, environment: Environment) -> Quantity | None:
    raise Misused("Quantities have no whole quotient.")


def _plus(one: Item, other: Item, sign: int = 1) -> Item | None:
    if type(one[0]) is str and one[1] in temporal.TYPES:
        return _moved(one, quantity.of(other), sign)
    if sign > 0 and type(one[0]) is str and type(other[0]) is str:
        return one[0] + other[0], "System.String", None
    return None


def _moved(time: Item, by: Quantity | None, sign: int) -> Item:
    word = quantity.calendar(by) if by else None
    if by is None or word is None:
        raise Misused("A date moves by a quantity of a unit of the calendar.")
    return temporal.moved(time[0], time[1] in temporal.TIMES, sign * by.value, word), time[1], None


def _quotient(one: _Number, other: _Number) -> _Number | None:
    return Decimal(one) / Decimal(other) if other else None


def _whole_quotient(one: _Number, other: _Number) -> _Number | None:
    return int(Decimal(one) / Decimal(other)) if other else None


def _rest(one: _Number, other: _Number) -> _Number | None:
    if not other:
        return None
    rest = Decimal(one) % Decimal(other)
    return int(rest) if type(one) is int and type(other) is int else rest


OPERATORS: Mapping[str, _Calculate] = {
    "+": _calculated(lambda one, other: one + other, _added, _plus),
    "-": _calculated(
        lambda one, other: one - other,
        lambda one, other, environment: _added(one, other, environment, -1),
        lambda one, other: _plus(one, other, -1),
    ),
    "*": _calculated(lambda one, other: one * other, _multiplied),
    "/": _calculated(_quotient, _divided),
    "div": _calculated(_whole_quotient, _none),
    "mod": _calculated(_rest, _none),
}
