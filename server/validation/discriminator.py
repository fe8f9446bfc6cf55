"""Discriminators: which slice an occurrence belongs to.

https://hl7.org/fhir/R4/profiling.html#discriminator

A path is walked twice: once in the definition, to what the slice says there, and then in every occurrence.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from server.definition.library import HL7
from server.definition.structure import Element, Structure, structure
from server.validation import target
from server.validation.binding import bound
from server.validation.compiled import Compiled
from server.validation.occurrence import Gather, Occurrence, gather
from server.validation.value import alike, equal
from server.validation.visit import Visit

Belongs = Callable[[Occurrence, Visit], bool]
Conforms = Callable[[Occurrence, Visit, str], bool]
"""Whether an occurrence meets a profile."""

_Found = list[tuple[Occurrence, Visit]]
_Step = Callable[[Occurrence, Visit], _Found]
_Criterion = Callable[[Occurrence, Visit], bool]

_STEPS = re.compile(r"(?:[^.('\"]|\((?:[^()'\"]|'[^']*'|\"[^\"]*\")*\))+")
_CALL = re.compile(r"(\w+)\(\s*['\"]?(.*?)['\"]?\s*\)")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a path has led in a definition; `profiles` are those of what a reference leads to."""

    element: Element
    within: Structure
    profiles: tuple[str, ...] | None = None


def belongs(
    slice_: Element, sliced: Element, within: Structure, compiled: Compiled, conforms: Conforms
) -> Belongs:
    """Whether an occurrence is one of the slice's: every discriminator says so."""
    only = key(slice_, sliced)
    if only is not None:
        name, texts = only
        return lambda found, _: type(found.value) is dict and found.value.get(name) in texts
    place = _Place(slice_, within)
    if sliced.slicing is None or not sliced.slicing.discriminators:
        return _by_itself(slice_, sliced, place, compiled)
    tests = [_test(kind, path, place, compiled, conforms) for kind, path in sliced.slicing.discriminators]
    if len(tests) == 1:
        return tests[0]
    return lambda found, visit: all(test(found, visit) for test in tests)


def key(slice_: Element, sliced: Element) -> tuple[str, frozenset[str]] | None:
    """The property that alone decides, with the texts that it may have; None if more is asked."""
    discriminators = sliced.slicing.discriminators if sliced.slicing else ()
    if slice_.name in _EXTENSIONS and discriminators in ((), (("value", "url"),)):
        urls = _urls(slice_)
        if urls:
            return "url", urls
    if len(discriminators) != 1:
        return None
    [(kind, path)] = discriminators
    child = slice_.child(path) if kind in ("value", "pattern") else None
    if child is None or child.choice or child.repeats or child.limits is None or child.slices:
        return None
    said = child.limits.fixed or child.limits.pattern
    return (path, frozenset({said})) if type(said) is str else None


_EXTENSIONS = ("extension", "modifierExtension")


def _urls(slice_: Element) -> frozenset[str]:
    """The URLs of the extensions that a slice is for: those of its profiles, held here or not."""
    return frozenset(
        profile.partition("|")[0]
        for type_ in slice_.types
        for profile in type_.profiles
        if "#" not in profile
    )


def _by_itself(slice_: Element, sliced: Element, place: _Place, compiled: Compiled) -> Belongs:
    """Without discriminators a choice is sliced by its types, an extension by the URL that is fixed in it."""
    if sliced.choice:
        codes = {each.code for each in slice_.types}
        return lambda found, _: found.type in codes
    if sliced.name in _EXTENSIONS:
        return _test("value", "url", place, compiled, _never)
    return _criterion(place, compiled) or (lambda _, __: False)


def _never(_: Occurrence, __: Visit, ___: str) -> bool:
    return False


def _test(kind: str, path: str, place: _Place, compiled: Compiled, conforms: Conforms) -> Belongs:
    reach, places = _walked(path, place)
    judge = _JUDGES[kind](places, compiled, conforms)
    if reach is None:
        return lambda found, visit: judge([(found, visit)])
    return lambda found, visit: judge(reach(found, visit))


def _walked(path: str, place: _Place) -> tuple[_Step | None, list[_Place]]:
    """How the path is walked in an occurrence, and where it ends in the definition."""
    reach: _Step | None = None
    places = [place]
    for step in _STEPS.findall(path):
        if step == "$this":
            continue
        walk, places = _step(step, places)
        reach = walk if reach is None else _after(reach, walk)
    return reach, places


def _after(first: _Step, second: _Step) -> _Step:
    return lambda found, visit: [each for one, its in first(found, visit) for each in second(one, its)]


def _step(step: str, places: list[_Place]) -> tuple[_Step, list[_Place]]:
    call = _CALL.fullmatch(step)
    if call is None:
        name = step.removesuffix("[x]")
        return _into(name, places), [inside for each in places for inside in _children(each, name)]
    function, argument = call.groups()
    match function:
        case "resolve":
            return _resolved, [_target(each) for each in places]
        case "extension":
            return _extensions(argument), [inside for each in places for inside in _extension(each, argument)]
        case "ofType" | "as":
            typed = [_typed(each, argument) for each in places]
            return (lambda found, visit: [(found, visit)] if found.type == argument else []), typed
    return (lambda found, visit: [(found, visit)]), places


def _into(name: str, places: list[_Place]) -> _Step:
    """To the children of a name; whoever has none in the definition has none in an occurrence."""
    gathers: dict[tuple[str, str], Gather] = {}
    for place in places:
        for inside in _unsliced(place, name):
            gathers.setdefault((place.within.type, inside.element.path), gather(inside.element))
    readers = tuple(gathers.values())

    def step(found: Occurrence, visit: Visit) -> _Found:
        if type(found.value) is not dict:
            return []
        for read in readers:
            inside = read(found.value)
            if inside:
                return [(each, _entered(each, found, visit)) for each in inside]
        return []

    return step


def _entered(inside: Occurrence, found: Occurrence, visit: Visit) -> Visit:
    """A resource inside another is visited for itself."""
    value = inside.value
    if type(value) is dict and "resourceType" in value:
        return visit.inside(value, contained=inside.step.startswith(".contained"))
    return visit


def _resolved(found: Occurrence, visit: Visit) -> _Found:
    text = found.value.get("reference") if type(found.value) is dict else found.value
    to = target.found(text, visit) if type(text) is str else None
    if not isinstance(to, Visit):
        return []
    return [(Occurrence(to.resource, None, "", str(to.resource.get("resourceType"))), to)]


def _extensions(url: str) -> _Step:
    def step(found: Occurrence, visit: Visit) -> _Found:
        holder = found.value if type(found.value) is dict else found.beside
        every = holder.get("extension") if type(holder) is dict else None
        return [
            (Occurrence(each, None, ".extension", "Extension"), visit)
            for each in (every if type(every) is list else ())
            if type(each) is dict and each.get("url") == url
        ]

    return step


def _children(place: _Place, name: str) -> Iterator[_Place]:
    """The definitions of a child: its slices say more than the child itself, where it has some."""
    for inside in _unsliced(place, name):
        slices = [each for each in inside.element.slices if each.min > 0 or len(inside.element.slices) == 1]
        yield from (replace(inside, element=each) for each in slices) if slices else (inside,)


def _unsliced(place: _Place, name: str) -> Iterator[_Place]:
    element, within = place.element, place.within
    if element.content and not element.children:
        element = within.elements[element.content]
    found = element.child(name) or next((each for each in element.children if _narrows(each, name)), None)
    if found is not None:
        yield _Place(found, within)
    for type_ in _types(place):
        if found is not None and ":" not in type_:
            continue  # the type says no more than what is in place
        bare, _, inside = type_.partition("#")
        known = structure(bare)
        if known is not None and (meant := known.elements.get(inside, known.root)).children:
            yield from _unsliced(_Place(meant, known), name)


def _narrows(element: Element, name: str) -> bool:
    """`valueQuantity`, where a path says `value`."""
    return not element.choice and any(
        element.name == f"{name}{each.code[:1].upper()}{each.code[1:]}" for each in element.types
    )


def _types(place: _Place) -> Iterator[str]:
    """The structures that an element's value has its children by: the profiles of its types first."""
    if place.profiles is not None:
        yield from place.profiles
        return
    for type_ in place.element.types:
        yield from type_.profiles or (type_.code,)


def _target(place: _Place) -> _Place:
    targets = tuple(profile for type_ in place.element.types for profile in type_.targets)
    return replace(place, profiles=targets, element=replace(place.element, children=(), content=None))


def _extension(place: _Place, url: str) -> Iterator[_Place]:
    for inside in _unsliced(place, "extension"):
        for each in inside.element.slices:
            if any(profile.partition("|")[0] == url for type_ in each.types for profile in type_.profiles):
                again = [one for one in each.slices if one.min > 0]
                yield from (replace(inside, element=one) for one in again or [each])
                return
    known = structure(url)
    if known is not None:
        yield _Place(known.root, known)


def _typed(place: _Place, code: str) -> _Place:
    for each in place.element.slices:
        if [type_.code for type_ in each.types] == [code]:
            return replace(place, element=each)
    return place


_Judge = Callable[[_Found], bool]


def _valued(places: list[_Place], compiled: Compiled, _: Conforms) -> _Judge:
    criteria = [each for place in places if (each := _criterion(place, compiled))]
    if criteria:
        return lambda found: any(meets(*one) for one in found for meets in criteria)
    return _present(places, compiled, _)


def _present(places: list[_Place], _: Compiled, __: Conforms) -> _Judge:
    if places and all(place.element.max == 0 for place in places):
        return lambda found: not found
    if any(place.element.min > 0 for place in places):
        return bool
    return lambda _: True


def _of_type(places: list[_Place], _: Compiled, __: Conforms) -> _Judge:
    codes = {code for place in places for code in _codes(place)}
    if not codes.isdisjoint(("Resource", "DomainResource", "Element")):
        return bool
    return lambda found: any(one.type in codes for one, _ in found)


def _codes(place: _Place) -> Iterator[str]:
    for each in _types(place):
        known = structure(each) if ":" in each else None
        yield known.type if known is not None else each.removeprefix(HL7)


def _conforming(places: list[_Place], _: Compiled, conforms: Conforms) -> _Judge:
    profiles = [each for place in places for each in _types(place) if ":" in each]
    if not profiles:
        return lambda _: True
    return lambda found: any(conforms(one, its, each) for one, its in found for each in profiles)


_JUDGES: dict[str, Callable[[list[_Place], Compiled, Conforms], _Judge]] = {
    "value": _valued,
    "pattern": _valued,
    "exists": _present,
    "type": _of_type,
    "profile": _conforming,
}


def _criterion(place: _Place, compiled: Compiled, depth: int = 0) -> _Criterion | None:
    """What a definition says of a value that tells it from others; None if it says nothing."""
    element = place.element
    said = element.limits
    if said is not None and said.fixed is not None:
        fixed = equal(said.fixed)
        return lambda found, _: fixed(found.value)
    if said is not None and said.pattern is not None:
        pattern = alike(said.pattern)
        return lambda found, _: pattern(found.value)
    inside = _criterion_inside(place, compiled, depth)
    if inside is not None:
        return inside
    # Inside, a binding is likelier the type's own than one that tells slices apart.
    if depth == 0 and element.binding and element.binding.strength == "required" and len(element.types) == 1:
        check = bound(element.binding, element.types[0].code, "", compiled)
        if check is not None:
            return lambda found, visit: found.value is not None and check(found.value, visit) is None
    return None


_DEEP = 6


def _criterion_inside(place: _Place, compiled: Compiled, depth: int) -> _Criterion | None:
    if depth > _DEEP:
        return None
    tests: list[Belongs] = []
    for child in _told(place):
        meets = _criterion(child, compiled, depth + 1)
        if meets is not None:
            tests.append(_some(gather(child.element), meets))
    if not tests:
        return None
    return lambda found, visit: all(test(found, visit) for test in tests)


def _told(place: _Place) -> Iterator[_Place]:
    """The children that the definition itself speaks of, in place or in the profile of its type."""
    for child in place.element.children:
        if child.slices:
            yield from (replace(place, element=each) for each in child.slices if each.min > 0)
        if child.max != 0:
            yield _Place(child, place.within)
    if not place.element.children:
        for type_ in place.element.types:
            for profile in type_.profiles:
                bare, _, inside = profile.partition("#")
                known = structure(bare)
                if known is not None:
                    meant = known.elements.get(inside, known.root)
                    yield from (_Place(child, known) for child in meant.children if child.max != 0)


def _some(read: Callable[[Any], list[Occurrence]], meets: _Criterion) -> Belongs:
    return lambda found, visit: (
        type(found.value) is dict and any(meets(each, visit) for each in read(found.value))
    )
