"""Which rows a search begins from: decided by the form of the query and by counted numbers, never by a guess.

In order: ids, identifiers, the child, exact strings, the rarest facet, leading strings, dates of their
own, and
only then a walk along the newest. A driver is a shape, all that its SQL depends on, and values.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    union,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.definition.compartment import child_parameter
from server.definition.library import library
from server.definition.structure import structure
from server.fhir.name import fold
from server.search.element import properties
from server.search.escape import unescape
from server.search.query import Query
from server.search.registry import facets
from server.search.types import MAX_KEY, Condition, Context
from server.search.types.date import MAIN, starts
from server.search.types.token import Value, column
from server.store import tables as t
from server.store.database import Prepared

COUNTED = 1001
"""Facets are counted up to here to find the rarest."""

_AFTER_ALL = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Driver:
    """`kind`: rows (few, found first and sorted afterwards), child, facet, prefix or walk. `answers`: the
    criterion that its rows satisfy already."""

    kind: str
    shape: Hashable = None
    values: Mapping[str, Any] = field(default_factory=dict)
    answers: Condition | None = None


def driver(connection: Connection, query: Query, context: Context) -> Driver:
    """The driver of a search."""
    plain = [c for c in query.conditions if c.modifier is None or c.modifier == "exact"]
    return (
        _by_id(plain)
        or _by_identifier(plain)
        or _by_child(query, context)
        or _by_facet(connection, plain, context)
        or _by_string(query, plain)
        or _by_date(plain)
        or Driver("walk")
    )


def places(type_: str, found: Driver) -> Select[Any]:
    """(child, rid) of the rows that a driver of kind "rows" begins from, each once."""
    number = library().type_number(type_)
    match found.shape:
        case "ids":
            return select(t.locator.c.child, t.locator.c.rid).where(
                t.locator.c.type == literal(number), t.locator.c.id == any_(_texts("d_0"))
            )
        case "identifier", tuple(forms):
            i = t.identifier
            ways = (
                and_(
                    i.c.value == bindparam(f"d_v{at}"),
                    *([i.c.system == bindparam(f"d_s{at}")] if system else []),
                )
                for at, system in enumerate(forms)
            )
            return select(i.c.child, i.c.rid).where(i.c.type == literal(number), or_(*ways)).distinct()
        case "children":
            patient = library().type_number("Patient")
            own = and_(t.locator.c.type == literal(patient), t.locator.c.id == any_(_texts("d_0")))
            return of_children(type_, select(t.locator.c.child).where(own))
        case "facets":
            some = t.facet.c.h == any_(cast(bindparam("d_0"), ARRAY(BigInteger)))
            return select(t.facet.c.child, t.facet.c.rid).where(some).distinct()
        case "exact":
            s = t.string_index
            own = and_(s.c.type == literal(number), s.c.param == bindparam("d_param"))
            return select(s.c.child, s.c.rid).where(own, s.c.folded == any_(_texts("d_0"))).distinct()
        case "prefixes", int(count):
            s = t.string_index
            own = and_(s.c.type == literal(number), s.c.param == bindparam("d_param"))
            ranges = (
                and_(s.c.folded >= bindparam(f"d_low{at}"), s.c.folded < bindparam(f"d_high{at}"))
                for at in range(count)
            )
            return select(s.c.child, s.c.rid).where(own, or_(*ranges)).distinct()
        case "date":
            d = t.date_index
            own = and_(d.c.type == literal(number), d.c.param == bindparam("d_param"))
            within = and_(d.c.low >= bindparam("d_low"), d.c.low < bindparam("d_high"))
            return select(d.c.child, d.c.rid).where(own, within).distinct()
    raise AssertionError(found.shape)


def of_children(type_: str, children: Select[Any]) -> Select[Any]:
    """(child, rid) of what belongs to these children, or speaks of them beside its own."""
    number, row = library().type_number(type_), t.partition(type_).alias("of_child")
    some = children.offset(literal_column("0")).subquery("some")
    home = select(row.c.child, row.c.rid).select_from(some.join(row, row.c.child == some.c.child))
    other = select(t.about.c.child, t.about.c.rid).select_from(
        some.join(t.about, t.about.c.other == some.c.child)
    )
    # UNION: each once.
    both = union(home.where(row.c.type == literal(number)), other).subquery("both")
    return select(both.c.child, both.c.rid)


@cache
def names_one_child(type_: str, code: str) -> bool:
    """Whether the parameter names the one child that a resource of the type belongs to."""
    return names_children(type_, code) and not _repeats(type_, code)


@cache
def names_children(type_: str, code: str) -> bool:
    """Whether the parameter's references to Patients say whose a resource of the type is."""
    parameter = child_parameter(type_)
    return parameter is not None and code in ("patient", "subject", parameter.code)


def _repeats(type_: str, code: str) -> bool:
    found, asked = structure(type_), library().search_parameters(type_).get(code)
    assert found is not None
    names = (properties(type_, asked) if asked else None) or frozenset()
    return any(element.repeats for element in found.root.children if element.name in names)


def child() -> Any:
    """The child of the Patient that a driver of kind "child" names, asked in the same statement."""
    patient = library().type_number("Patient")
    own = and_(t.locator.c.type == literal(patient), t.locator.c.id == bindparam("d_0"))
    return select(t.locator.c.child).where(own).scalar_subquery()


def _texts(name: str) -> Any:
    return cast(bindparam(name), ARRAY(Text))


def _by_id(plain: list[Condition]) -> Driver | None:
    for condition in plain:
        if condition.parameter.code == "_id":
            return Driver("rows", "ids", {"d_0": [unescape(text) for text in condition.values]}, condition)
    return None


def _by_identifier(plain: list[Condition]) -> Driver | None:
    for condition in plain:
        if condition.parameter.code != "identifier" or condition.parameter.type != "token":
            continue
        values = [Value.parse(text) for text in condition.values]
        if all(value.code for value in values):
            given = {f"d_v{at}": column(value.code) for at, value in enumerate(values)}
            given |= {f"d_s{at}": column(v.system) for at, v in enumerate(values) if v.system is not None}
            return Driver(
                "rows", ("identifier", tuple(v.system is not None for v in values)), given, condition
            )
    return None


def _by_child(query: Query, context: Context) -> Driver | None:
    for condition in query.conditions:
        code = condition.parameter.code
        if names_children(query.type, code) and condition.modifier in (None, "Patient"):
            ids = _patients(condition, context)
            if ids is not None and len(ids) == 1 and names_one_child(query.type, code):
                return Driver("child", None, {"d_0": ids[0]})
            if ids is not None:
                return Driver("rows", "children", {"d_0": ids})
    return None


def _patients(condition: Condition, context: Context) -> list[str] | None:
    """The ids, if every value can only be a Patient's."""
    ids = []
    for text in condition.values:
        plain = unescape(text).removeprefix(context.base_url + "/")
        type_, slash, id_ = plain.rpartition("/")
        is_patient = condition.modifier == "Patient" or condition.parameter.code == "patient"
        if not (type_ == "Patient" or (not slash and is_patient)):
            return None
        ids.append(id_)
    return ids


def _by_facet(connection: Connection, plain: list[Condition], context: Context) -> Driver | None:
    found = [hashes for condition in plain if (hashes := facets(condition, context))]
    singles = [hashes[0] for hashes in found if len(hashes) == 1]
    if singles:
        rarest = singles[0] if len(singles) == 1 else min(singles, key=lambda h: _count(connection, h))
        return Driver("facet", None, {"d_0": rarest})
    return Driver("rows", "facets", {"d_0": list(found[0])}) if found else None


def _count(connection: Connection, h: int) -> int:
    return int(_counted(connection, h=h)[0][0])


_counted = Prepared(
    select(func.count()).select_from(
        select(literal(1)).where(t.facet.c.h == bindparam("h")).limit(literal(COUNTED)).subquery()
    )
)


def _by_string(query: Query, plain: list[Condition]) -> Driver | None:
    for condition in plain:
        if condition.parameter.type != "string":
            continue
        folded = [fold(unescape(text))[:MAX_KEY] for text in condition.values]
        param = {"d_param": condition.parameter.number}
        if condition.modifier == "exact":
            return Driver("rows", "exact", {"d_0": folded, **param})
        if len(folded) == 1 and not query.sort:
            ends = {"d_0": folded[0], "d_1": folded[0] + _AFTER_ALL}
            return Driver("prefix", condition.parameter, {**ends, **param}, condition)
        lows = {f"d_low{at}": text for at, text in enumerate(folded)}
        highs = {f"d_high{at}": text + _AFTER_ALL for at, text in enumerate(folded)}
        return Driver("rows", ("prefixes", len(folded)), {**lows, **highs, **param})
    return None


def _by_date(plain: list[Condition]) -> Driver | None:
    for condition in plain:
        parameter = condition.parameter
        if parameter.type == "date" and parameter.code not in (MAIN, "_lastUpdated"):
            span = starts(condition)
            if span is not None:
                return Driver(
                    "rows", "date", {"d_param": parameter.number, "d_low": span[0], "d_high": span[1]}
                )
    return None
