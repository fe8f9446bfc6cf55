"""Elements that a right names by a path: `address`, `participant.individual`, `extension('https://…')`.

A path is that of FHIRPath without the name of the type; a choice is named without its type (`value`).
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from server.definition.structure import structure
from server.fhir import Json

_STEP = re.compile(r"(\w+)(?:\('([^']+)'\))?\.?")


class Step(NamedTuple):
    """A child by its name; `url`: of an extension."""

    name: str
    url: str | None


@cache
def steps(path: str) -> tuple[Step, ...]:
    """The way from the resource to the element."""
    return tuple(Step(name, url or None) for name, url in _STEP.findall(path))


def is_whole(path: str) -> bool:
    """Whether it is an element of the resource itself, all of it."""
    (first, *rest) = steps(path)
    return not rest and first.url is None


def without(resource: Json, paths: Iterable[str]) -> Json:
    """The resource without these elements."""
    for path in paths:
        resource = _without(resource, steps(path), resource["resourceType"])
    return resource


def at(resource: Json, path: str) -> list[Any]:
    """What stands there, extensions of primitives included, each with the properties on the way."""
    return _at(resource, steps(path), resource["resourceType"])


@cache
def properties(type_: str, name: str) -> frozenset[str]:
    """The properties of a type that an element of it may have: `birthDate`, `_birthDate`, `valueQuantity`."""
    found = structure(type_)
    assert found is not None
    element = found.root.child(name)
    plain = [property_ for property_, _ in element.properties()] if element else []
    return frozenset(each for property_ in plain for each in (property_, f"_{property_}"))


def fault(type_: str, path: str) -> str | None:
    """Why an element of the type cannot be kept back, or from change; None: it can."""
    found = structure(type_)
    assert found is not None
    elements = found.root.children
    for depth, step in enumerate(steps(path)):
        here = next((each for each in elements if each.name == step.name), None)
        if here is None or (depth == 0 and step.name in _ALWAYS):
            return f"'{path}' is no element of {type_} that can be kept back."
        if step.url is not None and step.name not in ("extension", "modifierExtension"):
            return f"'{path}': only an extension has a url."
        if here.min and depth:
            return f"'{path}': FHIR demands it where the rest of its element is."
        inside = structure(here.types[0].code) if len(here.types) == 1 and not here.children else None
        elements = inside.root.children if inside else here.children
    return None


_ALWAYS = ("id", "meta", "implicitRules")


def _belongs(property_: str, name: str, type_: str | None) -> bool:
    """Whether a property is of the element; inside of a resource's elements, by its name alone."""
    if type_ is not None:
        return property_ in properties(type_, name)
    bare = property_.removeprefix("_")
    return bare == name or (bare.startswith(name) and bare[len(name)].isupper())


def _without(element: Json, path: tuple[Step, ...], type_: str | None = None) -> Json:
    first, rest = path[0], path[1:]
    return {
        name: left
        for name, value in element.items()
        if (left := _left(value, first, rest) if _belongs(name, first.name, type_) else value) is not None
    }


def _left(value: Any, step: Step, rest: tuple[Step, ...]) -> Any:
    """What is left of a property through which the path goes; None: nothing."""
    if isinstance(value, list):
        found = [left for each in value if (left := _left(each, step, rest)) is not None]
        return found or None
    if not isinstance(value, dict):
        return value if rest else None
    if step.url is not None and value.get("url") != step.url:
        return value
    return (_without(value, rest) or None) if rest else None


def _at(element: Any, path: tuple[Step, ...], type_: str | None = None) -> list[Any]:
    if not path:
        return [element]
    first, rest = path[0], path[1:]
    found: list[Any] = []
    for name, value in element.items() if isinstance(element, dict) else ():
        if _belongs(name, first.name, type_):
            some = value if isinstance(value, list) else [value]
            chosen = [each for each in some if first.url is None or _has_url(each, first.url)]
            found += [(name, one) for each in chosen for one in _at(each, rest)]
    return found


def _has_url(extension: Any, url: str) -> bool:
    return isinstance(extension, dict) and extension.get("url") == url
