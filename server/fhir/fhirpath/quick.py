"""Short cuts for what invariants ask most: is there a child, is it this text."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Any

from server.fhir.fhirpath.children import EMPTY, Take
from server.fhir.fhirpath.environment import Environment, Item
from server.fhir.fhirpath.function.define import pattern, text_of
from server.fhir.fhirpath.step import Step, Sure, Test, Types
from server.fhir.fhirpath.temporal import DATE_TIMES, DATES, are_alike, parse
from server.fhir.fhirpath.temporal import TYPES as TEMPORAL
from server.fhir.fhirpath.temporal import compared as compare
from server.fhir.property import Property, is_primitive

Hold = Callable[[Item, Environment], Any]
_Order = Callable[[Any, Any], bool]


def child(source: Step, take: Take, types: Types, *, single: bool, known: Property | None = None) -> Step:
    """The step to a child; `known`: the one property that carries it, so that it need not be looked for."""
    inner = source.find

    def find(this: Item, environment: Environment) -> list[Item]:
        found = inner(this, environment)
        if len(found) == 1:
            return take(found[0])
        return [child for item in found for child in take(item)] if found else EMPTY

    if known is None or not known.key or source.hold is None or not source.types:
        return Step(find, types, single)
    if is_primitive(min(source.types)):
        return Step(find, types, single)
    there = _there(source.hold, known)
    return Step(find, types, single, there=there, hold=_hold(source.hold, known.key) if single else None)


def _hold(inner: Hold, key: str) -> Hold:
    def hold(this: Item, environment: Environment) -> Any:
        holder = inner(this, environment)
        return None if holder is None else holder.get(key)

    return hold


def _there(inner: Hold, known: Property) -> Sure:
    key, side = known.key, f"_{known.key}"
    if is_primitive(known.type):

        def primitive_there(this: Item, environment: Environment) -> bool:
            holder = inner(this, environment)
            return holder is not None and (key in holder or side in holder)

        return primitive_there

    def there(this: Item, environment: Environment) -> bool:
        holder = inner(this, environment)
        return holder is not None and key in holder

    return there


def shortened(operator: str, left: Step, right: Step) -> Test | None:
    """A comparison without collections, where both sides are known to be single; None where they are not."""
    is_equality = operator in ("=", "!=")
    if is_equality and left.test and right.test:
        return _alike(left.test, right.test, operator == "=")
    if left.hold is None:
        return None
    if operator in _ORDERS:
        return _in_order(_ORDERS[operator], left.hold, left, right)
    literals = right.constants
    if not literals or not _is_plain(left.types, literals):
        return None
    if operator == "in":
        return _is_one_of(left.hold, frozenset(value for value, _, _ in literals))
    return (
        _is_text(left.hold, literals[0][0], operator == "=") if is_equality and len(literals) == 1 else None
    )


def _in_order(order: _Order, hold: Hold, left: Step, right: Step) -> Test | None:
    if right.constants:
        bound = right.constants[0][0]
        is_number = len(right.constants) == 1 and type(bound) in (int, Decimal)
        return _is_beyond(hold, order, bound) if is_number and left.types and left.types <= _NUMBERS else None
    if right.hold and _are_times(left.types) and _are_times(right.types):
        return _is_before(hold, order, right.hold)
    return None


def extended(source: Step, url: str, types: Types) -> Step | None:
    """`extension('url')` of a single element that is no primitive; None where it is something else."""
    hold = source.hold
    if hold is None or not source.types or any(map(is_primitive, source.types)):
        return None

    def find(this: Item, environment: Environment) -> list[Item]:
        holder = hold(this, environment)
        if not isinstance(holder, dict):
            return EMPTY
        return [(each, "Extension", None) for each in holder.get("extension", ()) if each.get("url") == url]

    return Step(find, types, single=False)


def valued(source: Step) -> Test | None:
    """`hasValue()` of a single primitive."""
    hold = source.hold
    if hold is None or not source.types or not all(map(is_primitive, source.types)):
        return None
    return lambda this, environment: hold(this, environment) is not None


def _alike(left: Test, right: Test, wanted: bool) -> Test:
    def test(this: Item, environment: Environment) -> bool | None:
        one, other = left(this, environment), right(this, environment)
        return None if one is None or other is None else (one is other) is wanted

    return test


def _is_text(hold: Hold, literal: Any, wanted: bool) -> Test:
    def test(this: Item, environment: Environment) -> bool | None:
        value = hold(this, environment)
        return None if value is None else (value == literal) is wanted

    return test


def _is_one_of(hold: Hold, literals: frozenset[Any]) -> Test:
    def test(this: Item, environment: Environment) -> bool | None:
        value = hold(this, environment)
        return None if value is None else value in literals

    return test


def _is_beyond(hold: Hold, order: _Order, bound: Any) -> Test:
    def test(this: Item, environment: Environment) -> bool | None:
        value = hold(this, environment)
        return None if value is None else order(value, bound)

    return test


def _is_before(left: Hold, order: _Order, right: Hold) -> Test:
    """Of two dates, or dates with times; None where their precision leaves it open."""

    def test(this: Item, environment: Environment) -> bool | None:
        one, other = left(this, environment), right(this, environment)
        if one is None or other is None:
            return None
        if are_alike(one, other):
            return order(one, other)
        mine, its = parse(one), parse(other)
        compared = None if mine is None or its is None else compare(mine, its)
        return None if compared is None else order(compared, 0)

    return test


def _are_times(types: Types) -> bool:
    return bool(types) and types is not None and types <= DATES | DATE_TIMES


def _is_plain(types: Types, literals: list[Item]) -> bool:
    """Whether elements of the types are equal to the literals just when their JSON is."""
    if not types:
        return False
    kinds = {type(value) for value, _, _ in literals}
    if kinds == {str}:
        return types.isdisjoint(TEMPORAL | _NOT_TEXT) and all(map(is_primitive, types))
    return types == {"boolean"} if kinds == {bool} else kinds == {int} and types <= _NUMBERS


_NUMBERS = frozenset({"integer", "positiveInt", "unsignedInt", "decimal"})
_NOT_TEXT = _NUMBERS | {"boolean"}
_ORDERS: Mapping[str, _Order] = {"<": lt, "<=": le, ">": gt, ">=": ge}


def matched(function: str, source: Step, text: str) -> Test:
    """A function on one text, with a literal."""
    hold = source.hold
    assert hold is not None
    ask: Callable[[str], Any]
    match function:
        case "matches":
            ask = pattern(text).search
        case "startsWith":
            ask = lambda value: value.startswith(text)  # noqa: E731
        case "endsWith":
            ask = lambda value: value.endswith(text)  # noqa: E731
        case _:
            ask = lambda value: text in value  # noqa: E731

    def test(this: Item, environment: Environment) -> bool | None:
        value = hold(this, environment)
        if value is None:
            return None
        if type(value) is not str:
            value = text_of([(value, "", None)])
        return bool(ask(value))

    return test
