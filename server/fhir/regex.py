"""Regular expressions that come from others, matched in time that grows with the text and no faster.

Python's own `re` tries one way after another, and there may be more ways than anyone can wait for. It is
asked where they are few; elsewhere all ways are gone at once: https://swtch.com/~rsc/regexp/regexp1.html.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from server.fhir.issue import TooCostly
from server.fhir.patience import Patience
from server.fhir.regex_tree import Char, Either, Node, Place, Repeat, Row, Unreadable, tree

__all__ = ["Regex", "Unreadable", "regex"]

_WAYS: Final = 200_000
"""Steps that `re` may need for a text; more than that, and all ways are gone at once."""

_LENGTHS: Final = tuple(2**power for power in range(1, 24))

_STATES: Final = 4_000
_STEPS: Final = 1_000_000
_KEPT: Final = 20_000


class _State(NamedTuple):
    """What has to come: a character, or a place. Without either it only leads on."""

    fits: Callable[[str], object] | None
    place: str | None
    following: tuple[int, ...]


_Around = tuple[bool, bool, str]
"""What is around a place: whether it is the beginning, whether a word is before it, what comes then."""


class Regex:
    """Made by `regex`; what it learns of a text it remembers for the next."""

    def __init__(self, text: str, flags: re.RegexFlag) -> None:
        self.text = text
        self._tree = tree(text, flags)
        self._own = re.compile(text, flags)
        self._longest = max((each for each in _LENGTHS if each * _ways(self._tree, each) <= _WAYS), default=0)
        self._states: list[_State] = []
        self._first: frozenset[int] | None = None
        self._known: dict[tuple[frozenset[int], _Around, str], tuple[frozenset[int], bool]] = {}

    def search(self, text: str, patience: Patience | None = None) -> bool:
        """Whether some part of the text fits. `patience` is shared by several texts.

        Raises:
            TooCostly: that cannot be told in good time.
        """
        if len(text) < self._longest:
            return self._own.search(text) is not None
        return self._run(text, patience or self._patience(), whole=False)

    def fullmatch(self, text: str, patience: Patience | None = None) -> bool:
        """Whether all of the text fits.

        Raises:
            TooCostly: as above.
        """
        if len(text) < self._longest:
            return self._own.fullmatch(text) is not None
        return self._run(text, patience or self._patience(), whole=True)

    def sub(self, replacement: str, text: str) -> str:
        """The text with something else for each part that fits.

        Raises:
            TooCostly: as above.
        """
        if len(text) >= self._longest:
            raise TooCostly(f"'{self.text}' can be read in too many ways to be replaced in such a text.")
        return self._own.sub(replacement, text)

    # ---- all ways at once ----------------------------------------------------------------------------------

    def _patience(self) -> Patience:
        return Patience(_STEPS, f"'{self.text}' takes too long to be held against such a text.")

    def _run(self, text: str, patience: Patience, *, whole: bool) -> bool:
        first = self._beginning()
        reached = first
        for at in range(len(text) + 1):
            after, ends = self._after(reached, _around(text, at), text[at : at + 1], patience)
            if ends and (not whole or at == len(text)):
                return True
            reached = after if whole else after | first
            if not reached:
                return False
        return False

    def _beginning(self) -> frozenset[int]:
        if self._first is None:
            # State 0 is the end.
            self._states = [_State(None, None, ())]
            self._first = frozenset({self._build(self._tree, 0)})
        return self._first

    def _after(
        self, reached: frozenset[int], around: _Around, char: str, patience: Patience
    ) -> tuple[frozenset[int], bool]:
        """Where a character leads to, and whether all had been found before it."""
        key = reached, around, char
        known = self._known.get(key)
        patience.spend(1)
        if known is None:
            every = self._closed(reached, around)
            patience.spend(len(every))
            states = (self._states[each] for each in every) if char else ()
            on = (state.following for state in states if state.fits is not None and state.fits(char))
            known = frozenset(each for following in on for each in following), 0 in every
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[key] = known
        return known

    def _closed(self, reached: frozenset[int], around: _Around) -> set[int]:
        """The states, and those that they lead to without a character."""
        found, todo = set(reached), [*reached]
        while todo:
            state = self._states[todo.pop()]
            if state.fits is None and (state.place is None or _holds(state.place, around)):
                new = [each for each in state.following if each not in found]
                found.update(new)
                todo += new
        return found

    # ---- the states ----------------------------------------------------------------------------------------

    def _build(self, node: Node, then: int) -> int:
        """The state in which a node begins that `then` comes after."""
        match node:
            case Char(fits):
                return self._add(_State(fits, None, (then,)))
            case Place(name):
                return self._add(_State(None, name, (then,)))
            case Row(parts):
                for part in reversed(parts):
                    then = self._build(part, then)
                return then
            case Either(parts):
                return self._add(_State(None, None, tuple(self._build(each, then) for each in parts)))
            case Repeat(part, least, most):
                return self._repeated(part, least, most, then)

    def _repeated(self, part: Node, least: int, most: int | None, then: int) -> int:
        if most is None:
            again = self._add(_State(None, None, ()))
            self._states[again] = _State(None, None, (self._build(part, again), then))
            last = again
        else:
            last = then
            for _ in range(most - least):
                last = self._add(_State(None, None, (self._build(part, last), then)))
        for _ in range(least):
            last = self._build(part, last)
        return last

    def _add(self, state: _State) -> int:
        if len(self._states) >= _STATES:
            raise TooCostly(f"'{self.text}' is too long, or repeats too much.")
        self._states.append(state)
        return len(self._states) - 1


@lru_cache(maxsize=1024)
def regex(text: str, flags: re.RegexFlag = re.DOTALL) -> Regex:
    """A regular expression; `.` stands for every character, unless `flags` say otherwise.

    Raises:
        Unreadable: it is none, or looks around or back, which is not done here.
    """
    return Regex(text, flags)


def _ways(node: Node, length: int) -> float:
    """In how many ways, at most, a node can be read from one place of a text of this length."""
    match node:
        case Char() | Place():
            return 1
        case Row(parts):
            return _product(_ways(each, length) for each in parts)
        case Either(parts):
            return sum(_ways(each, length) for each in parts)
        case Repeat(part, least, most):
            times = length if most is None else min(most, max(least, length))
            each = _ways(part, length)
            return times - min(least, times) + 1 if each == 1 else _power(each, times) * 2


def _product(factors: Iterator[float]) -> float:
    found = 1.0
    for each in factors:
        found = min(found * each, _WAYS * 2)
    return found


def _power(base: float, exponent: int) -> float:
    return min(base ** min(exponent, 20), _WAYS * 2)


def _around(text: str, at: int) -> _Around:
    return at == 0, at > 0 and _is_word(text[at - 1]), _coming(text, at)


def _coming(text: str, at: int) -> Literal["end", "last", "word", "other"]:
    if at == len(text):
        return "end"
    if at == len(text) - 1 and text[at] == "\n":
        return "last"
    return "word" if _is_word(text[at]) else "other"


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _holds(place: str, around: _Around) -> bool:
    begins, after_word, coming = around
    match place:
        case "^" | "A":
            return begins
        case "$":
            return coming in ("end", "last")
        case "Z":
            return coming == "end"
        case "b":
            return after_word != (coming == "word")
    return after_word == (coming == "word")
