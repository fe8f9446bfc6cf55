"""Types compiled to closures: an object's properties, those that it must have, and the types they lead to.

Everything is compiled when it is first met: types refer to each other without end, and the graph of their
checks grows as far as resources use it.
"""

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import cache, partial
from typing import Any

from server.definition.library import library
from server.definition.structure import Binding, Element, ElementType, Structure, structure
from server.fhir import Json
from server.fhir.primitive import PRIMITIVES
from server.validation import binding, element, narrative
from server.validation.element import Check
from server.validation.fault import LIMIT, Fault, Faults, is_name, joined, kind

Rule = Callable[[Json], Faults]
"""What an object has to obey beyond its properties."""


def resource(value: Any, parent: Json) -> Faults:
    """A resource of any type, wherever one may stand."""
    if type(value) is not dict:
        return [Fault("structure", f"has to be a resource; {kind(value)} is not.")]
    name = value.get("resourceType")
    check = _resources.get(name) if type(name) is str else None
    if check is None:
        if type(name) is not str or name not in library().resource_types:
            return [_no_type(value)]
        check = _resources[name] = _object(_known(name), _known(name).root)
    return check(value, parent)


_resources: dict[str, Check] = {}
_ID = frozenset({"id"})


class _Properties(dict[str, Check]):
    """The checks of an object's properties by name; a name that is none gets a check that says so."""

    def __init__(self, within: Structure, parent: Element) -> None:
        self._makers: dict[str, Callable[[], Check]] = {}
        self._steps: dict[str, str] = {}
        self._path = parent.path
        if within.kind == "resource" and parent is within.root:
            self["resourceType"] = _accepted
        for child in parent.children:
            self._add(within, child)

    def _add(self, within: Structure, child: Element) -> None:
        names = frozenset(name for key, _ in child.properties() for name in (key, f"_{key}"))
        for name, type in child.properties():
            beside = f"_{name}"
            makers = {name: partial(_values, within, child, type, name)}
            if type.code in PRIMITIVES and not type.attribute:
                makers[beside] = partial(_companions, child, name)
            for key, make in makers.items():
                self._makers[key] = (
                    partial(_chosen, make, name, names - {name, beside}) if child.choice else make
                )
                self._steps[key] = f".{child.name}.ofType({type.code})" if child.choice else f".{child.name}"

    def __missing__(self, key: str) -> Check:
        make = self._makers.get(key)
        if make is None:
            return partial(self._unknown, key)
        check = self[key] = make()
        return check

    def step(self, key: str) -> str:
        """What a path says for the property."""
        return self._steps.get(key) or (f".{key}" if is_name(key) else "")

    def _unknown(self, key: str, value: Any, parent: Json) -> Faults:
        if not is_name(key):
            return [Fault("structure", f"has a property that is not an element of {self._path}.")]
        return [Fault("structure", f"is not an element of {self._path}{self._hint(key)}")]

    def _hint(self, key: str) -> str:
        if key.startswith("_") and key[1:] in self._makers:
            return "; only the name of a primitive element may have '_' before it."
        typed = [name for name, step in self._steps.items() if step.startswith(f".{key}.ofType(")]
        if typed:
            return f"; its type is part of its name, as in '{typed[0]}'."
        like = get_close_matches(key, self._makers, n=1, cutoff=0.75)
        return f"; did you mean '{like[0]}'?" if like else "."


def _object(within: Structure, parent: Element, *more: Rule, bare: frozenset[str] = _ID) -> Check:
    """An object with the children of `parent`; with nothing but what is in `bare`, it says nothing."""
    properties = _Properties(within, parent)
    rules = (*_required(parent), *more)

    def check(value: Any, _: Json) -> Faults:
        if type(value) is not dict:
            return [Fault("structure", f"has to be an object; {kind(value)} is not.")]
        faults: Faults = None
        for key, item in value.items():
            found = properties[key](item, value)
            if found is not None:
                faults = joined(faults, found, properties.step(key))
                if len(faults) >= LIMIT:
                    return faults
        if len(value) < 2 and value.keys() <= bare:
            return joined(faults, [_bare(value)])
        for rule in rules:
            found = rule(value)
            if found is not None:
                faults = joined(faults, found)
        return faults

    return check


def _required(parent: Element) -> Iterator[Rule]:
    for child in parent.children:
        if child.min > 0:
            names = [name for name, _ in child.properties()]
            beside = {f"_{name}" for name, type in child.properties() if type.code in PRIMITIVES}
            yield _requires(names[0], frozenset({*names[1:], *beside}), f".{child.name}")


def _requires(name: str, others: frozenset[str], step: str) -> Rule:
    """An element that has to be there under one of its names."""

    def rule(value: Json) -> Faults:
        if name in value or not others.isdisjoint(value):
            return None
        return [Fault("required", "is required and missing.", step)]

    return rule


def _values(within: Structure, child: Element, type: ElementType, name: str) -> Check:
    check = _value(within, child, type)
    if not child.repeats:
        return check
    return element.many_primitives(check, name) if type.code in PRIMITIVES else element.many(check)


def _value(within: Structure, child: Element, type: ElementType) -> Check:
    """One value of one of the element's types."""
    if child.children or child.content:
        return _part(within.url, child.content or child.path)
    if type.code == "Resource":
        return contained if child.name == "contained" else resource
    check = _type(_TYPES.get(child.path, type.code))
    value_set = _obligatory(child.binding, type)
    return binding.required(check, type.code, value_set) if value_set else check


def _obligatory(bound: Binding | None, type: ElementType) -> str | None:
    """The value set that a value may not leave."""
    if bound is None:
        return None
    if bound.strength == "required":
        return bound.value_set
    # A concept may say the same in a second system, as a child's language is in the lists of the DfE.
    return bound.widest if type.code == "code" else None


# A string in its definition, a URI in the text of the specification.
_TYPES = {"Reference.reference": "uri"}


@cache
def _type(code: str) -> Check:
    """A value of a datatype."""
    if code in PRIMITIVES:
        return element.primitive(PRIMITIVES[code])
    if code == "xhtml":
        return narrative.check
    known = _known(code)
    return _object(known, known.root, *_RULES.get(code, ()))


def _companions(child: Element, name: str) -> Check:
    check = _beside()
    return element.companions(check, name) if child.repeats else element.companion(check, name)


def _chosen(make: Callable[[], Check], name: str, others: frozenset[str]) -> Check:
    return element.choice(make(), name, others)


@cache
def _part(url: str, path: str) -> Check:
    """An element that is defined in place, as Patient.contact is."""
    known = _known(url)
    return _object(known, known.elements[path])


@cache
def _beside() -> Check:
    """The object beside a primitive's value, which may have nothing but an id."""
    known = _known("Element")
    return _object(known, known.root, bare=frozenset())


def _known(type: str) -> Structure:
    known = structure(type)
    assert known is not None, f"The library has no definition of {type}."
    return known


def contained(value: Any, parent: Json) -> Faults:
    """A resource inside another, which exists as a part of it only (dom-2, dom-4, dom-5)."""
    faults = resource(value, parent)
    if type(value) is not dict:
        return faults
    if "id" not in value:
        text = "is required in a contained resource and missing."
        faults = joined(faults, [Fault("required", text)], ".id")
    if "contained" in value:
        text = "may not stand in a resource that is contained itself (dom-2)."
        faults = joined(faults, [Fault("invariant", text)], ".contained")
    meta = value.get("meta")
    for name, rule in _OWN_META.items():
        if type(meta) is dict and name in meta:
            text = f"may not stand in a contained resource ({rule})."
            faults = joined(faults, [Fault("invariant", text)], f".meta.{name}")
    return faults


_OWN_META = {"versionId": "dom-4", "lastUpdated": "dom-4", "security": "dom-5"}


def _extension(value: Json) -> Faults:
    """ext-1: a value or extensions, and not both."""
    nested = "extension" in value
    # Whatever else there is beside these is the value; a property that is none has been refused already.
    has_value = len(value) > nested + ("url" in value) + ("id" in value)
    if has_value != nested:
        return None
    what = "and not both" if nested else "and has neither"
    return [Fault("invariant", f"has to have a value or extensions inside it, {what} (ext-1).")]


_RULES: dict[str, tuple[Rule, ...]] = {"Extension": (_extension,)}


def _accepted(value: Any, parent: Json) -> Faults:
    """`resourceType`, which has been read already."""
    return None


def _bare(value: Json) -> Fault:
    if not value:
        return Fault("structure", "is an empty object; leave the element out.")
    return Fault("invariant", "has an id and nothing else; it needs a value, elements or extensions (ele-1).")


def _no_type(value: Json) -> Fault:
    if "resourceType" not in value:
        return Fault("structure", "has no 'resourceType', and so nobody can say what it is.")
    name = value["resourceType"]
    if type(name) is not str or not is_name(name):
        return Fault("structure", "has a 'resourceType' that is not the name of a resource type.")
    like = get_close_matches(name, library().resource_types, n=1)
    hint = f"; did you mean '{like[0]}'?" if like else "."
    return Fault("structure", f"has the resourceType '{name}', which is no resource type of R4{hint}")
