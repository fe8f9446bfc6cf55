"""The words of a resource: what people read in it, as PostgreSQL's full text keeps it.

https://hl7.org/fhir/R4/search.html#text

Of the narrative, and of every string and markdown: names, notes, what stands beside a code. Not what machines
read: codes, uris, references, the values of identifiers. Words are folded as names are, and not stemmed: that
would take names apart, and "Will" for no word at all.
What stands beside a code is kept whole too, for `:text`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from html import unescape
from typing import Any, NamedTuple

from server.definition.library import library
from server.definition.structure import Element, structure
from server.fhir import Json
from server.fhir.name import fold

NARRATIVE = "A"
"""The weight of what stands in the narrative; all else has none."""

_LAST = 16_383
"""Positions beyond are not told apart: nothing more of a text is kept."""

_LONGEST = 100
_READ = frozenset({"string", "markdown"})
_UNREAD = frozenset({"Meta", "Narrative", "Reference.reference", "Identifier.value"})
_TAG = re.compile(r"<!--.*?-->|<[^>]*>", re.DOTALL)

_Steps = Mapping[str, tuple[str, str] | None]
"""By property: the structure and the path of what is inside; None if it is read itself."""


def words(resource: Json) -> str:
    """A `tsvector`; "" if there is nothing to read."""
    places: dict[str, list[str]] = {}
    at = 0
    for weight, text in _texts(resource):
        for word in fold(text).split():
            at += 1
            places.setdefault(word[:_LONGEST], []).append(f"{at}{weight}")
        # No phrase goes from one element into the next.
        at += 1
        if at >= _LAST:
            break
    return " ".join(f"'{word}':{','.join(found[:255])}" for word, found in places.items())


def _texts(resource: Json) -> Iterator[tuple[str, str]]:
    narrative = resource.get("text")
    if isinstance(narrative, dict) and "div" in narrative:
        yield NARRATIVE, unescape(_TAG.sub(" ", narrative["div"]))
    type_ = resource["resourceType"]
    for text in _read(resource, type_, type_):
        yield "", text


def _read(element: Json, type_: str, path: str) -> Iterator[str]:
    steps = _steps(type_, path)
    for name, value in element.items():
        if name not in steps:
            continue
        inside = steps[name]
        for each in value if isinstance(value, list) else (value,):
            if inside is None:
                if isinstance(each, str):
                    yield each
            elif isinstance(each, dict):
                # A resource inside says itself what it is.
                yield from _read(each, *_inside(inside, each))


def _inside(inside: tuple[str, str], element: Json) -> tuple[str, str]:
    type_ = element.get("resourceType") if inside[0] == "Resource" else None
    return (type_, type_) if type_ else inside


@cache
def _steps(type_: str, path: str) -> _Steps:
    found = structure(type_) if type_ in library().resource_types or type_ != "Resource" else None
    if found is None:
        return {}
    return {name: step for child in found.elements[path].children for name, step in _step(type_, child)}


def _step(type_: str, element: Element) -> Iterator[tuple[str, tuple[str, str] | None]]:
    if element.path in _UNREAD:
        return
    for name, kind in element.properties():
        if kind.attribute or kind.code in _UNREAD:
            continue
        if kind.code in _READ:
            yield name, None
        elif element.content or element.children:
            yield name, (type_, element.content or element.path)
        elif kind.code[0].isupper():
            yield name, (kind.code, kind.code)


def said_of(number: int, text: str) -> str:
    """What stands beside a code of a parameter, folded, as one lexeme: no word has an equals sign in it."""
    return f"'={number}={text}'"


def said_to_begin(number: int, texts: Iterable[str]) -> str:
    """A `tsquery` for what stands beside a code, and begins with one of these."""
    return " | ".join(f"{said_of(number, text)}:*" for text in texts)


def query(text: str, weight: str = "") -> str:
    """A `tsquery` of what was asked: words, "phrases", `or`, `-` or `not` for what must not be, parentheses,
    `*` after the beginning of a word.

    Raises:
        ValueError: there is no word in it that must be there, or a parenthesis is not closed.
    """
    return _Asking(text, weight).query()


class _Said(NamedTuple):
    """Part of a query. `names`: whatever it finds has a word of it, so that an index can be asked."""

    text: str
    names: bool = True


_TOKEN = re.compile(r'\s*(?:(\()|(\))|(-(?=\S))|"([^"]*)"|([^\s()"]+))')
_OR, _AND, _NOT = frozenset({"or", "|"}), frozenset({"and", "&"}), frozenset({"not", "!"})


class _Asking:
    """Reads what was asked: `or` binds loosest."""

    def __init__(self, text: str, weight: str) -> None:
        self.tokens: list[tuple[Any, ...]] = [found.groups() for found in _TOKEN.finditer(text)]
        self.at, self.weight = 0, weight

    def query(self) -> str:
        found = self._either()
        if self.at < len(self.tokens):
            raise ValueError("A parenthesis is closed that was not opened.")
        if found is None or not found.names:
            raise ValueError("It names no word that must be there.")
        return found.text

    def _either(self) -> _Said | None:
        parts = [self._every()]
        while self._takes(_OR):
            parts.append(self._every())
        return _put_together(parts, " | ", all)

    def _every(self) -> _Said | None:
        parts: list[_Said | None] = []
        while self.at < len(self.tokens) and not self.tokens[self.at][1] and self._word() not in _OR:
            if not self._takes(_AND):
                parts.append(self._one())
        return _put_together(parts, " & ", any)

    def _one(self) -> _Said | None:
        if self._takes(_NOT):
            return _turned(self._one()) if self.at < len(self.tokens) else None
        opens, closes, minus, phrase, word = self.tokens[self.at]
        if closes:
            return None
        self.at += 1
        if minus:
            return _turned(self._one())
        if not opens:
            return self._phrase(phrase if phrase is not None else word)
        inner = self._either()
        if self.at == len(self.tokens):
            raise ValueError("A parenthesis is not closed.")
        self.at += 1
        return inner

    def _phrase(self, text: str) -> _Said | None:
        parts = [part[:_LONGEST] for part in fold(text).split()]
        if not parts:
            return None
        last = ("*" if text.endswith("*") else "") + self.weight
        marks = [self.weight] * (len(parts) - 1) + [last]
        lexemes = (
            f"'{part}':{mark}" if mark else f"'{part}'" for part, mark in zip(parts, marks, strict=True)
        )
        return _Said(f"({' <-> '.join(lexemes)})")

    def _word(self) -> str:
        return str(self.tokens[self.at][4] or "").lower() if self.at < len(self.tokens) else ""

    def _takes(self, names: frozenset[str]) -> bool:
        if self._word() in names:
            self.at += 1
            return True
        return False


def _turned(found: _Said | None) -> _Said | None:
    return None if found is None else _Said(f"!{found.text}", names=not found.names)


def _put_together(
    parts: list[_Said | None], operator: str, names: Callable[[list[bool]], bool]
) -> _Said | None:
    said = [part for part in parts if part is not None]
    if not said:
        return None
    return _Said(f"({operator.join(part.text for part in said)})", names([part.names for part in said]))
