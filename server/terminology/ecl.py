"""SNOMED CT's Expression Constraint Language: which concepts an expression stands for.

Hierarchy, membership of reference sets, AND, OR, MINUS, and refinements by attributes. What it has beyond
that (groups of several attributes, cardinalities, dots, filters in braces) is refused rather than guessed at.

https://confluence.ihtsdotools.org/display/DOCECL
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from server.terminology.provider import CannotTell

_DEEPEST = 50
_TOKEN = re.compile(
    r"\s*(?:/\*.*?\*/\s*)*"
    r"(?P<token><<!|>>!|<<|>>|<!|>!|<|>|\^|!=|=|\*|\(|\)|\{|\}|,|:|\.|"
    r"(?i:AND|OR|MINUS|R)\b|\d{6,18}|$)"
    r"(?:\s*\|[^|]*\|)?",
    re.DOTALL,
)


class Asked(Protocol):
    """What an expression asks of the code system. Concepts are numbers."""

    def every(self) -> set[int]: ...

    def number(self, code: str) -> int | None: ...

    def numbers(self, codes: Iterable[str]) -> set[int]: ...

    def codes(self, numbers: Iterable[int]) -> Sequence[str]: ...

    def above(self, code: str) -> Sequence[int]: ...

    def members(self, property: str, value: str) -> Sequence[int]: ...

    def values(self, property: str) -> Sequence[str]: ...

    def groups(self, property: str) -> Sequence[tuple[str, Sequence[int]]]: ...


def numbers(system: Asked, expression: str) -> set[int]:
    """The concepts.

    Raises:
        CannotTell: the expression cannot be read, or has what is not understood here.
    """
    reader = _Reader(system, expression)
    found = reader.expression()
    reader.end()
    return found


def itself(system: Asked, code: str) -> set[int]:
    number = system.number(code)
    return set() if number is None else {number}


def below(system: Asked, code: str) -> set[int]:
    return set(system.members("ancestor", code))


def at_or_below(system: Asked, code: str) -> set[int]:
    found = below(system, code)
    found |= itself(system, code)
    return found


def above(system: Asked, code: str) -> set[int]:
    return set(system.above(code))


def _right_below(system: Asked, code: str) -> set[int]:
    return set(system.members("parent", code))


def _right_above(system: Asked, code: str) -> set[int]:
    # Those above of which no other is below.
    over = system.codes(system.above(code))
    return system.numbers(over) - {each for one in over for each in system.above(one)}


_HIERARCHY: Mapping[str, Callable[[Asked, str], set[int]]] = {
    "": itself,
    "<": below,
    "<<": at_or_below,
    "<!": _right_below,
    "<<!": lambda system, code: _right_below(system, code) | itself(system, code),
    ">": above,
    ">>": lambda system, code: above(system, code) | itself(system, code),
    ">!": _right_above,
    ">>!": lambda system, code: _right_above(system, code) | itself(system, code),
}

_COMPOUND: Mapping[str, Callable[[set[int], set[int]], set[int]]] = {
    "AND": lambda one, other: one & other,
    ",": lambda one, other: one & other,
    "OR": lambda one, other: one | other,
    "MINUS": lambda one, other: one - other,
}

_OPERATORS = frozenset(_HIERARCHY) - {""}

_WIDEST = 1000
"""Concepts before which one operator may stand: each is asked for."""


@dataclass(slots=True)
class _Reader:
    """Reads from left to right, and works out as it goes."""

    system: Asked
    text: str
    place: int = 0
    depth: int = 0

    def expression(self) -> set[int]:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise CannotTell("The ECL expression is nested too deeply.", "too-costly")
        found = self._compound(self._refined, ("AND", ",", "OR", "MINUS"))
        self.depth -= 1
        return found

    def end(self) -> None:
        if self._peek():
            raise self._unread()

    def _compound(self, part: Callable[[], set[int]], joined_by: Sequence[str]) -> set[int]:
        """Parts with one kind of word between them: ECL has no precedence, and asks for parentheses."""
        found = part()
        joined = self._peek()
        if joined not in joined_by:
            return found
        while self._peek() == joined:
            self._take()
            found = _COMPOUND[joined](found, part())
            # What is left when one is taken from another is not said without parentheses either.
            if joined == "MINUS":
                break
        if self._peek() in joined_by:
            raise self._unread("AND, OR and MINUS are kept apart by parentheses.")
        return found

    def _refined(self) -> set[int]:
        found = self._focus()
        if self._peek() == ":":
            self._take()
            found = found & self._compound(self._attribute, ("AND", ",", "OR"))
        if self._peek() in (".", "{"):
            raise self._unread("Dots and filters are not understood here.")
        return found

    def _focus(self) -> set[int]:
        operator = self._take() if self._peek() in _OPERATORS else ""
        match self._peek():
            case "^":
                self._take()
                found = self._members()
            case "(":
                found = self._inner(self.expression)
            case "*":
                self._take()
                found = self.system.every()
                # All of it is above and below itself.
                operator = "" if operator in ("<<", ">>") else operator
            case _:
                return _HIERARCHY[operator](self.system, self._code())
        return self._spread(operator, found) if operator else found

    def _spread(self, operator: str, of: set[int]) -> set[int]:
        found: set[int] = set()
        if len(of) > _WIDEST:
            raise CannotTell(f"The ECL operator '{operator}' stands before too many concepts.", "too-costly")
        for code in self.system.codes(of):
            found |= _HIERARCHY[operator](self.system, code)
        return found

    def _members(self) -> set[int]:
        """`^ 123`, `^ (< 123)`, `^ *`: what is in a reference set, or in any of several."""
        match self._peek():
            case "*":
                self._take()
                sets = self.system.values("memberOf")
            case "(":
                sets = self.system.codes(self._inner(self.expression))
            case _:
                sets = [self._code()]
        return {number for each in sets for number in self.system.members("memberOf", each)}

    def _attribute(self) -> set[int]:
        """`name = value`, of which either may be an expression; in braces, alone, it says the same."""
        if self._peek() == "(":
            return self._inner(lambda: self._compound(self._attribute, ("AND", ",", "OR")))
        if self._peek() == "{":
            return self._group()
        if self._peek() == "R":
            raise self._unread("Reversed attributes are not understood here.")
        names = self.system.codes(self._focus())
        operator = self._take()
        if operator not in ("=", "!="):
            raise self._unread()
        any_value = self._peek() == "*"
        wanted = self._focus()
        values = None if any_value else set(self.system.codes(wanted))
        return {
            number
            for name in names
            for value, those in self._groups(name)
            if values is None or (value in values) == (operator == "=")
            for number in those
        }

    def _groups(self, name: str) -> Sequence[tuple[str, Sequence[int]]]:
        try:
            return self.system.groups(name)
        except CannotTell:
            # A concept that is no attribute of anything.
            return ()

    def _group(self) -> set[int]:
        self._take()
        found = self._attribute()
        if self._take() != "}":
            raise self._unread("Groups of several attributes are not understood here.")
        return found

    def _inner(self, part: Callable[[], set[int]]) -> set[int]:
        self._take()
        found = part()
        if self._take() != ")":
            raise self._unread()
        return found

    def _code(self) -> str:
        token = self._take()
        if not token.isdigit():
            raise self._unread()
        return token

    def _peek(self) -> str:
        match = _TOKEN.match(self.text, self.place)
        if match is None:
            raise self._unread()
        return match["token"].upper()

    def _take(self) -> str:
        match = _TOKEN.match(self.text, self.place)
        if match is None:
            raise self._unread()
        self.place = match.end()
        return match["token"].upper()

    def _unread(self, why: str = "") -> CannotTell:
        told = f"The ECL expression '{self.text}' cannot be understood at character {self.place + 1}."
        return CannotTell(f"{told} {why}".rstrip(), "invalid")
