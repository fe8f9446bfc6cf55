"""`_filter`: tests on parameters, joined by `and`, `or` and `not`, read from left to right.

https://hl7.org/fhir/R4/search_filter.html
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(r'\s*([()]|"(?:[^"\\]|\\.)*"|[^\s()"]+)')
_COMPARED = ("date", "number", "quantity")

# How an operator is written as a modifier of a parameter.
_MODIFIERS = {
    ("string", "eq"): "equal",
    ("string", "ne"): "equal",
    ("string", "co"): "contains",
    ("string", "ew"): "ending",
    ("token", "in"): "in",
    ("token", "ni"): "not-in",
    ("token", "ss"): "below",
    ("token", "sb"): "above",
    ("token", "sw"): "text",
    ("uri", "sw"): "below",
}


@dataclass
class Test:
    """`birthdate ge 2014-10-10`."""

    path: str
    operator: str
    value: str

    def criterion(self, kind: str) -> tuple[str, str]:
        """The test as a parameter of a query, for a parameter of this type."""
        if self.operator == "pr":
            return f"{self.path}:missing", "false" if self.value == "true" else "true"
        if kind in _COMPARED:
            return self.path, self.operator + self.value
        modifier = _MODIFIERS.get((kind, self.operator))
        # Commas and dollars have no meaning inside a filter; a composite keeps its dollars.
        text = self.value if kind == "composite" else re.sub(r"([,$])", r"\\\1", self.value)
        return f"{self.path}:{modifier}" if modifier else self.path, text

    def is_opposite(self, kind: str) -> bool:
        return self.operator == "ne" and kind not in _COMPARED

    def tests(self) -> Iterator["Test"]:
        yield self


@dataclass
class Not:
    part: Any

    def tests(self) -> Iterator[Test]:
        yield from self.part.tests()


@dataclass
class Every:
    parts: list[Any]

    def tests(self) -> Iterator[Test]:
        yield from (test for part in self.parts for test in part.tests())


class Either(Every):
    """Any of them."""


__all__ = ["Either", "Every", "Not", "Test", "read"]


def read(text: str) -> Any:
    """The tree of a filter."""
    tokens = _TOKEN.findall(text)
    tree = _logical(tokens)
    assert not tokens, text
    return tree


def _logical(tokens: list[str]) -> Any:
    found = _one(tokens)
    while tokens[:1] in (["and"], ["or"]):
        joined = {"and": Every, "or": Either}[tokens.pop(0)]
        found = joined([found, _one(tokens)])
    return found


def _one(tokens: list[str]) -> Any:
    if tokens[0] == "not":
        tokens.pop(0)
        return Not(_one(tokens))
    if tokens[0] == "(":
        tokens.pop(0)
        found = _logical(tokens)
        tokens.pop(0)
        return found
    path, operator, value = tokens.pop(0), tokens.pop(0), tokens.pop(0)
    return Test(path, operator, json.loads(value) if value.startswith('"') else value)
