"""The value of one element, compiled to a closure: what JSON it takes, how often, and its extensions.

A check takes the value, the object that the value stands in, and the visit; it returns the faults, or None if
there are none.
"""

from collections.abc import Callable
from typing import Any

from server.fhir import Json
from server.fhir.primitive import Primitive
from server.validation.fault import LIMIT, Fault, Faults, joined, kind, misshapen, wrong_value
from server.validation.visit import Visit

Check = Callable[[Any, Json, Visit], Faults]


def primitive(type: Primitive) -> Check:
    """One value of a primitive type."""
    valid = type.valid

    def check(value: Any, _: Json, __: Visit) -> Faults:
        return None if valid(value) else [wrong_value(type, value)]

    return check


def identified(check_value: Check) -> Check:
    """The id of an element: nearly none has one, so that of most resources they need not be compared."""

    def check(value: Any, parent: Json, visit: Visit) -> Faults:
        visit.identified = True
        return check_value(value, parent, visit)

    return check


def many(check_item: Check) -> Check:
    """A complex element that may repeat."""

    def check(value: Any, parent: Json, visit: Visit) -> Faults:
        if type(value) is not list or not value:
            return [_no_array(value)]
        faults: Faults = None
        for index, item in enumerate(value):
            more = check_item(item, parent, visit)
            if more is not None:
                faults = joined(faults, more, f"[{index}]")
                if len(faults) >= LIMIT:
                    break
        return faults

    return check


def many_primitives(check_item: Check, name: str) -> Check:
    """A primitive element that may repeat; a null stands where `_name` has something to say instead."""
    beside = f"_{name}"

    def check(value: Any, parent: Json, visit: Visit) -> Faults:
        if type(value) is not list or not value:
            return [_no_array(value)]
        faults: Faults = None
        for index, item in enumerate(value):
            if item is None:
                more = None if _item(parent.get(beside), index) is not None else [_nothing(name)]
            else:
                more = check_item(item, parent, visit)
            if more is not None:
                faults = joined(faults, more, f"[{index}]")
                if len(faults) >= LIMIT:
                    break
        return faults

    return check


def companion(check_element: Check, name: str) -> Check:
    """`_name`: the id and the extensions of a primitive, and all there is if the value is missing."""

    def check(value: Any, parent: Json, visit: Visit) -> Faults:
        faults = check_element(value, parent, visit)
        if faults is None and name not in parent and "extension" not in value:
            return [_nothing(name)]
        return faults

    return check


def companions(check_element: Check, name: str) -> Check:
    """`_name` of a primitive that may repeat: an array beside the values, null where it adds nothing."""

    def check_item(item: Any, value: Any, parent: Json, visit: Visit) -> Faults:
        faults = check_element(item, parent, visit)
        if faults is None and value is None and "extension" not in item:
            return [_nothing(name)]
        return faults

    def check(value: Any, parent: Json, visit: Visit) -> Faults:
        if type(value) is not list or not value:
            return [_no_array(value)]
        values = parent.get(name, [])
        if type(values) is not list:
            return None  # the check of the values says so
        faults: Faults = None
        for index, item in enumerate(value):
            if item is not None:
                more = check_item(item, _item(values, index), parent, visit)
            else:
                # A null beside a null is the other array's fault; a null beside nothing is this one's.
                more = None if index < len(values) else [_nothing(name)]
            if more is not None:
                faults = joined(faults, more, f"[{index}]")
                if len(faults) >= LIMIT:
                    break
        return faults

    return check


def choice(check_value: Check, name: str, others: frozenset[str]) -> Check:
    """One type of an element that may have several, of which a resource uses one."""

    def check(value: Any, parent: Json, visit: Visit) -> Faults:
        faults = check_value(value, parent, visit)
        if others.isdisjoint(parent):
            return faults
        # The first to come is as good as the only one; the error is the other.
        first = next(key for key in parent if key in others or key.removeprefix("_") == name)
        if first not in others:
            return faults
        text = f"stands beside '{first}'; only one type of the element may be used."
        return joined(faults, [Fault("structure", text)])

    return check


def _item(values: Any, index: int) -> Any:
    return values[index] if type(values) is list and index < len(values) else None


def _no_array(value: Any) -> Fault:
    if value == []:
        return misshapen("is an empty array; leave the element out.")
    return misshapen(f"may repeat and so has to be an array; {kind(value)} is not.")


def _nothing(name: str) -> Fault:
    return misshapen(f"has neither a value nor, in '_{name}', an extension in its place.")
