"""Values that a definition fixes, describes in part, or sets bounds to.

https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.fixed_x_
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from server.definition.restriction import Limits
from server.fhir import Json
from server.fhir.period import interval
from server.terminology import ucum
from server.validation.fault import Fault, shown

Test = Callable[[Any], bool]


def tests(limits: Limits) -> Iterator[tuple[Test, Callable[[Any], Fault]]]:
    """What a value has to pass, each with the fault of one that does not."""
    if limits.fixed is not None:
        yield (
            equal(limits.fixed),
            lambda value: Fault("value", f"has to be {_said(limits.fixed)}{_not(value)}"),
        )
    if limits.pattern is not None:
        yield alike(limits.pattern), lambda value: Fault("value", _lacking(limits.pattern, value))
    if limits.least is not None:
        yield _at_least(limits.least), lambda _: Fault("value", f"may not be below {_said(limits.least)}.")
    if limits.most is not None:
        yield _at_most(limits.most), lambda _: Fault("value", f"may not be above {_said(limits.most)}.")
    if limits.length is not None:
        length = limits.length
        yield (
            lambda value: type(value) is not str or len(value) <= length,
            lambda value: Fault("value", f"may have {length} characters and has {len(value)}."),
        )


def equal(fixed: Any) -> Test:
    """The value itself, nothing more and nothing less; true is not 1."""
    return lambda value: value == fixed and (value.__class__ is bool) is (fixed.__class__ is bool)


def alike(pattern: Any) -> Test:
    """Whatever the pattern has: each of its elements, and for each item of an array one that is like it."""
    match pattern:
        case dict():
            inside = tuple((key, alike(each)) for key, each in pattern.items())
            return lambda value: (
                type(value) is dict and all(key in value and test(value[key]) for key, test in inside)
            )
        case list():
            items = tuple(map(alike, pattern))
            return lambda value: type(value) is list and all(any(map(test, value)) for test in items)
    return equal(pattern)


def _at_least(least: Any) -> Test:
    def test(value: Any) -> bool:
        order = _order(value, least)
        return order is None or order >= 0

    return test


def _at_most(most: Any) -> Test:
    def test(value: Any) -> bool:
        order = _order(value, most)
        return order is None or order <= 0

    return test


def _order(value: Any, limit: Any) -> int | None:
    """Below 0 if the value is the smaller, above 0 if it is the greater; None if they cannot be compared."""
    match value, limit:
        case (int() | Decimal(), int() | Decimal()):
            return _sign(value, limit)
        case (str(), str()):
            return _order_in_time(value, limit)
        case ({"value": _}, {"value": _}):
            return _order_of_quantities(value, limit)
    return None


def _sign(value: Any, limit: Any) -> int:
    return int(value > limit) - int(value < limit)


def _order_in_time(value: str, limit: str) -> int | None:
    try:
        (low, high), (first, last) = interval(value), interval(limit)
    except ValueError:
        return _sign(value, limit)
    if high <= first:
        return -1
    return 1 if low >= last else 0


def _order_of_quantities(value: Json, limit: Json) -> int | None:
    if value.get("code") == limit.get("code") or "code" not in limit:
        return _sign(value["value"], limit["value"])
    here, there = _measure(value), _measure(limit)
    if here is None or there is None or here.dimensions != there.dimensions:
        return None
    return _sign(here.amount(Decimal(value["value"])), there.amount(Decimal(limit["value"])))


def _measure(quantity: Json) -> ucum.Measure | None:
    code = quantity.get("code")
    if type(code) is not str or quantity.get("system") != ucum.SYSTEM:
        return None
    return ucum.measure(code)


def _said(value: Any) -> str:
    """What a definition asks for may be quoted in full: it is nobody's."""
    match value:
        case {"coding": [coding, *_]}:
            return _said(coding)
        case {"system": str(system), "code": str(code)}:
            return f"'{code}' of '{system}'"
        case {"value": number, "code": str(unit)}:
            return f"{number} {unit}"
        case dict():
            return " with ".join(f"{key} {_said(each)}" for key, each in value.items())
        case list():
            return ", ".join(map(_said, value))
        case bool():
            return "true" if value else "false"
    return f"'{value}'"


def _not(value: Any) -> str:
    """What was found instead, if it is of a kind that may be shown."""
    match value:
        case {"coding": [{"system": str(system), "code": str(code)}, *_]} | {
            "system": str(system),
            "code": str(code),
        }:
            return f"; {shown(code)} of {shown(system)} is not."
        case str():
            return f"; {shown(value)} is not."
        case bool() | int() | Decimal():
            return f"; '{str(value).lower()}' is not."
    return "; this value is not."


def _lacking(pattern: Any, value: Any) -> str:
    if isinstance(pattern, dict):
        return f"has to have {_said(pattern)} in it{_not(value).replace(' is not.', ' was found.')}"
    return f"has to be {_said(pattern)}{_not(value)}"
