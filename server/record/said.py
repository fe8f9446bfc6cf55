"""Who said what of a resource, and when: worked out from its versions, element by element.

An element of a list is known by what it says and not by its place. A PUT says all that it holds; a PATCH and
what the server writes by itself say what they change.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any

from server.fhir import Json, json

KEPT = "https://w3id.org/single-child-record/StructureDefinition/kept-since"
"""Marks an address that a writer did not mention, and that is kept because it is another agency's."""

_OF_THE_RESOURCE = frozenset({"resourceType", "id", "meta", "text", "contained"})
"""What is said of the resource, and not of whom it is about."""

Pair = tuple[Any, Any]
"""The JSON of an element, and what stands beside it where it is a primitive."""

Key = tuple[str, bytes]
"""The name of a property, and what it says."""


@dataclass(frozen=True, slots=True)
class Writer:
    """`agency`: its number, None where it is not told. `who`: references to people. `whole`: it sent all that
    the version holds."""

    agency: int | None = None
    who: tuple[str, ...] = ()
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Version:
    """A version as it is shown. `content` is None of a deletion. `follows`: whether it is known what the
    version before it said of a property."""

    name: str
    at: datetime
    content: Json | None
    writer: Writer
    follows: Callable[[str], bool]
    provenance: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """What one agency said of an element: first and last."""

    agency: int | None
    who: tuple[str, ...]
    first: Version
    last: Version
    provenance: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Element:
    """An element of the present version, or (`ended`: the version without it) of a former one.

    `at`: its place among those of its name. `earlier`: it may have been said before, in a version that is
    not shown. `again`: the version that put it back after it had been taken away.
    """

    name: str
    at: int
    value: Pair
    said: tuple[Statement, ...]
    earlier: bool
    again: Version | None = None
    ended: Version | None = None


class Timeline:
    """`versions` of one resource in their order; `beside`: those of other records of the same child, in which
    it may have been said before."""

    def __init__(self, versions: Sequence[Version], beside: Sequence[Version] = ()) -> None:
        self._versions, self._beside = versions, beside
        self._held = [_keys(each.content) for each in versions]
        self._elsewhere = [_keys(each.content) for each in beside]

    def elements(self) -> Iterator[Element]:
        """Those of the last version."""
        return (element for _, element in self._until(len(self._versions)))

    def former(self) -> Iterator[Element]:
        """Those that are not in the last version any more; the last to go first."""
        gone = set(self._held[-1])
        for end in range(len(self._versions) - 1, 0, -1):
            yield from (element for key, element in self._until(end) if key not in gone)
            gone.update(self._held[end - 1])

    def _until(self, end: int) -> Iterator[tuple[Key, Element]]:
        """The elements of the last of the first `end` versions."""
        parts = _parts(self._versions[end - 1].content)
        for part, key in zip(parts, self._held[end - 1], strict=True):
            yield key, self._element(part, key, end)

    def _element(self, part: tuple[str, int, Pair], key: Key, end: int) -> Element:
        versions, name = self._versions, part[0]
        where = [at for at in range(end) if key in self._held[at]]
        start = end - 1
        while start and key in self._held[start - 1]:
            start -= 1
        elsewhere = [each for each, keys in zip(self._beside, self._elsewhere, strict=True) if key in keys]
        said = [each for each in elsewhere if each.writer.whole]
        said += (versions[at] for at in where if self._is_said(key, at, known=bool(elsewhere)))
        return Element(
            *part,
            tuple(_statements(sorted(said, key=lambda version: version.at))),
            earlier=not versions[where[0]].follows(name),
            again=versions[start] if where[0] != start else None,
            ended=versions[end] if end < len(versions) else None,
        )

    def _is_said(self, key: Key, at: int, *, known: bool) -> bool:
        """Whether the writer of a version said an element, and did not leave it as it was. `known`: another
        record of the child says it."""
        version = self._versions[at]
        if key in _kept(version.content):
            return False
        return version.writer.whole or not (known or (at and key in self._held[at - 1]))


def _statements(versions: Iterable[Version]) -> Iterator[Statement]:
    """By agency, in the order in which they said it first."""
    by: dict[int | None, list[Version]] = {}
    for each in versions:
        by.setdefault(each.writer.agency, []).append(each)
    for agency, some in by.items():
        who = dict.fromkeys(name for each in some for name in each.writer.who)
        why = dict.fromkeys(name for each in some for name in each.provenance)
        yield Statement(agency, tuple(who), some[0], some[-1], tuple(why))


def _parts(content: Json | None) -> list[tuple[str, int, Pair]]:
    """The elements, each by the name of its property and its place."""
    found: list[tuple[str, int, Pair]] = []
    for key in dict.fromkeys(name.removeprefix("_") for name in content or ()):
        if content is None or key in _OF_THE_RESOURCE:
            continue
        value, side = content.get(key), content.get(f"_{key}")
        if isinstance(value, list) or isinstance(side, list):
            found += ((key, at, pair) for at, pair in enumerate(zip_longest(value or (), side or ())))
        else:
            found.append((key, 0, (value, side)))
    return found


def _keys(content: Json | None) -> list[Key]:
    return [(name, said(name, pair)) for name, _, pair in _parts(content)]


def said(name: str, pair: Pair) -> bytes:
    """What an element is recognised by: an identifier by its number, an address without the mark."""
    value, side = pair
    if name == "identifier" and value.get("system") and value.get("value"):
        return json.encode([value["system"], value["value"]])
    if name == "address":
        value = unmarked(value)
    return json.encode(_ordered(value if side is None else pair))


def _ordered(value: Any) -> Any:
    """The same with the properties in order, which in FHIR say nothing by their place."""
    match value:
        case dict():
            return {name: _ordered(value[name]) for name in sorted(value)}
        case list() | tuple():
            return [_ordered(each) for each in value]
    return value


def unmarked(address: Json) -> Json:
    """An address without the mark that it was kept."""
    marks = [each for each in address.get("extension", ()) if each.get("url") != KEPT]
    bare = {name: value for name, value in address.items() if name != "extension"}
    return {**bare, "extension": marks} if marks else bare


def is_kept(address: Json) -> bool:
    """Whether it bears the mark."""
    return any(each.get("url") == KEPT for each in address.get("extension", ()))


def _kept(content: Json | None) -> list[Key]:
    listed: Any = (content or {}).get("address", ())
    return [("address", said("address", (each, None))) for each in listed if is_kept(each)]
