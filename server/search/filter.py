"""The grammar of `_filter`: tests on search parameters, joined by `and`, `or`, `not` and parentheses.

https://hl7.org/fhir/R4/search_filter.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

from server.fhir import json
from server.fhir.issue import Invalid


@dataclass(frozen=True, slots=True)
class Test:
    """`birthdate ge 2014-10-10`; `text` is how it was written."""

    path: str
    operator: str
    value: str
    text: str


@dataclass(frozen=True, slots=True)
class Not:
    part: "Node"


@dataclass(frozen=True, slots=True)
class Every:
    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Either:
    parts: tuple["Node", ...]


Node = Test | Not | Every | Either

OPERATORS = frozenset(
    "eq ne co sw ew gt lt ge le ap sa eb pr po ss sb in ni re".split()  # noqa: SIM905 - read as in the table
)

_DEEPEST = 20
_MOST = 100
_TOKEN = re.compile(
    r'\s*(?:(?P<sign>[()])|(?P<string>"(?:[^"\\]|\\.)*")|(?P<word>[^\s()"]+))',
    re.DOTALL,
)


@lru_cache(maxsize=256)
def parse(text: str) -> Node:
    """The tree of a filter.

    Raises:
        Invalid: it is none; the message says from where on.
    """
    return _Parser(text).filter()


def written(node: Node) -> str:
    """The text of a tree."""
    match node:
        case Test():
            return node.text
        case Not(part):
            return f"not ({written(part)})"
        case Every(parts):
            return " and ".join(f"({written(part)})" for part in parts)
        case Either(parts):
            return " or ".join(f"({written(part)})" for part in parts)


def tests(node: Node) -> Iterator[Test]:
    """Every test of a tree."""
    match node:
        case Test():
            yield node
        case Not(part):
            yield from tests(part)
        case Every(parts) | Either(parts):
            for part in parts:
                yield from tests(part)


class _Parser:
    """Reads from left to right; `and` and `or` have no precedence over one another."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.start = self.stop = 0
        self.kind, self.word = "", ""
        self.tests = 0
        self._advance()

    def filter(self) -> Node:
        found = self._logical(0)
        if self.kind:
            self._refuse("'and', 'or' or the end was expected")
        return found

    def _logical(self, depth: int) -> Node:
        found = self._one(depth)
        while self.kind == "word" and self.word in ("and", "or"):
            joined = Every if self._advance() == "and" else Either
            following = self._one(depth)
            # `a and b and c` is one row of tests, however it is read.
            before = found.parts if isinstance(found, joined) else (found,)
            found = joined((*before, following))
        return found

    def _one(self, depth: int) -> Node:
        if depth > _DEEPEST:
            self._refuse(f"parentheses stand at most {_DEEPEST} deep")
        if self.kind == "word" and self.word == "not":
            self._advance()
            if self.word != "(":
                self._refuse("'(' was expected after 'not'")
            return Not(self._one(depth + 1))
        if self.kind == "sign" and self.word == "(":
            self._advance()
            inner = self._logical(depth + 1)
            if self.word != ")" or self.kind != "sign":
                self._refuse("')' was expected")
            self._advance()
            return inner
        return self._test()

    def _test(self) -> Test:
        self.tests += 1
        begin = self.start
        if self.kind != "word":
            self._refuse("a search parameter was expected")
        if self.tests > _MOST:
            self._refuse(f"{_MOST} tests are the most")
        path = self._advance()
        if self.kind != "word" or self.word not in OPERATORS:
            self._refuse(f"one of {', '.join(sorted(OPERATORS))} was expected")
        operator = self._advance()
        if self.kind not in ("word", "string"):
            self._refuse("a value was expected")
        kind, end = self.kind, self.stop
        value = self._advance()
        plain = _string(value) if kind == "string" else value
        return Test(path, operator, plain, self.text[begin:end])

    def _advance(self) -> str:
        taken = self.word
        found = _TOKEN.match(self.text, self.stop)
        if found:
            self.kind = found.lastgroup or ""
            self.word = found[self.kind]
            self.start, self.stop = found.start(self.kind), found.end()
        elif self.text[self.stop :].strip():
            self.start = self.stop
            self._refuse("this cannot be read")
        else:
            self.kind, self.word, self.start = "", "", self.stop
        return taken

    def _refuse(self, why: str) -> NoReturn:
        raise Invalid(f"'_filter' cannot be read from '{self.text[self.start :].strip()[:40]}' on: {why}.")


def _string(token: str) -> str:
    try:
        return str(json.decode_array(f"[{token}]".encode())[0])
    except Invalid as error:
        raise Invalid(f"'_filter' holds {token[:40]}, which is no JSON string.") from error
