"""Types compiled to closures: an object's properties, those that it must have, and the types they lead to.

Everything is compiled when it is first met: types refer to each other without end, and the graph of their
checks grows as far as resources use it.
"""

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import partial
from typing import Any

from server.definition.restriction import Binding
from server.definition.structure import Element, ElementType, Structure, structure
from server.fhir import Json
from server.fhir.primitive import PRIMITIVES
from server.validation import binding, element, extension, narrative, stated, target
from server.validation.compiled import Compiled
from server.validation.element import Check
from server.validation.fault import LIMIT, Fault, Faults, is_name, joined, kind, misshapen, sound
from server.validation.invariant import Invariants, invariants
from server.validation.occurrence import Occurrence
from server.validation.profile import meets_one, resource_conforms
from server.validation.visit import Visit

Rule = Callable[[Json, Visit], Faults]
"""What an object has to obey beyond its properties."""

Enter = Callable[[Any, Json, Visit], Faults]
"""The check of a resource that stands in another."""

_ID = frozenset({"id"})


class Types:
    """The checks of all types, as far as they were needed; `enter` checks a resource inside another."""

    def __init__(self, compiled: Compiled, enter: Enter) -> None:
        self.compiled = compiled
        self.enter = enter

    def resource(self, type_: str) -> Check:
        """A resource of a type that there is, by its type alone."""
        return self.compiled.once(("resource", type_), partial(self._root, type_))

    def _root(self, type_: str) -> Check:
        known = _known(type_)
        return _object(known, known.root, self)

    def datatype(self, code: str) -> Check:
        """A value of a datatype."""
        return self.compiled.once(("datatype", code), lambda: _datatype(code, self))

    def part(self, within: Structure, id: str) -> Check:
        """An element that is defined in place, as Patient.contact is."""
        return self.compiled.once(
            ("part", within.url, id), lambda: _object(within, within.elements[id], self)
        )

    def beside(self) -> Check:
        """The object beside a primitive's value, which may have nothing but an id."""
        known = _known("Element")
        return self.compiled.once("beside", lambda: _object(known, known.root, self, bare=frozenset()))


class _Properties(dict[str, Check]):
    """The checks of an object's properties by name; a name that is none gets a check that says so."""

    def __init__(self, within: Structure, parent: Element, types: Types) -> None:
        self._makers: dict[str, Callable[[], Check]] = {}
        self._steps: dict[str, str] = {}
        self._path = parent.path
        if within.kind == "resource" and parent is within.root:
            self["resourceType"] = _accepted
        for child in parent.children:
            self._add(within, parent, child, types)

    def _add(self, within: Structure, parent: Element, child: Element, types: Types) -> None:
        names = frozenset(name for key, _ in child.properties() for name in (key, f"_{key}"))
        for name, type in child.properties():
            beside = f"_{name}"
            makers = {name: partial(_values, within, parent, child, type, name, types)}
            if name == "id" and (within.kind != "resource" or parent is not within.root):
                makers[name] = partial(_identified, makers[name])
            if type.code in PRIMITIVES and not type.attribute:
                makers[beside] = partial(_companions, child, name, types)
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

    def _unknown(self, key: str, value: Any, parent: Json, visit: Visit) -> Faults:
        if not is_name(key):
            return [misshapen(f"has a property that is not an element of {self._path}.")]
        return [misshapen(f"is not an element of {self._path}{self._hint(key)}")]

    def _hint(self, key: str) -> str:
        if key.startswith("_") and key[1:] in self._makers:
            return "; only the name of a primitive element may have '_' before it."
        typed = [name for name, step in self._steps.items() if step.startswith(f".{key}.ofType(")]
        if typed:
            return f"; its type is part of its name, as in '{typed[0]}'."
        like = get_close_matches(key, self._makers, n=1, cutoff=0.75)
        return f"; did you mean '{like[0]}'?" if like else "."


def _object(within: Structure, parent: Element, types: Types, bare: frozenset[str] = _ID) -> Check:
    """An object with the children of `parent`; with nothing but what is in `bare`, it says nothing."""
    properties = _Properties(within, parent, types)
    required = tuple(_required(parent))
    rules = tuple(_rules(within, parent, types.compiled))

    def check(value: Any, _: Json, visit: Visit) -> Faults:
        if type(value) is not dict:
            return [misshapen(f"has to be an object; {kind(value)} is not.")]
        faults: Faults = None
        for key, item in value.items():
            found = properties[key](item, value, visit)
            if found is not None:
                faults = joined(faults, found, properties.step(key))
                if len(faults) >= LIMIT:
                    return faults
        if len(value) < 2 and value.keys() <= bare:
            return joined(faults, [_bare(value)])
        for name, others, step in required:
            if name not in value and others.isdisjoint(value):
                faults = joined(faults, [Fault("required", "is required and missing.", step)])
        return _ruled(rules, value, visit, faults) if rules else faults

    return check


def _ruled(rules: tuple[Rule, ...], value: Json, visit: Visit, faults: Faults) -> Faults:
    if faults is None or sound(faults):
        for rule in rules:
            found = rule(value, visit)
            if found is not None:
                faults = joined(faults, found)
    return faults


def _required(parent: Element) -> Iterator[tuple[str, frozenset[str], str]]:
    """What has to be there under one of its names: the first of them, the others, and the way to it."""
    for child in parent.children:
        if child.min > 0:
            names = [name for name, _ in child.properties()]
            beside = {f"_{name}" for name, type in child.properties() if type.code in PRIMITIVES}
            yield names[0], frozenset({*names[1:], *beside}), f".{child.name}"


def _rules(within: Structure, parent: Element, compiled: Compiled) -> Iterator[Rule]:
    """What is asked of the whole object, once its elements have their shape."""
    root = parent is within.root
    if root:
        yield from _RULES.get(within.type, ())
        yield from stated.RULES.get(within.type, ())
        if within.kind == "resource":
            yield from stated.RULES.get("Resource", ())
    asked = invariants(parent.constraints, f"{within.url}#{parent.id}", compiled)
    if asked is not None:
        yield _invariant(asked, within.type if root else parent.path)


def _invariant(asked: Invariants, type_: str) -> Rule:
    return lambda value, visit: asked(value, None, type_, visit)


def _values(
    within: Structure, parent: Element, child: Element, type: ElementType, name: str, types: Types
) -> Check:
    check = _value(within, parent, child, type, types)
    if not child.repeats:
        return check
    return element.many_primitives(check, name) if type.code in PRIMITIVES else element.many(check)


def _value(within: Structure, parent: Element, child: Element, type: ElementType, types: Types) -> Check:
    """One value of one of the element's types."""
    if child.content:
        return types.part(within, child.content)
    if child.children:
        return types.part(within, child.id)
    if type.code == "Resource":
        return types.enter
    code, bound = _TYPES.get(child.path, type.code), child.binding
    if code in PRIMITIVES and bound is not None and bound.strength == "required":
        check = binding.primitive(PRIMITIVES[code], bound.value_set)
        bound = Binding("example", bound.value_set, bound.widest, bound.more)
    else:
        check = types.datatype(code)
    more = _more(within, parent, child, type, bound, types.compiled)
    return _followed(check, tuple(more)) if more else check


# A string in its definition, a URI in the text of the specification.
_TYPES = {"Reference.reference": "uri"}

_More = Callable[[Any, Json, Visit], Faults]


def _more(
    within: Structure,
    parent: Element,
    child: Element,
    type: ElementType,
    bound: Binding | None,
    compiled: Compiled,
) -> list[_More]:
    """What the element asks of a value that its type does not."""
    source = f"{within.url}#{child.id}"
    more: list[_More] = []
    codes = bound and binding.bound(bound, type.code, source, compiled)
    if codes:
        more.append(_of_value(codes))
    if type.code == "Reference":
        leads = target.targets(type, source, compiled, partial(resource_conforms, compiled=compiled))
        if leads is not None:
            more.append(_of_value(leads))
    if type.code == "Extension":
        more.append(extension.extensions(within, parent, child.name == "modifierExtension", compiled))
    if type.profiles:
        more.append(_profiled(type, source, compiled))
    asked = invariants(child.constraints, source, compiled)
    if asked is not None:
        more.append(lambda value, _, visit: asked(value, None, type.code, visit))
    return more


def _of_value(check: Rule) -> _More:
    return lambda value, _, visit: check(value, visit)


def _profiled(type: ElementType, source: str, compiled: Compiled) -> _More:
    def check(value: Any, _: Json, visit: Visit) -> Faults:
        return meets_one(Occurrence(value, None, "", type.code), visit, type.profiles, source, compiled)

    return check


def _followed(check: Check, more: tuple[_More, ...]) -> Check:
    """What more is asked of a value whose own type is content with it."""
    if len(more) == 1:
        [only] = more

        def once(value: Any, parent: Json, visit: Visit) -> Faults:
            faults = check(value, parent, visit)
            if faults is None:
                return only(value, parent, visit)
            if sound(faults):
                found = only(value, parent, visit)
                return faults if found is None else joined(faults, found)
            return faults

        return once

    def every(value: Any, parent: Json, visit: Visit) -> Faults:
        faults = check(value, parent, visit)
        if faults is None or sound(faults):
            for each in more:
                found = each(value, parent, visit)
                if found is not None:
                    faults = joined(faults, found)
        return faults

    return every


def _datatype(code: str, types: Types) -> Check:
    if code in PRIMITIVES:
        return element.primitive(PRIMITIVES[code])
    if code == "xhtml":
        return _narrative
    known = _known(code)
    return _object(known, known.root, types)


def _narrative(value: Any, parent: Json, _: Visit) -> Faults:
    faults = narrative.check(value, parent)
    if faults is not None and type(value) is not str:
        faults[0].misshapen = True
    return faults


def _companions(child: Element, name: str, types: Types) -> Check:
    check = types.beside()
    return element.companions(check, name) if child.repeats else element.companion(check, name)


def _identified(make: Callable[[], Check]) -> Check:
    return element.identified(make())


def _chosen(make: Callable[[], Check], name: str, others: frozenset[str]) -> Check:
    return element.choice(make(), name, others)


def _known(type: str) -> Structure:
    known = structure(type)
    assert known is not None, f"The library has no definition of {type}."
    return known


def _extension(value: Json, _: Visit) -> Faults:
    """ext-1: a value or extensions, and not both."""
    nested = "extension" in value
    # Whatever else there is beside these is the value; a property that is none has been refused already.
    has_value = len(value) > nested + ("url" in value) + ("id" in value)
    if has_value != nested:
        return None
    what = "and not both" if nested else "and has neither"
    text = f"has to have a value or extensions inside it, {what} (ext-1)."
    return [Fault("invariant", text, rule="ext-1")]


_RULES: dict[str, tuple[Rule, ...]] = {"Extension": (_extension,)}


def _accepted(value: Any, parent: Json, visit: Visit) -> Faults:
    """`resourceType`, which has been read already."""
    return None


def _bare(value: Json) -> Fault:
    if not value:
        return misshapen("is an empty object; leave the element out.")
    text = "has an id and nothing else; it needs a value, elements or extensions (ele-1)."
    return Fault("invariant", text, rule="ele-1")
