"""The grammar of FHIRPath as far as search expressions use it: text to tree.

http://hl7.org/fhirpath/N1/#expressions
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn


@dataclass(frozen=True, slots=True)
class Name:
    """A step to a child; without a source, from the focus, or the type's own name at the start of a path."""

    source: "Node | None"
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function on a source; without one, on the focus."""

    source: "Node | None"
    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Index:
    source: "Node"
    at: int


@dataclass(frozen=True, slots=True)
class Typed:
    """`source as type`, `source is type`."""

    operator: str
    source: "Node"
    type: str


@dataclass(frozen=True, slots=True)
class Binary:
    """`or`, `and`, `=`, `!=`."""

    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Literal:
    value: str | bool | int


@dataclass(frozen=True, slots=True)
class Union:
    """`text` keeps each part as it was written, for an engine that reads text."""

    parts: tuple["Node", ...]
    text: tuple[str, ...]


Node = Name | Call | Index | Typed | Binary | Literal | Union


class Unread(Exception):
    """Beyond this grammar; not necessarily wrong."""


@lru_cache(maxsize=512)
def parse(text: str) -> Union:
    """The parts of an expression's outermost union; one part if it is none."""
    parser = _Parser(text)
    node = parser.either()
    parser.end()
    return node if isinstance(node, Union) else Union((node,), (text,))


def roots(node: Node) -> frozenset[str]:
    """The types that the paths in an expression start from."""
    match node:
        case Name(None, name):
            return frozenset({name}) if name[0].isupper() else frozenset()
        case Name(source) | Index(source) | Typed(_, source) | Call(source):
            return roots(source) if source else frozenset()
        case Binary(_, left, right):
            return roots(left) | roots(right)
        case Union(parts):
            return frozenset().union(*map(roots, parts))
    return frozenset()


_TOKEN = re.compile(r"\s*(?:([A-Za-z_][A-Za-z0-9_]*)|'((?:[^'\\]|\\.)*)'|(\d+)|(!=|[.|()\[\],=]))")
_OPERATORS = (("or",), ("and",), ("=", "!="))


class _Parser:
    """One method a level of precedence, loosest first."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.start = self.stop = 0
        self.kind = self.token = ""
        self.advance()

    def advance(self) -> str:
        """The token under the eye; the eye moves on."""
        token = self.token
        self.done = self.stop
        found = _TOKEN.match(self.text, self.stop)
        if found:
            self.kind = ("name", "string", "number", "sign")[(found.lastindex or 1) - 1]
            self.token = found[found.lastindex or 1]
            self.start, self.stop = found.start(found.lastindex or 1), found.end()
        else:
            self.kind, self.token, self.start = "end", "", self.stop
        return token

    def at(self, *tokens: str) -> bool:
        return self.token in tokens and self.kind in ("sign", "name")

    def expect(self, token: str) -> None:
        if not self.at(token):
            self.refuse()
        self.advance()

    def end(self) -> None:
        if self.kind != "end" or self.text[self.stop :].strip():
            self.refuse()

    def refuse(self) -> NoReturn:
        raise Unread(f"'{self.text}' cannot be read from '{self.text[self.start :]}' on.")

    def either(self, level: int = 0) -> Node:
        if level == len(_OPERATORS):
            return self.union()
        node = self.either(level + 1)
        while self.at(*_OPERATORS[level]):
            operator = self.advance()
            node = Binary(operator, node, self.either(level + 1))
        return node

    def union(self) -> Node:
        parts, text = [], []
        while True:
            start = self.start
            parts.append(self.typed())
            text.append(self.text[start : self.done])
            if not self.at("|"):
                break
            self.advance()
        return parts[0] if len(parts) == 1 else Union(tuple(parts), tuple(text))

    def typed(self) -> Node:
        node = self.steps()
        while self.at("is", "as"):
            operator = self.advance()
            node = Typed(operator, node, self.type())
        return node

    def type(self) -> str:
        names = [self.name()]
        while self.at("."):
            self.advance()
            names.append(self.name())
        return names[-1]

    def name(self) -> str:
        if self.kind != "name":
            self.refuse()
        return self.advance()

    def steps(self) -> Node:
        node = self.first()
        while self.at(".", "["):
            if self.advance() == ".":
                node = self.step(node)
            else:
                if self.kind != "number":
                    self.refuse()
                node = Index(node, int(self.advance()))
                self.expect("]")
        return node

    def first(self) -> Node:
        if self.at("("):
            self.advance()
            node = self.either()
            self.expect(")")
            return node
        if self.kind == "string" and "\\" not in self.token:
            return Literal(self.advance())
        if self.kind == "number":
            return Literal(int(self.advance()))
        if self.at("true", "false"):
            return Literal(self.advance() == "true")
        return self.step(None)

    def step(self, source: Node | None) -> Node:
        name = self.name()
        if not self.at("("):
            return Name(source, name)
        self.advance()
        if name in ("as", "is", "ofType") and source is not None:
            node: Node = Typed("as" if name == "ofType" else name, source, self.type())
            self.expect(")")
            return node
        return Call(source, name, self.arguments())

    def arguments(self) -> tuple[Node, ...]:
        found: list[Node] = []
        while not self.at(")"):
            found.append(self.either())
            if not self.at(")"):
                self.expect(",")
        self.advance()
        return tuple(found)
