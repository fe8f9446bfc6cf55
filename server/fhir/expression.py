"""The grammar of FHIRPath: text to tree.

http://hl7.org/fhirpath/N1/#expressions

`tree` reads all of it; `parse` as much as the paths of search parameters use.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, NoReturn


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
class At:
    """`source[at]` where the index is computed."""

    source: "Node"
    at: "Node"


@dataclass(frozen=True, slots=True)
class Typed:
    """`source as type`, `source is type`; `namespace` is what stands before the type: `System`, `FHIR`."""

    operator: str
    source: "Node"
    type: str
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Sign:
    """`-source`, `+source`."""

    operator: str
    source: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands and the operator between them."""

    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Literal:
    value: str | bool | int


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal of one of FHIRPath's further types: Decimal, Date, DateTime, Time, Quantity."""

    value: Any
    type: str


@dataclass(frozen=True, slots=True)
class Variable:
    """`$this`, `$index`, `$total`, `%resource`, …: the name with its sign."""

    name: str


@dataclass(frozen=True, slots=True)
class Union:
    """`text` keeps each part as it was written, for an engine that reads text; without parts it is `{}`."""

    parts: tuple["Node", ...]
    text: tuple[str, ...]


Node = Name | Call | Index | At | Typed | Sign | Binary | Literal | Constant | Variable | Union


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with a unit: a code of UCUM, or a word of the calendar (`days`)."""

    value: Decimal
    code: str | None = None
    unit: str | None = None


class Unread(Exception):
    """Beyond this grammar; not necessarily wrong."""


@lru_cache(maxsize=512)
def parse(text: str) -> Union:
    """The parts of an expression's outermost union; one part if it is none.

    Raises:
        Unread: it has what no path of a search parameter has.
    """
    node = tree(text)
    if not _is_path(node):
        raise Unread(f"'{text}' is more than a path.")
    return node if isinstance(node, Union) else Union((node,), (text,))


def tree(text: str) -> Node:
    """The whole of an expression.

    Raises:
        Unread: it is no FHIRPath.
    """
    parser = _Parser(text)
    try:
        node = parser.expression()
    except RecursionError:
        raise Unread("The expression has too many parentheses in one another.") from None
    parser.end()
    return node


def _is_path(node: Node | None) -> bool:
    match node:
        case None | Literal():
            return True
        case Name(source) | Index(source) | Typed(_, source):
            return _is_path(source)
        case Binary("or" | "and" | "=" | "!=", left, right):
            return _is_path(left) and _is_path(right)
        case Call(source, _, arguments):
            return all(map(_is_path, (source, *arguments)))
        case Union(parts):
            return bool(parts) and all(map(_is_path, parts))
    return False


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


_SPACE = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_TOKEN = re.compile(
    r"""(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |`(?P<quoted>(?:[^`\\]|\\.)*)`
    |'(?P<string>(?:[^'\\]|\\.)*)'
    |(?P<time>@T\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?)(?![\dZ:+-])
    |(?P<date>@\d{4}(?:-\d\d(?:-\d\d)?)?(?:T(?:\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z|[+-]\d\d:\d\d)?)?)?)
    |(?P<number>\d+(?:\.\d+)?)
    |(?P<variable>\$(?:this|index|total)\b|%(?:[A-Za-z_][\w-]*|`(?:[^`\\]|\\.)*`|'(?:[^'\\]|\\.)*'))
    |(?P<sign>!=|!~|<=|>=|[.|()\[\]{},=~<>+*/&-])""",
    re.VERBOSE | re.ASCII,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"f": "\f", "n": "\n", "r": "\r", "t": "\t", **{each: each for each in "\"'`\\/"}}
_OPERATORS = (
    ("implies",),
    ("or", "xor"),
    ("and",),
    ("in", "contains"),
    ("=", "!=", "~", "!~"),
    ("<", "<=", ">", ">="),
)
"""Looser than a union, from the loosest on."""

_ARITHMETIC = (("+", "-", "&"), ("*", "/", "div", "mod"))
"""Tighter than a type, from the loosest on."""

_PERIODS = ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
_UNITS = frozenset({*_PERIODS, *(f"{each}s" for each in _PERIODS)})


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
        space = _SPACE.match(self.text, self.stop)
        self.start = space.end() if space else self.stop
        found = _TOKEN.match(self.text, self.start)
        if found:
            self.kind = str(found.lastgroup)
            self.token, self.stop = found[self.kind], found.end()
        else:
            self.kind, self.token, self.stop = "end", "", self.start
        return token

    def at(self, *tokens: str) -> bool:
        return self.token in tokens and self.kind in ("sign", "name")

    def expect(self, token: str) -> None:
        if not self.at(token):
            self.refuse()
        self.advance()

    def end(self) -> None:
        if self.kind != "end" or self.start < len(self.text):
            self.refuse()

    def refuse(self) -> NoReturn:
        raise Unread(f"'{self.text}' cannot be read from '{self.text[self.start :]}' on.")

    def expression(self) -> Node:
        return self.binary(_OPERATORS, self.union)

    def binary(self, operators: tuple[tuple[str, ...], ...], inner: Callable[[], Node]) -> Node:
        if not operators:
            return inner()
        node = self.binary(operators[1:], inner)
        while self.at(*operators[0]):
            operator = self.advance()
            node = Binary(operator, node, self.binary(operators[1:], inner))
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
        node = self.binary(_ARITHMETIC, self.signed)
        while self.at("is", "as"):
            operator = self.advance()
            node = Typed(operator, node, *self.type())
        return node

    def type(self) -> tuple[str, str]:
        names = [self.name()]
        while self.at("."):
            self.advance()
            names.append(self.name())
        return names[-1], ".".join(names[:-1])

    def name(self) -> str:
        if self.kind == "quoted":
            return self.unescaped(self.advance())
        if self.kind != "name":
            self.refuse()
        return self.advance()

    def signed(self) -> Node:
        if self.at("+", "-"):
            operator = self.advance()
            return Sign(operator, self.signed())
        return self.steps()

    def steps(self) -> Node:
        node = self.first()
        while self.at(".", "["):
            if self.advance() == ".":
                node = self.step(node)
            else:
                at = self.expression()
                is_number = isinstance(at, Literal) and type(at.value) is int
                node = Index(node, at.value) if is_number else At(node, at)  # type: ignore[union-attr, arg-type]
                self.expect("]")
        return node

    def first(self) -> Node:
        if self.at("("):
            self.advance()
            node = self.expression()
            self.expect(")")
            return node
        if self.at("{"):
            self.advance()
            self.expect("}")
            return Union((), ())
        if self.at("true", "false"):
            return Literal(self.advance() == "true")
        literal = getattr(self, f"_{self.kind}", None)
        return literal() if literal else self.step(None)

    def _string(self) -> Node:
        return Literal(self.unescaped(self.advance()))

    def _time(self) -> Node:
        return Constant(self.advance()[2:], "System.Time")

    def _date(self) -> Node:
        text = self.advance()[1:]
        return Constant(text.removesuffix("T"), "System.DateTime" if "T" in text else "System.Date")

    def _variable(self) -> Node:
        name = self.advance()
        if name[1] in "`'":
            name = name[0] + self.unescaped(name[2:-1])
        return Variable(name)

    def _number(self) -> Node:
        text = self.advance()
        if self.kind == "string":
            return _quantity(text, code=self.unescaped(self.advance()))
        if self.kind == "name" and self.token in _UNITS:
            return _quantity(text, unit=self.advance())
        return Constant(Decimal(text), "System.Decimal") if "." in text else Literal(int(text))

    def step(self, source: Node | None) -> Node:
        is_plain = self.kind == "name"
        name = self.name()
        if not is_plain or not self.at("("):
            return Name(source, name)
        self.advance()
        if name in ("as", "is", "ofType"):
            operator = "as" if name == "ofType" else name
            node: Node = Typed(operator, Variable("$this") if source is None else source, *self.type())
            self.expect(")")
            return node
        return Call(source, name, self.arguments())

    def arguments(self) -> tuple[Node, ...]:
        found: list[Node] = []
        while not self.at(")"):
            found.append(self.expression())
            if not self.at(")"):
                self.expect(",")
        self.advance()
        return tuple(found)

    def unescaped(self, text: str) -> str:
        return _ESCAPE.sub(self._escaped, text) if "\\" in text else text

    def _escaped(self, found: re.Match[str]) -> str:
        letter = found[1]
        if len(letter) > 1:
            return chr(int(letter[1:], 16))
        return _ESCAPED.get(letter, letter)


def _quantity(number: str, **unit: str) -> Constant:
    """`4 'mg'` has a code of UCUM, `4 days` a unit of the calendar."""
    return Constant(Quantity(Decimal(number), **unit), "System.Quantity")
