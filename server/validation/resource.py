"""A whole resource, wherever it stands: its type, the profiles that it claims, what its place asks of it."""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import partial
from typing import Any

from server.definition.library import library
from server.fhir import Json
from server.validation import narrative_control, vital_sign
from server.validation.compiled import Compiled, compiled
from server.validation.fault import Fault, Faults, is_name, joined, kind, misshapen, sound
from server.validation.occurrence import Occurrence
from server.validation.profile import profile
from server.validation.structure import Types
from server.validation.visit import Visit


def check(value: Any, visit: Visit) -> Faults:
    """The faults of the resource that the visit is of."""
    if type(value) is not dict:
        return [misshapen(f"has to be a resource; {kind(value)} is not.")]
    name = value.get("resourceType")
    if type(name) is not str or name not in library().resource_types:
        return [_no_type(value)]
    types = _types(visit.context.full)
    faults = types.resource(name)(value, value, visit)
    if "contained" in value and not visit.contained and sound(faults):
        found = _unreferenced(value)
        if found is not None:
            faults = joined(faults, found)
    visit.sound = sound(faults)
    if visit.sound:
        for url in _claimed(value, visit):
            found = _under(url, value, name, visit, types.compiled)
            if found is not None:
                faults = joined(faults, found)
    return faults if faults is None else _placed(faults, name, value)


def _placed(faults: list[Fault], name: str, resource: Json) -> Faults:
    """Without those that are none where they stand: a path begins at its resource."""
    for each in faults:
        if each.unless is not None:
            if each.unless(f"{name}{each.path}", resource):
                each.severity = ""
            each.unless = None
    return [each for each in faults if each.severity] or None


def _types(full: bool) -> Types:
    once = compiled(full)
    return once.once(Types, partial(Types, once, _enter))


def _enter(value: Any, parent: Json, visit: Visit) -> Faults:
    """A resource inside another; what a container has in `contained` exists as a part of it only."""
    if type(value) is not dict:
        return [misshapen(f"has to be a resource; {kind(value)} is not.")]
    within = parent.get("contained")
    if type(within) is list and any(each is value for each in within):
        return _contained(value, check(value, visit.inside(value, contained=True)))
    return check(value, visit.inside(value))


def _claimed(value: Json, visit: Visit) -> tuple[str, ...]:
    """The profiles that were asked for, those that its `meta` names, and those of R4 that go by its code."""
    meta = value.get("meta")
    named = meta.get("profile") if type(meta) is dict else None
    # Plain clients write a weight as they please; who asks what is wrong with it is told in full.
    by_code = vital_sign.profiles(value) if visit.context.full else ()
    if named is None and not by_code:
        return visit.claims and _widest(visit.claims)
    return _widest((*visit.claims, *(each for each in named or () if type(each) is str), *by_code))


def _under(url: str, value: Json, name: str, visit: Visit, once: Compiled) -> Faults:
    """What is wrong under one of the profiles."""
    try:
        rule = profile(url, once)
    except KeyError:
        return _unknown(url, visit)
    visit.conformity[id(value), url] = True, value  # whatever leads back here has been asked already
    faults = rule(Occurrence(value, None, "", name), visit) if rule is not None else None
    controlled = narrative_control.under(value, url)
    if controlled is not None:
        faults = joined(faults, controlled)
    for each in faults or ():
        each.profile = each.profile or url
    return faults


def _unknown(url: str, visit: Visit) -> Faults:
    """Whoever asks for a profile has to be told that it was not looked at; a claim may be about anything."""
    if not visit.context.full:
        return None
    severity = "error" if url in visit.claims else "warning"
    text = f"was not held against the profile {url}, which is not known here."
    return [Fault("not-found", text, severity=severity)]


def _widest(urls: Iterable[str]) -> tuple[str, ...]:
    """Each once, and none that another is derived from: whoever meets a profile meets what it restricts."""
    every = tuple(dict.fromkeys(urls))
    if len(every) == 1:
        return every
    below = {above for url in every for above in _above(url)}
    return tuple(each for each in every if each.partition("|")[0] not in below)


def _above(url: str) -> tuple[str, ...]:
    memo: dict[str, tuple[str, ...]] = library().memo.setdefault(_above, {})
    if url not in memo:
        memo[url] = tuple(_bases(url))
    return memo[url]


def _bases(url: str) -> Iterator[str]:
    definition = library().resource("StructureDefinition", url)
    while definition is not None and definition.get("derivation") == "constraint":
        base: str = definition["baseDefinition"].partition("|")[0]
        yield base
        definition = library().resource("StructureDefinition", base)


_LINK = re.compile(r"""\b(?:href|src)\s*=\s*["']#([^"']+)""")
_OWN_META = {"versionId": "dom-4", "lastUpdated": "dom-4", "security": "dom-5"}


def _contained(value: Json, faults: Faults) -> Faults:
    """It has an id, nothing contained in itself, and no history of its own (dom-2, dom-4, dom-5)."""
    if "id" not in value:
        text = "is required in a contained resource and missing."
        faults = joined(faults, [Fault("required", text)], ".id")
    if "contained" in value:
        text = "may not stand in a resource that is contained itself (dom-2)."
        faults = joined(faults, [Fault("invariant", text, rule="dom-2")], ".contained")
    meta = value.get("meta")
    for name, rule in _OWN_META.items():
        if type(meta) is dict and name in meta:
            text = f"may not stand in a contained resource ({rule})."
            faults = joined(faults, [Fault("invariant", text, rule=rule)], f".meta.{name}")
    return faults


def _unreferenced(container: Json) -> Faults:
    """What is contained and neither referred to, nor refers to its container (dom-3)."""
    every = [each for each in container["contained"] if type(each) is dict]
    named = set(_fragments({key: value for key, value in container.items() if key != "contained"}))
    for each in every:
        named.update(_fragments(each))
    faults = [
        Fault("invariant", text, f".contained[{index}]", rule="dom-3")
        for index, each in enumerate(container["contained"])
        if each.get("id") is not None and each["id"] not in named and "" not in set(_fragments(each))
        for text in ("is contained, and nothing in the resource refers to it (dom-3).",)
    ]
    return faults or None


def _fragments(resource: Json) -> Iterator[str]:
    """The ids that references and canonicals within the resource speak of."""
    todo: list[Any] = [resource]
    while todo:
        node = todo.pop()
        if type(node) is dict:
            todo.extend(node.values())
        elif type(node) is list:
            todo.extend(node)
        elif type(node) is str:
            if node.startswith("#"):
                yield node[1:]
            elif node.startswith("<"):
                yield from _LINK.findall(node)  # a narrative refers to what it shows


def _no_type(value: Json) -> Fault:
    if "resourceType" not in value:
        return misshapen("has no 'resourceType', and so nobody can say what it is.")
    name = value["resourceType"]
    if type(name) is not str or not is_name(name):
        return misshapen("has a 'resourceType' that is not the name of a resource type.")
    like = get_close_matches(name, library().resource_types, n=1)
    hint = f"; did you mean '{like[0]}'?" if like else "."
    return misshapen(f"has the resourceType '{name}', which is no resource type of R4{hint}")
