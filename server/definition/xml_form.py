"""What XML may say of each type: its child elements by name, in order, and its attributes.

https://hl7.org/fhir/R4/xml.html
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from server.definition.library import library
from server.definition.structure import Element, ElementType, Structure, structure
from server.definition.xml_writer import NAMESPACE
from server.fhir.json import EXPONENT_LIMIT
from server.fhir.primitive import PRIMITIVES

XHTML = "http://www.w3.org/1999/xhtml"

Convert = Callable[[str], Any]
"""From the text of an attribute `value` to the value in JSON; raises ValueError, saying what was expected."""


@dataclass(frozen=True, slots=True)
class Form:
    """`children` are by name with namespace, as the parser gives it."""

    children: Mapping[str, "Child"]
    attributes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Child:
    """`rank` is the place among its siblings. A primitive has `convert`; anything else has `form`, asked for
    when it is met, since forms contain each other without end."""

    rank: int
    key: str
    repeats: bool
    convert: Convert | None = None
    form: Callable[[], Form] | None = None
    narrative: bool = False
    type: str | None = None


@cache
def resource(type: str) -> Form:
    """A resource."""
    known = _known(type)
    return _form(known, known.root)


@cache
def resources() -> Form:
    """Where a resource stands: one element, named as its type."""
    return Form(
        {
            f"{NAMESPACE} {type}": Child(0, "", repeats=False, form=_resource_later(type), type=type)
            for type in library().resource_types
        }
    )


@cache
def beside() -> Form:
    """What a primitive may have beside its value."""
    known = _known("Element")
    return _form(known, known.root)


def _resource_later(type: str) -> Callable[[], Form]:
    return lambda: resource(type)


@cache
def _datatype(code: str) -> Form:
    known = _known(code)
    return _form(known, known.root)


@cache
def _part(url: str, path: str) -> Form:
    """An element that is defined in place, as Patient.contact is."""
    known = _known(url)
    return _form(known, known.elements[path])


def _form(within: Structure, parent: Element) -> Form:
    children: dict[str, Child] = {}
    attributes = set()
    for rank, child in enumerate(parent.children):
        for name, type in child.properties():
            if type.attribute:
                attributes.add(name)
            elif type.code == "xhtml":
                children[f"{XHTML} {name}"] = Child(rank, name, repeats=False, narrative=True)
            else:
                children[f"{NAMESPACE} {name}"] = _child(within, child, type, name, rank)
    return Form(children, frozenset(attributes))


def _child(within: Structure, child: Element, type: ElementType, name: str, rank: int) -> Child:
    if type.code in PRIMITIVES:
        return Child(rank, name, child.repeats, convert=_CONVERT.get(type.code, _string))
    return Child(rank, name, child.repeats, form=_later(within, child, type))


def _later(within: Structure, child: Element, type: ElementType) -> Callable[[], Form]:
    if child.children or child.content:
        return lambda: _part(within.url, child.content or child.path)
    if type.code == "Resource":
        return resources
    return lambda: _datatype(type.code)


def _string(text: str) -> str:
    return text


def _boolean(text: str) -> bool:
    try:
        return _BOOLEANS[text]
    except KeyError:
        raise ValueError("'true' or 'false'") from None


def _integer(text: str) -> int:
    if _INTEGER.fullmatch(text) is None or len(text) > _DIGITS_LIMIT:
        raise ValueError("a whole number, written as in '12'")
    return int(text)


def _decimal(text: str) -> int | Decimal:
    """What the JSON decoder makes of the same text."""
    if _DECIMAL.fullmatch(text) is None or len(text) > _DIGITS_LIMIT:
        raise ValueError("a decimal number, written as in '1.50'")
    if _INTEGER.fullmatch(text) is not None:
        return int(text)
    value = Decimal(text)
    if abs(value.adjusted()) > EXPONENT_LIMIT:
        raise ValueError(f"a decimal number within 1e±{EXPONENT_LIMIT}")
    return value


_BOOLEANS = {"true": True, "false": False}
_DIGITS_LIMIT = 1000
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,6})?")
_CONVERT: Mapping[str, Convert] = {
    "boolean": _boolean,
    "decimal": _decimal,
    "integer": _integer,
    "positiveInt": _integer,
    "unsignedInt": _integer,
}


def _known(type: str) -> Structure:
    known = structure(type)
    assert known is not None, f"The library has no definition of {type}."
    return known
