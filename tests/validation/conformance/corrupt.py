"""Corruptions of a valid resource, each with its place: what a validator has to refuse there.

They are worked out from the definitions themselves, not from what the validator makes of them: what may be
removed, doubled, swapped is read off the snapshots of the type and of the profiles.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from itertools import islice
from random import Random
from typing import Any

from server.definition.library import library
from server.fhir import Json
from server.fhir.primitive import PRIMITIVES
from server.fhir.reference import parse

Way = tuple[str | int, ...]

HL7 = "http://hl7.org/fhir/StructureDefinition/"
# Of no element of R4 that may be retargeted are all of these a target.
_ELSEWHERE = ("Slot", "Linkage", "VisionPrescription", "Basic")


@dataclass(frozen=True)
class Corruption:
    """`place`: the element that is wrong, as a FHIRPath but for choices, whose name is the one in JSON."""

    kind: str
    resource: Json
    place: str


@dataclass(frozen=True)
class Spot:
    """One value of a resource: where it is, and what the definitions say of such an element, base first."""

    way: Way
    value: Any
    type: str
    elements: tuple[Json, ...]

    @property
    def name(self) -> str:
        return str(self.way[-1])


def corruptions(resource: Json, profiles: Sequence[str], count: int, dice: Random) -> Iterator[Corruption]:
    """So many, drawn evenly from the kinds that the resource can suffer."""
    spots = list(_spots(resource, profiles))
    kinds = [
        (kind, fitting)
        for kind, fits in _FITS.items()
        if (fitting := [spot for spot in spots if fits(resource, spot)])
    ]
    kinds += [("slice broken", slices)] if (slices := list(_slices(resource, profiles))) else []
    yield from islice(_drawn(resource, kinds, dice), count)


def _drawn(resource: Json, kinds: Sequence[tuple[str, list[Any]]], dice: Random) -> Iterator[Corruption]:
    while kinds:
        kind, fitting = dice.choice(kinds)
        copy = deepcopy(resource)
        yield Corruption(kind, copy, _CORRUPT[kind](copy, dice.choice(fitting), dice))


# ---- what a resource is made of ----------------------------------------------------------------------------


@cache
def _snapshot(url: str) -> Mapping[str, list[Json]]:
    """The elements of a definition by path, without those of slices."""
    definition = library().definition(url)
    assert definition is not None, url
    found: dict[str, list[Json]] = {}
    for element in definition["snapshot"]["element"]:
        if ":" not in element["id"]:
            found.setdefault(element["path"], []).append(element)
    return found


def _spots(resource: Json, profiles: Sequence[str]) -> Iterator[Spot]:
    type = resource["resourceType"]
    within = [(_snapshot(url), type) for url in (type, *profiles)]
    yield from _inside(resource, (), within)


def _inside(node: Json, way: Way, within: list[tuple[Mapping[str, list[Json]], str]]) -> Iterator[Spot]:
    """The properties of an object, and what is inside them."""
    for key, value in node.items():
        if key == "resourceType" or key.startswith("_"):
            continue
        elements, type = _element(key, within)
        yield Spot((*way, key), value, type, elements)
        items = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, item in items:
            if isinstance(item, dict):
                step = (*way, key) if index is None else (*way, key, index)
                yield from _inside(item, step, _within(item, type, elements, within))


def _element(key: str, within: list[tuple[Mapping[str, list[Json]], str]]) -> tuple[tuple[Json, ...], str]:
    found, type = [], ""
    for snapshot, path in within:
        for name, of_type in _names(key, snapshot, path):
            found += snapshot[f"{path}.{name}"]
            type = type or of_type
    return tuple(found), type


def _names(key: str, snapshot: Mapping[str, list[Json]], path: str) -> Iterator[tuple[str, str]]:
    """The element that a property is, with its type there."""
    if f"{path}.{key}" in snapshot:
        element = snapshot[f"{path}.{key}"][0]
        yield key, element.get("type", [{"code": ""}])[0]["code"]
        return
    for end in range(1, len(key)):
        if f"{path}.{key[:end]}[x]" in snapshot:
            for each in snapshot[f"{path}.{key[:end]}[x]"][0]["type"]:
                if each["code"].lower() == key[end:].lower():
                    yield f"{key[:end]}[x]", each["code"]


def _within(
    item: Json, type: str, elements: tuple[Json, ...], within: list[tuple[Mapping[str, list[Json]], str]]
) -> list[tuple[Mapping[str, list[Json]], str]]:
    """Where the elements inside a value are defined: in place, or by its type, or both (in a profile)."""
    if "resourceType" in item:
        return [(_snapshot(item["resourceType"]), item["resourceType"])]
    found = []
    for element in elements:
        for snapshot, _ in within:
            path = element.get("contentReference", f"#{element['path']}").rpartition("#")[2]
            if any(each.startswith(f"{path}.") for each in snapshot) and (snapshot, path) not in found:
                found.append((snapshot, path))
    if type and type not in ("BackboneElement", "Element") and type[0].isupper():
        found.insert(0, (_snapshot(type), type))
    return found


# ---- the kinds ---------------------------------------------------------------------------------------------


def _is_required(resource: Json, spot: Spot) -> bool:
    return any(each["min"] > 0 for each in spot.elements)


def _is_limited(resource: Json, spot: Spot) -> bool:
    return bool(spot.elements)


def _is_bound(resource: Json, spot: Spot) -> bool:
    return spot.type in ("code", "Coding", "CodeableConcept") and any(map(_listed, spot.elements))


def _listed(element: Json) -> bool:
    binding = element.get("binding", {})
    if binding.get("strength") != "required":
        return False
    value_set = library().resource("ValueSet", binding.get("valueSet", "").partition("|")[0]) or {}
    includes = value_set.get("compose", {}).get("include", [])
    return bool(includes) and all(_is_held(include) for include in includes)


def _is_held(include: Json) -> bool:
    if "concept" in include or "valueSet" in include:
        return True
    system = library().resource("CodeSystem", include.get("system", ""))
    return system is not None and system["content"] == "complete"


def _is_pointed(resource: Json, spot: Spot) -> bool:
    """A reference whose type can be told, to a type that is not the only one it may be."""
    items = spot.value if isinstance(spot.value, list) else [spot.value]
    return (
        spot.type == "Reference"
        and any(isinstance(each, dict) and parse(each.get("reference", "")).id for each in items)
        and any(_elsewhere(element) for element in spot.elements)
    )


def _elsewhere(element: Json) -> str | None:
    """A type that the element may not refer to."""
    targets = [url for type in element.get("type", ()) for url in type.get("targetProfile", ())]
    if not targets or f"{HL7}Resource" in targets:
        return None
    types = {(library().definition(url) or {"type": ""})["type"] for url in targets}
    return next((each for each in _ELSEWHERE if each not in types), None) if "" not in types else None


def _removed(copy: Json, spot: Spot, dice: Random) -> str:
    parent = at(copy, spot.way[:-1])
    for name in (spot.name, f"_{spot.name}"):
        parent.pop(name, None)
    return path(copy, spot.way)


def _doubled(copy: Json, spot: Spot, dice: Random) -> str:
    parent = at(copy, spot.way[:-1])
    if isinstance(spot.value, list):
        limits = [int(each["max"]) for each in spot.elements if each["max"] != "*"]
        parent[spot.name] = (spot.value * (min(limits) + 1))[: max(min(limits), len(spot.value)) + 1]
    else:
        parent[spot.name] = [spot.value, spot.value]
    return path(copy, spot.way)


def _can_double(resource: Json, spot: Spot) -> bool:
    limited = any(each["max"] != "*" for each in spot.elements)
    return limited if isinstance(spot.value, list) else bool(spot.elements)


def _misspelt(copy: Json, spot: Spot, dice: Random) -> str:
    parent = at(copy, spot.way[:-1])
    name = dice.choice([f"{spot.name}x", spot.name.upper(), f"x{spot.name}", f"{spot.name[:-1]}-"])
    items = [(name if key == spot.name else key, value) for key, value in parent.items()]
    parent.clear()
    parent.update(items)
    return path(copy, (*spot.way[:-1], name))


def _of_wrong_type(copy: Json, spot: Spot, dice: Random) -> str:
    value = spot.value
    others: list[Any] = ["text", {"unexpected": True}, [["nested"]], 1, True]
    if spot.type in PRIMITIVES:
        others = [each for each in others if not PRIMITIVES[spot.type].valid(each)]
    fitting = [each for each in others if type(each) is not type(value)]
    at(copy, spot.way[:-1])[spot.name] = dice.choice(fitting)
    return path(copy, spot.way)


def _swapped(copy: Json, spot: Spot, dice: Random) -> str:
    parent = at(copy, spot.way[:-1])
    value = parent[spot.name]
    if spot.type == "code":
        parent[spot.name] = ["no-such-code"] if isinstance(value, list) else "no-such-code"
    else:
        for concept in value if isinstance(value, list) else [value]:
            for coding in concept.setdefault("coding", [{}]) if spot.type == "CodeableConcept" else [concept]:
                coding["code"] = "no-such-code"
    return path(copy, spot.way)


def _retargeted(copy: Json, spot: Spot, dice: Random) -> str:
    other = next(found for element in spot.elements if (found := _elsewhere(element)))
    value = at(copy, spot.way)
    for index, each in enumerate(value if isinstance(value, list) else [value]):
        if parse(each.get("reference", "")).id:
            each["reference"] = f"{other}/{parse(each['reference']).id}"
            each.pop("type", None)
            return path(copy, (*spot.way, index) if isinstance(value, list) else spot.way)
    raise AssertionError("There is a reference, or the spot would not fit.")


# ---- slices ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Slice:
    """A slice that may not be there twice, or not be missing, and the way to the one item that is in it."""

    way: Way
    inside: tuple[tuple[tuple[str, ...], Any], ...]
    required: bool


def _slices(resource: Json, profiles: Sequence[str]) -> Iterator[_Slice]:
    """Those at the top of the resource that one item is in, told by its values."""
    for url in profiles:
        definition = library().definition(url)
        assert definition is not None
        elements = definition["snapshot"]["element"]
        for element in elements:
            items = resource.get(element["path"].rpartition(".")[2])
            if "sliceName" not in element or element["path"].count(".") != 1 or not isinstance(items, list):
                continue
            wanted = tuple(_wanted(element, elements))
            found = [index for index, item in enumerate(items) if wanted and _has(item, wanted)]
            if len(found) == 1 and (element["max"] == "1" or element["min"] == 1):
                way = (element["path"].rpartition(".")[2], found[0])
                yield _Slice(way, wanted, required=element["min"] == 1)


def _wanted(slice: Json, elements: list[Json]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What the items of the slice have, each value with its way from the item."""
    id = slice["id"]
    if slice["path"].endswith("xtension"):
        yield ("url",), slice["type"][0]["profile"][0]
        return
    for each in elements:
        if each["id"] == id or each["id"].startswith(f"{id}."):
            way = tuple(each["id"][len(id) + 1 :].split(".")) if each["id"] != id else ()
            for key, value in each.items():
                if key.startswith(("fixed", "pattern")) and not any(":" in step for step in way):
                    yield way, value


def _has(item: Any, wanted: tuple[tuple[tuple[str, ...], Any], ...]) -> bool:
    return all(_like(_value(item, way), value) for way, value in wanted)


def _value(item: Any, way: tuple[str, ...]) -> Any:
    for step in way:
        item = item.get(step) if isinstance(item, dict) else None
    return item


def _like(value: Any, pattern: Any) -> bool:
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(_like(value.get(key), each) for key, each in pattern.items())
    if isinstance(pattern, list):
        return isinstance(value, list) and all(any(_like(one, each) for one in value) for each in pattern)
    return bool(value == pattern)


def _slice_broken(copy: Json, broken: _Slice, dice: Random) -> str:
    """One too many, or the only one turned into something else."""
    if not broken.required or dice.random() < 0.5:
        items = at(copy, broken.way[:-1])
        items.append(deepcopy(items[int(broken.way[-1])]))
        return path(copy, broken.way[:-1])
    way, _ = dice.choice(broken.inside)
    node = at(copy, broken.way)
    for step in way[:-1]:
        node = node[step]
    if way and isinstance(node[way[-1]], str):
        node[way[-1]] = "urn:of-another-slice"
    else:
        _change(node[way[-1]] if way else node)
    return path(copy, broken.way[:-1])


def _change(node: Any) -> None:
    """Whatever identifies a coding or identifier becomes that of another."""
    for each in node if isinstance(node, list) else [node]:
        for key, value in each.items():
            if isinstance(value, str) and key in ("system", "code", "url"):
                each[key] = "urn:of-another-slice" if key != "code" else "of-another-slice"
            elif isinstance(value, (dict, list)):
                _change(value)


# ---- the two tables ----------------------------------------------------------------------------------------

_FITS: Mapping[str, Callable[[Json, Spot], bool]] = {
    "removed": _is_required,
    "doubled": _can_double,
    "misspelt": lambda *_: True,
    "of the wrong type": _is_limited,
    "code swapped": _is_bound,
    "reference retargeted": _is_pointed,
}
_CORRUPT: Mapping[str, Callable[[Json, Any, Random], str]] = {
    "removed": _removed,
    "doubled": _doubled,
    "misspelt": _misspelt,
    "of the wrong type": _of_wrong_type,
    "code swapped": _swapped,
    "reference retargeted": _retargeted,
    "slice broken": _slice_broken,
}
KINDS = tuple(_CORRUPT)


def at(resource: Json, way: Way) -> Any:
    node: Any = resource
    for step in way:
        node = node[step]
    return node


def path(resource: Json, way: Way) -> str:
    """The way as a FHIRPath, save that a choice keeps the name that it has in JSON."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in way)
    return resource["resourceType"] + "".join(steps)
