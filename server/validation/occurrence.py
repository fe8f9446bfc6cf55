"""The occurrences of an element in an object: values, what stands beside primitives, and the way to each."""

from collections.abc import Callable
from itertools import zip_longest
from typing import Any, NamedTuple

from server.definition.structure import Element
from server.fhir import Json
from server.fhir.primitive import PRIMITIVES


class Occurrence(NamedTuple):
    """`type` is what FHIRPath knows the value by: its type, or the path of an element defined in place.

    A primitive that has nothing but extensions has None for its value; `beside` is the object with them.
    """

    value: Any
    beside: Json | None
    step: str
    type: str


Gather = Callable[[Json], list[Occurrence]]

_NONE: list[Occurrence] = []


def gather(element: Element) -> Gather:
    """Finds the occurrences of an element of a base type; what has not the shape of one is left out."""
    keys = {key: _reader(element, key, type.code) for key, type in element.properties()}
    for key, type in element.properties():
        if type.code in PRIMITIVES and not type.attribute:
            # A primitive that is there by its extensions alone is read as it would be by its value.
            keys[f"_{key}"] = keys[key]
    if len(keys) == 1:
        [(only, reader)] = keys.items()

        def one(parent: Json) -> list[Occurrence]:
            return reader(parent, parent[only]) if only in parent else _NONE

        return one

    def several(parent: Json) -> list[Occurrence]:
        for key, value in parent.items():
            if key in keys:
                return keys[key](parent, value)
        return _NONE

    return several


_Reader = Callable[[Json, Any], list[Occurrence]]


def _reader(element: Element, key: str, code: str) -> _Reader:
    step = f".{element.name}.ofType({code})" if element.choice else f".{element.name}"
    type_ = element.content or (element.path if element.children else code)
    if code in PRIMITIVES:
        return _primitives(key, step, type_) if element.repeats else _primitive(key, step, type_)
    if not element.repeats:
        return lambda _, value: [Occurrence(value, None, step, _actual(value, type_))]

    def read(_: Json, value: Any) -> list[Occurrence]:
        if type(value) is not list:
            return _NONE
        return [
            Occurrence(item, None, f"{step}[{index}]", _actual(item, type_))
            for index, item in enumerate(value)
            if type(item) is dict
        ]

    return read


def _actual(value: Any, type_: str) -> str:
    """A resource says itself what it is."""
    return str(value.get("resourceType")) if type_ == "Resource" and type(value) is dict else type_


def _primitive(key: str, step: str, type_: str) -> _Reader:
    beside = f"_{key}"

    def read(parent: Json, _: Any) -> list[Occurrence]:
        return [Occurrence(parent.get(key), parent.get(beside), step, type_)]

    return read


def _primitives(key: str, step: str, type_: str) -> _Reader:
    beside = f"_{key}"

    def read(parent: Json, _: Any) -> list[Occurrence]:
        values, others = parent.get(key, ()), parent.get(beside, ())
        if type(values) is str or type(others) is dict:
            return _NONE
        pairs = enumerate(zip_longest(values, others))
        return [Occurrence(value, other, f"{step}[{index}]", type_) for index, (value, other) in pairs]

    return read
