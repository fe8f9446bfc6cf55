"""One class per type of search parameter: how its values are indexed, and how they are found."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    DateTime,
    Exists,
    FromClause,
    Numeric,
    Select,
    Text,
    bindparam,
    cast,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeDecorator, TypeEngine

from server.definition.compartment import child_parameter
from server.definition.library import library
from server.definition.searchparameter import SearchParameter
from server.fhir.issue import Invalid
from server.search.facet import Facet, facet
from server.search.hash import Hasher

MAX_KEY = 500
"""Characters of a text that are kept for order and comparison: what a B-tree takes of any script."""

Element = tuple[Any, str]
"""A value that a parameter found, with its FHIR type."""

Bind = BindParameter[Any]
Shape = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """One criterion: the values are alternatives, as they were sent, escapes and all."""

    parameter: SearchParameter
    modifier: str | None
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """`subject:Patient.name=x`: a reference leads to what meets a criterion, one for each type that it may
    lead to.

    https://hl7.org/fhir/R4/search.html#chaining
    """

    parameter: SearchParameter
    targets: tuple[tuple[str, "Criterion"], ...]


@dataclass(frozen=True, slots=True)
class Has:
    """`_has:Observation:patient:code=x`: what meets a criterion points here.

    https://hl7.org/fhir/R4/search.html#has
    """

    source: str
    parameter: SearchParameter
    criterion: "Criterion"


@dataclass(frozen=True, slots=True)
class Reach:
    """`location:below=1`: a reference leads to that, or to a part of it (`above`: to what it is a part of).

    `links`: of each type that it may lead to, the reference that says what a part is of.
    """

    parameter: SearchParameter
    modifier: str
    links: tuple[tuple[str, SearchParameter], ...]
    values: tuple[str, ...]


Join = Chain | Has | Reach
Criterion = Condition | Join


@dataclass(frozen=True, slots=True)
class Context:
    """What a criterion needs to know beside itself: the type that is searched, the key, our own address."""

    type: str
    hasher: Hasher
    base_url: str

    def token(self, condition: Condition, form: str) -> int:
        return self.hasher.token(self.type, condition.parameter.code, form)


class Measured(NamedTuple):
    """A number of a resource: in base units from `low` to `high` (None: a point), and as it was `stated`,
    where that is another; the hashes of its unit, its code and the name of its unit."""

    unit: int
    low: Decimal
    high: Decimal | None = None
    stated: Decimal | None = None
    stated_high: Decimal | None = None
    code: int | None = None
    label: int | None = None


@dataclass(slots=True)
class Index:
    """Everything that is stored beside a resource to find it by."""

    tokens: list[int] = field(default_factory=list)
    facets: list[int] = field(default_factory=list)
    strings: list[tuple[int, str, bool, bool]] = field(default_factory=list)
    dates: list[tuple[int, datetime, datetime, bool, bool]] = field(default_factory=list)
    numbers: list[tuple[int, int, Measured]] = field(default_factory=list)
    """Of a parameter, in a place among its elements."""
    words: str = ""
    """The text of the resource, as `server.search.words` writes it."""
    said: set[str] = field(default_factory=set)
    """What stands beside codes, as `server.search.words` writes it."""
    date: tuple[datetime, datetime] | None = None
    identifiers: list[tuple[int, int]] = field(default_factory=list)
    """Hashes of system and value."""
    sorts: dict[str, list[str]] = field(default_factory=dict)
    child_reference: str | None = None
    listed: set[tuple[str, str]] = field(default_factory=set)
    """(parameter, reference) of each reference that has a facet."""

    def sort(self, code: str, values: list[str]) -> None:
        """Keeps the lowest and the highest of them; that there is a key says that the element is present."""
        if len(values) == 1:
            self.sorts[code] = [values[0][:MAX_KEY]]
        elif values:
            ends = min(values)[:MAX_KEY], max(values)[:MAX_KEY]
            self.sorts[code] = list(dict.fromkeys(ends))

    def keep(self, code: str, values: list[str]) -> None:
        """Keeps all of them, in order."""
        if values:
            self.sorts[code] = sorted({value[:MAX_KEY] for value in values})

    def measure(self, number: int, values: Iterable[Measured]) -> None:
        """A row for each number, once."""
        self.numbers += [(number, at, each) for at, each in enumerate(dict.fromkeys(values))]

    def text(self, number: int, values: set[str]) -> None:
        """A row for each text; the first and the last in order are marked."""
        ordered = sorted(values)
        last = len(ordered) - 1
        self.strings += [(number, each, at == 0, at == last) for at, each in enumerate(ordered)]


@dataclass(frozen=True, slots=True)
class Plan:
    """How one parameter of one type is indexed, worked out once."""

    type: str
    hasher: Hasher
    base_url: str
    facet: Facet
    code: str
    number: int
    child: bool
    """Whether its reference to a Patient says whose resource it is."""

    @classmethod
    def of(cls, type_: str, parameter: SearchParameter, hasher: Hasher, base_url: str) -> "Plan":
        listed = facet(type_, parameter)
        child = parameter == child_parameter(type_)
        return cls(type_, hasher, base_url, listed, parameter.code, parameter.number, child)

    def token(self, form: str) -> int:
        return self.hasher.token(self.type, self.code, form)


@dataclass(frozen=True, slots=True)
class Asked:
    """A criterion taken apart: `shape` is all that its SQL depends on, `values` what that SQL is given.

    Whoever keeps statements by their shape builds each of them once.
    """

    shape: Shape
    values: tuple[Any, ...]

    def named(self, name: str) -> dict[str, Any]:
        """The values under the names that `clause` was given parameters by."""
        return {f"{name}_{at}": value for at, value in enumerate(self.values)}


class Place(NamedTuple):
    """Where a criterion looks."""

    type: str
    parameter: SearchParameter


class SearchParamType(ABC):
    """https://hl7.org/fhir/R4/search.html#ptypes"""

    modifiers: ClassVar[frozenset[str]] = frozenset()
    """Those it takes beside `:missing`, which every type takes."""

    stored: ClassVar[bool] = True
    """Whether it has anything to index: the id and the time of the last change are columns anyway."""

    alternatives: ClassVar[bool] = True
    """Whether commas stand between values."""

    sortable: ClassVar[bool] = True
    """Whether a result can be sorted by it."""

    @abstractmethod
    def index(self, elements: Sequence[Element], plan: Plan, index: Index) -> None:
        """Adds what is found by this parameter."""

    @abstractmethod
    def check(self, type_: str, condition: Condition) -> None:
        """Raises Invalid if a value cannot be understood; `:missing` has been seen to."""

    @abstractmethod
    def ask(self, condition: Condition, context: Context) -> Asked:
        """The criterion, taken apart."""

    @abstractmethod
    def clause(
        self, row: FromClause, place: Place, shape: Shape, values: Sequence[Bind]
    ) -> ColumnElement[bool]:
        """The condition on `row`, which has the columns of the table of resources."""

    def where(self, row: FromClause, condition: Condition, context: Context) -> ColumnElement[bool]:
        """The condition on `row` with its values in it."""
        asked = self.ask(condition, context)
        return self.clause(
            row, place(condition, context), asked.shape, [bound(each) for each in asked.values]
        )

    def facets(self, condition: Condition, context: Context) -> tuple[int, ...] | None:
        """The facets of which every match has one; None if there are none to go by."""
        return None


def place(condition: Condition, context: Context) -> Place:
    return Place(context.type, condition.parameter)


def missing(condition: Condition) -> Asked | None:
    """What a `:missing` criterion asks; None if it is another."""
    return Asked(("missing", condition.values == ("true",)), ()) if condition.modifier == "missing" else None


def unless(negated: object, found: ColumnElement[bool]) -> ColumnElement[bool]:
    return ~found if negated else found


def check_missing(condition: Condition) -> None:
    for value in condition.values:
        if value not in ("true", "false") or len(condition.values) > 1:
            name = condition.parameter.code
            raise Invalid(f"'{name}:missing' takes 'true' or 'false', and was given '{value}'.")


def bound(value: Any, name: str | None = None) -> Bind:
    """A bound parameter of the value's type; one with a name is given its value when the statement is run."""
    if name is None:
        return bindparam(None, value, _type(value), unique=True)
    return bindparam(name, type_=_type(value))


def array(values: Sequence[Any], of: TypeEngine[Any]) -> Bind:
    """One bound parameter however many values there are, so the statement keeps its shape."""
    return bindparam(None, list(values), _Array(of), unique=True)


def beside(row: FromClause, table: FromClause, type_: str, *conditions: ColumnElement[bool]) -> Exists:
    """There is a row in a table beside the resources, of the same child and resource."""
    own = [table.c.child == row.c.child, table.c.rid == row.c.rid]
    if "type" in table.c:
        own.append(table.c.type == library().type_number(type_))
    # OFFSET 0 keeps it a question about each row found, never a join that the planner may begin with.
    found: Select[Any] = select(literal_column("1")).select_from(table).where(*own, *conditions)
    return found.offset(literal_column("0")).correlate(row).exists()


class _Array(TypeDecorator[list[Any]]):
    """An array says its type: a driver that writes values into the SQL would leave the server to guess."""

    impl = ARRAY
    cache_ok = True

    def __init__(self, of: TypeEngine[Any]) -> None:
        super().__init__(of)
        self.of = of

    def bind_expression(self, bindparam: BindParameter[list[Any]]) -> ColumnElement[list[Any]]:
        typed: ColumnElement[list[Any]] = cast(bindparam, ARRAY(self.of))  # type: ignore[arg-type]
        return typed


_HASH = BigInteger()
_HASHES, _TEXTS = _Array(BigInteger()), _Array(Text())
_INSTANT, _TEXT, _NUMBER = DateTime(timezone=True), Text(), Numeric()


def _type(value: Any) -> TypeEngine[Any]:
    match value:
        case datetime():
            return _INSTANT
        case str():
            return _TEXT
        case Decimal():
            return _NUMBER
        case int():
            return _HASH
        case [str(), *_]:
            return _TEXTS
    return _HASHES
