"""The concepts of code systems that are kept in tables: found by code, by number, by what is said of them.

A concept's number is its place in the order of the codes, from 1 and without a gap; all other rows name it by
that.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Connection, Integer, Text, bindparam, cast, select
from sqlalchemy.dialects.postgresql import TSQUERY

from server.fhir import Json
from server.store import tables as t
from server.store.database import Prepared


@dataclass(frozen=True, slots=True)
class Kept:
    """One version of a code system. `detail` is what its reader said of it: title, properties."""

    number: int
    url: str
    version: str
    loaded: datetime
    count: int
    detail: Json


@dataclass(frozen=True, slots=True)
class Line:
    """A concept. `parents` and `above` are numbers; `detail` is JSON."""

    number: int
    code: str
    display: str
    inactive: bool
    parents: Sequence[int]
    above: Sequence[int]
    detail: str


_LINE = (
    t.concept.c.number,
    t.concept.c.code,
    t.concept.c.display,
    t.concept.c.inactive,
    t.concept.c.parents,
    t.concept.c.above,
    t.concept.c.detail,
)

_every = Prepared(
    select(
        t.code_system.c.number,
        t.code_system.c.url,
        t.code_system.c.version,
        t.code_system.c.loaded,
        t.code_system.c.count,
        t.code_system.c.detail,
    )
    .where(t.code_system.c.ready)
    .order_by(t.code_system.c.url, t.code_system.c.loaded, t.code_system.c.number)
)

_of_system = t.concept.c.system == bindparam("system")

_by_code = Prepared(
    select(*_LINE).where(_of_system, t.concept.c.code == cast(bindparam("codes"), ARRAY(Text)).any_())
)
_by_number = Prepared(
    select(*_LINE)
    .where(_of_system, t.concept.c.number == cast(bindparam("numbers"), ARRAY(Integer)).any_())
    .order_by(t.concept.c.number)
)
_numbered = Prepared(
    select(t.concept.c.code, t.concept.c.number).where(
        _of_system, t.concept.c.code == cast(bindparam("codes"), ARRAY(Text)).any_()
    )
)
_named = Prepared(
    select(t.concept.c.number, t.concept.c.code).where(
        _of_system, t.concept.c.number == cast(bindparam("numbers"), ARRAY(Integer)).any_()
    )
)

# By the words first, and by the system after: otherwise the planner may read all of the system's concepts.
_worded = (
    select(t.concept.c.system, t.concept.c.number)
    .where(t.concept.c.words.bool_op("@@")(cast(bindparam("words"), TSQUERY)))
    .cte("worded")
    .prefix_with("MATERIALIZED", dialect="postgresql")
)
_reading = Prepared(select(_worded.c.number).where(_worded.c.system == bindparam("system")))

_like = {
    column.name: Prepared(
        select(t.concept.c.number).where(_of_system, column.regexp_match(bindparam("pattern")))
    )
    for column in (t.concept.c.code, t.concept.c.display)
}

_of_property = (
    t.concept_group.c.system == bindparam("system"),
    t.concept_group.c.property == bindparam("property"),
)
_members = Prepared(
    select(t.concept_group.c.members).where(*_of_property, t.concept_group.c.value == bindparam("value"))
)
_values = Prepared(select(t.concept_group.c.value).where(*_of_property).order_by(t.concept_group.c.value))
_groups = Prepared(select(t.concept_group.c.value, t.concept_group.c.members).where(*_of_property))
_groups_like = Prepared(
    select(t.concept_group.c.members).where(
        *_of_property, t.concept_group.c.value.regexp_match(bindparam("pattern"))
    )
)


def systems(connection: Connection) -> list[Kept]:
    """Every version that is here as a whole; of one code system the last loaded last."""
    return [Kept(*row) for row in _every(connection)]


def by_code(connection: Connection, system: int, codes: Iterable[str]) -> list[Line]:
    """Those of the codes that exist."""
    return [Line(*row) for row in _by_code(connection, system=system, codes=list(codes))]


def by_number(connection: Connection, system: int, numbers: Iterable[int]) -> list[Line]:
    """In the order of their numbers."""
    return [Line(*row) for row in _by_number(connection, system=system, numbers=list(numbers))]


def numbers(connection: Connection, system: int, codes: Iterable[str]) -> dict[str, int]:
    """The numbers of those of the codes that exist."""
    return dict(_pairs(_numbered(connection, system=system, codes=list(codes))))


def codes(connection: Connection, system: int, numbers: Iterable[int]) -> dict[int, str]:
    """The codes of numbers."""
    return dict(_pairs(_named(connection, system=system, numbers=list(numbers))))


def reading(connection: Connection, system: int, words: Iterable[str]) -> list[int]:
    """Those in whose designations each of the words, which are folded, begins a word."""
    wanted = " & ".join(f"'{word}':*" for word in words)
    return [number for (number,) in _reading(connection, system=system, words=wanted)]


def like(connection: Connection, system: int, column: str, pattern: str) -> list[int]:
    """Those whose `code` or `display` fits the pattern as a whole."""
    return [number for (number,) in _like[column](connection, system=system, pattern=_whole(pattern))]


def members(connection: Connection, system: int, property: str, value: str) -> Sequence[int]:
    """Those of which the property has the value, rising."""
    found = _members(connection, system=system, property=property, value=value)
    return found[0][0] if found else ()


def values(connection: Connection, system: int, property: str) -> list[str]:
    """What the property says of any concept."""
    return [value for (value,) in _values(connection, system=system, property=property)]


def groups(connection: Connection, system: int, property: str) -> list[tuple[str, Sequence[int]]]:
    """For each value of the property those that have it."""
    return [(value, found) for value, found in _groups(connection, system=system, property=property)]


def groups_like(connection: Connection, system: int, property: str, pattern: str) -> list[Sequence[int]]:
    """Those that have a value that fits the pattern as a whole, for each such value."""
    rows = _groups_like(connection, system=system, property=property, pattern=_whole(pattern))
    return [found for (found,) in rows]


def _whole(pattern: str) -> str:
    return f"^(?:{pattern})$"


def _pairs(rows: list[tuple[Any, ...]]) -> list[tuple[Any, Any]]:
    return [(one, other) for one, other in rows]
