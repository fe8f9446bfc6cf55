"""The FHIRPath Patch that makes one version of a resource into another; with what was there before.

http://hl7.org/fhir/R4/fhirpatch.html

An operation has one part more than the specification gives it, `previousValue`. Carried out in their order,
the operations give the other version: what is added comes before what is deleted, for an element of which
nothing is left would be taken away.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from server.fhir import Json, json
from server.fhir.patch.place import items, of_key
from server.fhir.property import ABSTRACT, Property, TypeOf

Pair = tuple[Any, Any]
"""An element, and what stands beside it where it is a primitive."""

_WHOLE = ("Narrative",)
"""Told as one: half a narrative says nothing, and its `div` is a word of FHIRPath's."""


def difference(before: Json, after: Json, type_of: TypeOf) -> Json:
    """A Parameters resource; without parameters where the two are the same."""
    type_ = after["resourceType"]
    found = list(_Differing(type_of).inside(type_, type_, before, after))
    return {"resourceType": "Parameters", **({"parameter": found} if found else {})}


def parameter(type_: str, key: str, pair: Pair, type_of: TypeOf) -> tuple[str, Json]:
    """An element of a resource by its name, and as a parameter: a value, or parts of its own."""
    known = of_key(type_, key, type_of)
    assert known is not None, f"what is stored is valid, and {type_} has a '{key}'"
    name, property_ = known
    return name, _Differing(type_of).part(property_, pair)


@dataclass(frozen=True, slots=True)
class _Differing:
    """Walks two elements of the same type at once."""

    type_of: TypeOf

    def inside(self, path: str, type_: str, before: Json, after: Json) -> Iterator[Json]:
        """The operations that make the children of one element those of the other."""
        old, new = self.children(type_, before), self.children(type_, after)
        last: list[Json] = []
        for name in dict.fromkeys((*old, *new)):
            if name not in new:
                last += self.deleted(path, name, *old[name])
            elif name not in old:
                property_, pairs = new[name]
                yield from (self.added(path, name, property_, pair) for pair in pairs)
            else:
                yield from self.changed(path, name, old[name], new[name])
        yield from last

    def children(self, type_: str, element: Json) -> dict[str, tuple[Property, list[Pair]]]:
        """The elements that are there, by name, in their order."""
        found = {}
        for key in dict.fromkeys(each.removeprefix("_") for each in element if each != "resourceType"):
            known = of_key(type_, key, self.type_of)
            assert known is not None, f"what is stored is valid, and {type_} has a '{key}'"
            name, property_ = known
            if property_.repeated:
                pairs = items(element, key)
            else:
                pairs = [(element.get(key), element.get(f"_{key}"))]
            found[name] = property_, pairs
        return found

    def changed(
        self, path: str, name: str, old: tuple[Property, list[Pair]], new: tuple[Property, list[Pair]]
    ) -> Iterator[Json]:
        (was, before), (is_, after) = old, new
        here = f"{path}.{name}"
        if not is_.repeated:
            yield from self.altered(here, was, is_, before[0], after[0])
            return
        matcher = SequenceMatcher(
            None, [_text(pair) for pair in before], [_text(pair) for pair in after], False
        )
        for _, i1, i2, j1, j2 in (each for each in matcher.get_opcodes() if each[0] != "equal"):
            both = min(i2 - i1, j2 - j1)
            for at in range(both):
                yield from self.altered(f"{here}[{j1 + at}]", is_, is_, before[i1 + at], after[j1 + at])
            for pair in before[i1 + both : i2]:
                yield _operation("delete", f"{here}[{j1 + both}]", previous=self.part(is_, pair))
            for at in range(j1 + both, j2):
                yield _operation("insert", here, index=at, value=self.part(is_, after[at]))

    def altered(self, here: str, was: Property, is_: Property, old: Pair, new: Pair) -> Iterator[Json]:
        """One element that is another now: told by its children, if it has some and is of the same type."""
        before, after = old[0], new[0]
        if _text(old) == _text(new) and was.key == is_.key:
            return
        type_ = _type(is_, after)
        alike = was.key == is_.key and type_ == _type(was, before)
        if not alike or type_[0].islower() or type_ in _WHOLE:
            yield _operation("replace", here, value=self.part(is_, new), previous=self.part(was, old))
        else:
            yield from self.inside(here, type_, before, after)

    def added(self, path: str, name: str, property_: Property, pair: Pair) -> Json:
        return _operation("add", path, name=name, value=self.part(property_, pair))

    def deleted(self, path: str, name: str, property_: Property, pairs: list[Pair]) -> Iterator[Json]:
        # Of a list the first goes each time, until there is none.
        here = f"{path}.{name}{'[0]' if property_.repeated else ''}"
        return (_operation("delete", here, previous=self.part(property_, pair)) for pair in pairs)

    def part(self, property_: Property, pair: Pair) -> Json:
        """An element as a part of a Parameters: a value, a resource, or parts of its own."""
        value, side = pair
        type_ = property_.type
        if type_ in ABSTRACT:
            return {"resource": value}
        if type_[0].islower():
            # xhtml is no type of a parameter: to the patch any text is as good.
            key = _key("string" if type_ == "xhtml" else type_)
            beside = {f"_{key}": side} if side else {}
            return beside if value is None else {key: value, **beside}
        if any(each.type == type_ for each in self.type_of("Parameters.parameter", "value")):
            return {_key(type_): value}
        children = self.children(type_, value).items()
        return {
            "part": [
                {"name": name, **self.part(each, inner)}
                for name, (each, pairs) in children
                for inner in pairs
            ]
        }


def _type(property_: Property, value: Any) -> str:
    return str(value["resourceType"]) if property_.type in ABSTRACT else property_.type


def _text(pair: Pair) -> bytes:
    return json.encode(pair)


def _key(type_: str) -> str:
    return f"value{type_[0].upper()}{type_[1:]}"


def _operation(
    type_: str,
    path: str,
    *,
    name: str | None = None,
    index: int | None = None,
    value: Json | None = None,
    previous: Json | None = None,
) -> Json:
    parts: list[Json] = [{"name": "type", "valueCode": type_}, {"name": "path", "valueString": path}]
    if name is not None:
        parts.append({"name": "name", "valueString": name})
    if index is not None:
        parts.append({"name": "index", "valueInteger": index})
    if value is not None:
        parts.append({"name": "value", **value})
    if previous is not None:
        parts.append({"name": "previousValue", **previous})
    return {"name": "operation", "part": parts}
