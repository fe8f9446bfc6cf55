"""Profiles: what they ask beyond the type that they are of, compiled to closures.

The type's own checks are done elsewhere and once, whatever number of profiles a value is held against: of a
profile's snapshot only that is compiled in which it differs from its type's. What it says of datatypes is
compared with the datatypes' own definitions, and so on inwards.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from server.definition.restriction import Constraint, Limits
from server.definition.structure import Element, ElementType, Structure, structure
from server.fhir import Json
from server.fhir.primitive import PRIMITIVES
from server.validation import slicing, target, value
from server.validation.binding import bound, of_choice
from server.validation.compiled import Compiled
from server.validation.discriminator import belongs, key
from server.validation.fault import Fault, Faults, erroneous, every, joined, shown
from server.validation.invariant import invariants
from server.validation.occurrence import Occurrence, gather
from server.validation.slicing import Slice, Sliced
from server.validation.visit import Visit

Rule = Callable[[Occurrence, Visit], Faults]
"""What one occurrence of an element has to obey; the paths of its faults begin there."""

_Member = Callable[[Json, Visit], Faults]
"""The same of an element in the object that it stands in."""


def profile(url: str, compiled: Compiled) -> Rule | None:
    """What a profile asks beyond its type; None if that is nothing.

    Raises KeyError: there is no such profile.
    """
    return compiled.once((profile, url), partial(_profile, url, compiled))


def _profile(url: str, compiled: Compiled) -> Rule | None:
    bare, _, inside = url.partition("#")
    known = structure(bare)
    if known is None or (inside and inside not in known.elements):
        raise KeyError(url)
    base = structure(known.type)
    if inside and base is not None:
        element = known.elements[inside]
        return _Profile(known, base, compiled).rule(element, base.elements[element.path])
    if base is None or base.url == known.url:
        return _typed(known)
    rule = _Profile(known, base, compiled).rule(known.root, base.root)
    return _first(_typed(known), rule)


def _typed(known: Structure) -> Rule:
    """A profile is of one type, and says nothing of others."""
    abstract = known.type in ("Resource", "DomainResource", "Element")

    def rule(found: Occurrence, _: Visit) -> Faults:
        if found.type == known.type or abstract or type(found.value) is not dict:
            return None
        text = f"is a {shown(found.type)}, and the profile {known.url} is of {known.type}."
        return [Fault("structure", text, source=known.url)]

    return rule


def conforms(found: Occurrence, visit: Visit, url: str, compiled: Compiled) -> bool:
    """Whether an occurrence meets a profile; one that is not known rules nothing out.

    What is being asked already, further out, is taken for granted: resources lead to each other in circles.
    """
    place = id(found.value), url
    known = visit.conformity.get(place)
    if known is not None:
        return known[0]
    visit.conformity[place] = True, found.value
    try:
        rule = profile(url, compiled)
    except KeyError:
        return True
    good = rule is None or not erroneous(rule(found, visit))
    visit.conformity[place] = good, found.value
    return good


def resource_conforms(visit: Visit, url: str, compiled: Compiled) -> bool:
    found = Occurrence(visit.resource, None, "", str(visit.resource.get("resourceType")))
    return conforms(found, visit, url, compiled)


class _Profile:
    """The compilation of one profile, element by element beside the type's."""

    def __init__(self, within: Structure, base: Structure, compiled: Compiled) -> None:
        self._within = within
        self._base = base
        self._compiled = compiled
        self._conforms = partial(conforms, compiled=compiled)

    def _source(self, element: Element) -> str:
        return f"{self._within.url}#{element.id}"

    def rule(self, element: Element, base: Element) -> Rule | None:
        """What an element asks of each occurrence beyond what the type's asks."""
        rules = [*self._own(element, base)]
        members = self._members(element, base)
        if members:
            rules.append(_inside(tuple(members)))
        return _all(rules)

    def _own(self, element: Element, base: Element) -> Iterator[Rule]:
        source = self._source(element)
        if element.limits is not None and element.limits != base.limits:
            yield _limited(element.limits, source)
        if element.instead is not None and base.instead is None:
            yield _present(element.instead, source)
        for type_ in element.types:
            yield from self._of_type(type_, element, base, source)
        if element.binding is not None and element.binding != base.binding:
            codes = {each.code for each in element.types}
            binding = element.binding if len(codes) == 1 else of_choice(element.binding)
            for code in codes:
                check = bound(binding, code, source, self._compiled)
                if check is not None:
                    yield _bound(check, code)
        asked = invariants(_new(element, base), source, self._compiled)
        if asked is not None:
            yield lambda found, visit: asked(found.value, found.beside, found.type, visit)

    def _of_type(self, type_: ElementType, element: Element, base: Element, source: str) -> Iterator[Rule]:
        before = next((each for each in base.types if each.code == type_.code), None)
        profiles = tuple(each for each in type_.profiles if before is None or each not in before.profiles)
        if profiles:
            yield self._profiled(type_.code, profiles, source)
        told = before is not None and (before.targets, before.aggregation) == (
            type_.targets,
            type_.aggregation,
        )
        if type_.code == "Reference" and not told:
            check = target.targets(
                type_, source, self._compiled, partial(resource_conforms, compiled=self._compiled)
            )
            if check is not None and check is not target.plain_form:
                yield _of(type_.code, check)

    def _profiled(self, code: str, profiles: tuple[str, ...], source: str) -> Rule:
        """A value of the type meets one of these profiles."""
        compiled = self._compiled

        def rule(found: Occurrence, visit: Visit) -> Faults:
            if (
                found.type != code
                and code not in PRIMITIVES
                and ":" not in code
                and not _is_part(found, code)
            ):
                return None
            return meets_one(found, visit, profiles, source, compiled)

        return rule

    def _members(self, element: Element, base: Element) -> list[_Member]:
        members = []
        for child, before in self._pairs(element, base):
            member = self._member(child, before)
            if member is not None:
                members.append(member)
        return members

    def _pairs(self, element: Element, base: Element) -> Iterator[tuple[Element, Element]]:
        """The children, each beside the one of the type that it restricts."""
        parent = _parent(element, base, self._base)
        for child in element.children:
            before = parent.child(child.name) or _chosen(parent, child.name)
            if before is not None:
                yield child, before

    def _member(self, child: Element, base: Element) -> _Member | None:
        rule = self.rule(child, base)
        types = _types(child, base)
        if types is not None:
            rule = _both(_allowed(types, self._source(child)), rule)
        slices = self._slices(child, base)
        least = child.min if child.min > base.min else 0
        most = child.max if child.max is not None and (base.max is None or child.max < base.max) else None
        if rule is None and slices is None and not least and most is None:
            return None
        number = _number(base, least, most, self._source(child))
        return _member(base, rule, slices, number)

    def _slices(self, element: Element, base: Element) -> Sliced | None:
        if not element.slices and not (element.slicing and element.slicing.rules == "closed"):
            return None
        if not element.slices and element.name in ("extension", "modifierExtension") and element.max == 0:
            return None
        slices = tuple(self._slice(each, element, base) for each in element.slices)
        return slicing.sliced(element, slices, self._source(element))

    def _slice(self, slice_: Element, sliced: Element, base: Element) -> Slice:
        rule = self.rule(slice_, base)
        types = _types(slice_, base)
        if types is not None:
            rule = _both(_allowed(types, self._source(slice_)), rule)
        return Slice(
            slice_,
            self._source(slice_),
            key(slice_, sliced),
            belongs(slice_, sliced, self._within, self._compiled, self._conforms),
            rule,
            self._slices(slice_, base),
        )


def meets_one(
    found: Occurrence, visit: Visit, profiles: tuple[str, ...], source: str, compiled: Compiled
) -> Faults:
    """The faults of a value that meets none of the profiles; of a single one all that it says."""
    inner = visit
    if type(found.value) is dict and "resourceType" in found.value and found.value is not visit.resource:
        inner = visit.inside(found.value, contained=found.step.startswith(".contained"))
    faults: Faults = None
    for url in profiles:
        try:
            rule = profile(url, compiled)
        except KeyError:
            text = f"has to meet the profile {url}, which is not known here."
            severity = "warning" if found.type == "Extension" else "error"
            faults = [Fault("not-found", text, severity=severity, source=source)] if compiled.full else None
        else:
            faults = rule(found, inner) if rule is not None else None
        if not erroneous(faults):
            return faults
    if len(profiles) == 1:
        return faults
    text = f"has to meet one of the profiles {', '.join(profiles)}, and meets none."
    return [Fault("structure", text, source=source)]


def _is_part(found: Occurrence, code: str) -> bool:
    """Whether the value is of an element that is defined in place, which FHIRPath knows by its path."""
    return "." in found.type and code in ("BackboneElement", "Element")


def _parent(element: Element, base: Element, within: Structure) -> Element:
    """The element whose children those of `element` restrict: the type's own, or its datatype's."""
    if base.children:
        return base
    if base.content:
        return within.elements.get(base.content, base)
    codes = {each.code for each in element.types}
    known = structure(codes.pop() if len(codes) == 1 else "Element")
    return known.root if known is not None else base


def _chosen(parent: Element, name: str) -> Element | None:
    """The choice that a child named for one of its types is of."""
    for each in parent.children:
        if each.choice and any(key == name for key, _ in each.properties()):
            return each
    return None


def _types(child: Element, base: Element) -> frozenset[str] | None:
    """The types that are left, if the profile has taken some away; or put others in the place of Resource."""
    codes = frozenset(each.code for each in child.types)
    before = frozenset(each.code for each in base.types)
    # Every `id` is of one type, however often older snapshots call it a string.
    return codes if codes and codes != before and not base.content and base.name != "id" else None


def _new(element: Element, base: Element) -> Iterator[Constraint]:
    """The constraints that neither the type's element nor the datatypes have."""
    known = {(each.key, each.expression) for each in base.constraints}
    for type_ in element.types:
        datatype = structure(type_.code)
        if datatype is not None:
            known.update((each.key, each.expression) for each in datatype.root.constraints)
    return (each for each in element.constraints if (each.key, each.expression) not in known)


_Number = Callable[[int], Faults]


def _number(base: Element, least: int, most: int | None, source: str) -> _Number | None:
    """How often the element has to be there, and may."""
    if not least and most is None:
        return None
    step = f".{base.name}"

    def check(number: int) -> Faults:
        if number < least:
            return [Fault("required", slicing.too_few(number, least), step, source=source)]
        if most is not None and number > most:
            return [Fault("structure", slicing.too_many(number, most), step, source=source)]
        return None

    return check


def _member(base: Element, rule: Rule | None, slices: Sliced | None, number: _Number | None) -> _Member:
    read = gather(base)
    always = slices is not None or number is not None

    def member(parent: Json, visit: Visit) -> Faults:
        found = read(parent)
        if not found and not always:
            return None
        faults = number(len(found)) if number is not None else None
        if rule is not None:
            for each in found:
                more = rule(each, visit)
                if more is not None:
                    faults = joined(faults, more, each.step)
        if slices is not None:
            more = slices(found, visit)
            if more is not None:
                faults = joined(faults, more)
        return faults

    return member


def _inside(members: tuple[_Member, ...]) -> Rule:
    def rule(found: Occurrence, visit: Visit) -> Faults:
        # Of a primitive there is only what stands beside it.
        parent = found.value if type(found.value) is dict else found.beside
        if type(parent) is not dict:
            parent = {}
        faults: Faults = None
        for member in members:
            more = member(parent, visit)
            if more is not None:
                faults = joined(faults, more)
        return faults

    return rule


def _allowed(codes: frozenset[str], source: str) -> Rule:
    every = not codes.isdisjoint(("Resource", "DomainResource"))
    expected = " or ".join(sorted(codes))

    def rule(found: Occurrence, _: Visit) -> Faults:
        if found.type in codes or every or "." in found.type:
            return None
        return [Fault("structure", f"is a {shown(found.type)}; it has to be a {expected}.", source=source)]

    return rule


def _present(instead: tuple[str, ...], source: str) -> Rule:
    """A primitive has a value, or an extension that may take its place."""

    def rule(found: Occurrence, _: Visit) -> Faults:
        extensions = (found.beside or {}).get("extension", ())
        if found.value is not None or any(each.get("url") in instead for each in extensions):
            return None
        others = f", or the extension {' or '.join(instead)}" if instead else ""
        return [Fault("required", f"has to have a value{others}.", source=source)]

    return rule


def _limited(limits: Limits, source: str) -> Rule:
    tests = tuple(value.tests(limits))

    def rule(found: Occurrence, _: Visit) -> Faults:
        faults: list[Fault] = []
        for test, fault in tests:
            if not test(found.value):
                made = fault(found.value)
                made.source = source
                faults.append(made)
        return faults or None

    return rule


def _bound(check: Callable[[Any, Visit], Faults], code: str) -> Rule:
    def rule(found: Occurrence, visit: Visit) -> Faults:
        if found.type != code or found.value is None:
            return None
        return check(found.value, visit)

    return rule


def _of(code: str, check: Callable[[Any, Visit], Faults]) -> Rule:
    return lambda found, visit: check(found.value, visit) if found.type == code else None


def _first(one: Rule, other: Rule | None) -> Rule:
    """The second is asked only of what the first has nothing against."""
    if other is None:
        return one
    return lambda found, visit: one(found, visit) or other(found, visit)


def _both(one: Rule, other: Rule | None) -> Rule:
    return one if other is None else every((one, other))


def _all(rules: list[Rule]) -> Rule | None:
    if len(rules) < 2:
        return rules[0] if rules else None
    return every(rules)
