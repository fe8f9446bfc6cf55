"""What a regular expression is made of.

The syntax is that of Python's `re`, without what looks around, looks back or changes how the rest is read.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Union

_DEEPEST = 50
_GROUP = re.compile(r"\((?:\?:|\?P?<[A-Za-z_]\w*>|(?!\?))")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_ESCAPE = re.compile(
    r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|0[0-7]{0,2}|[^1-9AZbBxuU0])", re.DOTALL
)
_PLACE = re.compile(r"\^|\$|\\([AZbB])")
_TIMES = re.compile(r"([*+?]|\{(\d*)(,?)(\d*)\})[?+]?")
_RANGES = {"*": (0, None), "+": (1, None), "?": (0, 1)}


class Char(NamedTuple):
    """One character."""

    fits: Callable[[str], object]


class Place(NamedTuple):
    """Nothing, but in its place: `^`, `$`, or the letter of `\\A`, `\\Z`, `\\b`, `\\B`."""

    name: str


class Row(NamedTuple):
    """One after the other."""

    parts: tuple["Node", ...]


class Either(NamedTuple):
    """One of them."""

    parts: tuple["Node", ...]


class Repeat(NamedTuple):
    """Several times; None: without an end."""

    part: "Node"
    least: int
    most: int | None


Node = Union[Char, Place, Row, Either, Repeat]  # noqa: UP007  (the classes name it before it is there)


class Unreadable(ValueError):
    """It is no regular expression, or has what is not read here."""


def tree(text: str, flags: re.RegexFlag) -> Node:
    """The expression as a tree.

    Raises:
        Unreadable: it cannot be read.
    """
    try:
        re.compile(text, flags)
    except (re.error, OverflowError, RecursionError) as error:
        raise Unreadable(f"'{text}' is no regular expression: {error}.") from None
    reader = _Reader(text, flags)
    found = reader.either(0)
    if reader.at < len(text):
        raise reader.refused()
    return found


@dataclass(slots=True)
class _Reader:
    text: str
    flags: re.RegexFlag
    at: int = field(default=0)

    def either(self, depth: int) -> Node:
        if depth > _DEEPEST:
            raise Unreadable(f"'{self.text}' has more than {_DEEPEST} groups in each other.")
        parts = [self._row(depth)]
        while self._next("|"):
            parts.append(self._row(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def refused(self) -> Unreadable:
        return Unreadable(
            f"'{self.text}' has, from its character {self.at + 1} on, what is not read here: what looks "
            "around or back, or changes how the rest is read."
        )

    def _row(self, depth: int) -> Node:
        parts: list[Node] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            parts.append(self._times(self._one(depth)))
        return parts[0] if len(parts) == 1 else Row(tuple(parts))

    def _one(self, depth: int) -> Node:
        if self._taken(_GROUP):
            inside = self.either(depth + 1)
            if not self._next(")"):
                raise self.refused()
            return inside
        if place := self._taken(_PLACE):
            return Place(place[1] or place[0])
        if found := self._taken(_CLASS) or self._taken(_ESCAPE):
            return Char(re.compile(found[0], self.flags).fullmatch)
        char = self.text[self.at]
        if char in "\\([":
            raise self.refused()
        self.at += 1
        return Char(re.compile(".", self.flags).fullmatch if char == "." else char.__eq__)

    def _times(self, node: Node) -> Node:
        found = _TIMES.match(self.text, self.at)
        if found is None or found[0].startswith("{}") or found[1] == "{,}":
            return node
        self.at = found.end()
        if found[1] in _RANGES:
            return Repeat(node, *_RANGES[found[1]])
        least = int(found[2] or 0)
        most = int(found[4]) if found[4] else None if found[3] else least
        return Repeat(node, least, most)

    def _taken(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def _next(self, char: str) -> bool:
        if self.text.startswith(char, self.at):
            self.at += 1
            return True
        return False
