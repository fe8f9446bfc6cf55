"""Which rows a search begins from: decided by the form of the query and by counted numbers, never by a guess.

In order: ids, identifiers, the child, exact or leading strings, the rarest facet, dates of their own, and only
then a walk along the newest. A driver that is a set of rows is fenced (OFFSET 0): its rows are found first.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, Select, Text, and_, any_, func, literal, or_, select

from server.definition.compartment import child_parameter
from server.definition.library import library
from server.fhir.name import fold
from server.search.escape import unescape
from server.search.query import Query
from server.search.registry import kind
from server.search.types import MAX_KEY, Condition, Context, array
from server.search.types.date import MAIN, starts
from server.search.types.string import begins
from server.search.types.token import Value, column
from server.store import tables as t

COUNTED = 1001
"""Facets are counted up to here to find the rarest."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A set of (child, rid): few enough to be found first and sorted afterwards."""

    places: Select[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Children:
    """Everything of these children."""

    children: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Facet:
    """Everything that has a hash, in the order of its date or of its last change."""

    h: int


@dataclass(frozen=True, slots=True)
class Prefix:
    """Strings that begin so, in their own order."""

    condition: Condition
    prefix: str


@dataclass(frozen=True, slots=True)
class Walk:
    """Nothing to begin from: along the newest, within a budget."""


Driver = Rows | Children | Facet | Prefix | Walk


def driver(connection: Connection, query: Query, context: Context) -> Driver:
    """The driver of a search."""
    plain = [c for c in query.conditions if c.modifier is None or c.modifier == "exact"]
    return (
        _by_id(query, plain)
        or _by_identifier(query, plain)
        or _by_child(connection, query, plain, context)
        or _by_facet(connection, plain, context)
        or _by_string(query, plain)
        or _by_date(query, plain)
        or Walk()
    )


def _by_id(query: Query, plain: list[Condition]) -> Rows | None:
    for condition in plain:
        if condition.parameter.code == "_id":
            ids = array([unescape(text) for text in condition.values], Text())
            own = and_(t.locator.c.type == library().type_number(query.type), t.locator.c.id == any_(ids))
            return Rows(select(t.locator.c.child, t.locator.c.rid).where(own))
    return None


def _by_identifier(query: Query, plain: list[Condition]) -> Rows | None:
    for condition in plain:
        values = [Value.parse(text) for text in condition.values]
        if condition.parameter.code == "identifier" and condition.parameter.type == "token" and all(
            value.code for value in values
        ):  # fmt: skip
            i = t.identifier
            ways = (
                and_(i.c.value == column(value.code), i.c.system == column(value.system))
                if value.system is not None
                else i.c.value == column(value.code)
                for value in values
            )
            own = i.c.type == library().type_number(query.type)
            return Rows(select(i.c.child, i.c.rid).where(own, or_(*ways)).distinct())
    return None


def _by_child(
    connection: Connection, query: Query, plain: list[Condition], context: Context
) -> Children | None:
    parameter = child_parameter(query.type)
    if parameter is None:
        return None
    for condition in query.conditions:
        names_child = condition.parameter.code in ("patient", parameter.code)
        if names_child and condition.modifier in (None, "Patient"):
            ids = _patients(condition, context)
            if ids is not None:
                return Children(children_of(connection, ids))
    return None


def _patients(condition: Condition, context: Context) -> list[str] | None:
    """The ids, if every value can only be a Patient's."""
    ids = []
    for text in condition.values:
        plain = unescape(text).removeprefix(context.base_url + "/")
        type_, slash, id_ = plain.rpartition("/")
        open_type = not slash and (condition.modifier == "Patient" or condition.parameter.code == "patient")
        if not (open_type or type_ == "Patient"):
            return None
        ids.append(id_)
    return ids


def children_of(connection: Connection, ids: list[str]) -> tuple[int, ...]:
    """The children whose Patients have these ids; an unknown one adds nothing."""
    own = and_(t.locator.c.type == library().type_number("Patient"), t.locator.c.id == any_(array(ids, Text())))
    return tuple(connection.execute(select(t.locator.c.child).where(own)).scalars())


def _by_facet(connection: Connection, plain: list[Condition], context: Context) -> Facet | Rows | None:
    found = [
        hashes
        for condition in plain
        if (answer := kind(condition.parameter)) and (hashes := answer.facets(condition, context))
    ]
    singles = [hashes[0] for hashes in found if len(hashes) == 1]
    if len(singles) == 1:
        return Facet(singles[0])
    if singles:
        return Facet(min(singles, key=lambda h: _count(connection, h)))
    if found:
        f = t.facet
        return Rows(select(f.c.child, f.c.rid).where(or_(*(f.c.h == literal(h) for h in found[0]))).distinct())
    return None


def _count(connection: Connection, h: int) -> int:
    some = select(literal(1)).where(t.facet.c.h == literal(h)).limit(COUNTED).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def _by_string(query: Query, plain: list[Condition]) -> Prefix | Rows | None:
    for condition in plain:
        if condition.parameter.type != "string":
            continue
        folded = [fold(unescape(text))[:MAX_KEY] for text in condition.values]
        s = t.string_index
        own = and_(
            s.c.type == library().type_number(query.type), s.c.param == literal(condition.parameter.number)
        )
        if condition.modifier == "exact":
            return Rows(select(s.c.child, s.c.rid).where(own, s.c.folded == any_(array(folded, Text()))).distinct())
        if len(folded) == 1 and not query.sort:
            return Prefix(condition, folded[0])
        return Rows(select(s.c.child, s.c.rid).where(own, or_(*map(begins, folded))).distinct())
    return None


def _by_date(query: Query, plain: list[Condition]) -> Rows | None:
    d = t.date_index
    for condition in plain:
        parameter = condition.parameter
        if parameter.type != "date" or parameter.code in (MAIN, "_lastUpdated"):
            continue
        span = starts(condition)
        if span is not None:
            own = and_(d.c.type == library().type_number(query.type), d.c.param == literal(parameter.number))
            within = and_(d.c.low >= literal(span[0]), d.c.low < literal(span[1]))
            return Rows(select(d.c.child, d.c.rid).where(own, within).distinct())
    return None
