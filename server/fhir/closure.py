"""The steps of a path as closures: each takes an element and hands on what it finds to the next."""

from collections.abc import Callable, Iterable
from typing import Any

from server.fhir import Json
from server.fhir import reference as _reference
from server.fhir.property import ABSTRACT


class Found(list[tuple[Any, str]]):
    """What has been found so far, and in which resource."""

    __slots__ = ("resource",)
    resource: Json


Emit = Callable[[Any, Found], None]
"""Takes an element."""

Then = Callable[[str], Emit]
"""What takes the next element, known its type."""

Test = Callable[[Any, Found], bool | None]
"""Three-valued: None is FHIRPath's empty."""


def keep(type: str) -> Emit:
    """The end of a path; an element defined in place has no type of its own, a resource inside says it."""
    if type in ABSTRACT:
        return lambda resource, found: found.append((resource, resource["resourceType"]))
    return keep_as("BackboneElement" if "." in type else type)


def keep_as(type: str) -> Emit:
    def emit(element: Any, found: Found) -> None:
        found.append((element, type))

    return emit


def nothing(_element: Any, _found: Found) -> None:
    return None


def only(key: str, after: Emit) -> Emit:
    def emit(element: Any, found: Found) -> None:
        value = element.get(key)
        if value is not None:
            after(value, found)

    return emit


def each(key: str, after: Emit) -> Emit:
    def emit(element: Any, found: Found) -> None:
        for value in element.get(key, ()):
            # A primitive that has nothing but an extension leaves a null in its place.
            if value is not None:
                after(value, found)

    return emit


def spread(after: Emit) -> Emit:
    def emit(elements: Any, found: Found) -> None:
        for element in elements:
            after(element, found)

    return emit


def choice(afters: dict[str, Emit]) -> Emit:
    """The one of several properties that the element has; an element has few, a choice may offer fifty."""

    def emit(element: Any, found: Found) -> None:
        for key in element:
            if key in afters:
                afters[key](element[key], found)
                return

    return emit


def every(emits: Iterable[Emit]) -> Emit:
    steps = [emit for emit in emits if emit is not nothing]
    if len(steps) < 2:
        return steps[0] if steps else nothing

    def emit(element: Any, found: Found) -> None:
        for step in steps:
            step(element, found)

    return emit


def constant(value: Any, after: Emit) -> Emit:
    return lambda _, found: after(value, found)


def truth(test: Test, after: Emit) -> Emit:
    def emit(element: Any, found: Found) -> None:
        answer = test(element, found)
        if answer is not None:
            after(answer, found)

    return emit


def where(test: Test, after: Emit) -> Emit:
    def emit(element: Any, found: Found) -> None:
        if test(element, found):
            after(element, found)

    return emit if after is not nothing else nothing


def within(found: Found, inner: Emit, element: Any) -> Found:
    inside = Found()
    inside.resource = found.resource
    inner(element, inside)
    return inside


def exists(inner: Emit) -> Test:
    return lambda element, found: bool(within(found, inner, element))


def single(inner: Emit) -> Test:
    """A collection as a truth value: empty is unknown, one boolean is itself, anything else is true."""

    def test(element: Any, found: Found) -> bool | None:
        inside = within(found, inner, element)
        return (inside[0][0] is not False) if inside else None

    return test


def logic(operator: str, left: Test, right: Test) -> Test:
    decisive = operator == "or"

    def test(element: Any, found: Found) -> bool | None:
        one = left(element, found)
        if one is decisive:
            return decisive
        other = right(element, found)
        if other is decisive:
            return decisive
        return None if one is None or other is None else not decisive

    return test


_Values = Callable[[Any, Found], list[Any]]


def equal(left: _Values, right: _Values) -> Test:
    def test(element: Any, found: Found) -> bool | None:
        one, other = left(element, found), right(element, found)
        return one == other if one and other else None

    return test


def negated(inner: Test) -> Test:
    def test(element: Any, found: Found) -> bool | None:
        answer = inner(element, found)
        return None if answer is None else not answer

    return test


def refers(wanted: str) -> Test:
    """`resolve() is Patient` asks what the reference says: the target itself may be anywhere."""
    start = f"{wanted}/"

    def test(element: Any, found: Found) -> bool:
        text: str = element if isinstance(element, str) else element.get("reference", "")
        return text.startswith(start) or _target(element, text, found.resource) == wanted

    return test


def _target(element: Any, text: str, resource: Json) -> str | None:
    if text.startswith("#"):
        inside = [each for each in resource.get("contained", ()) if each.get("id") == text[1:]]
        return inside[0].get("resourceType") if inside else resource["resourceType"] if text == "#" else None
    named = _reference.parse(text).type if text else None
    return named or (element.get("type") if isinstance(element, dict) else None)
