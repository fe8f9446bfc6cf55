"""Which rows a search begins from: decided by the form of the query and by counted numbers, never by a guess.

In order: ids, identifiers, the child, the rarest facet or join, exact and leading strings, dates of their
own, and only then a walk along the newest. A driver is a shape, all that its SQL depends on, and values.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
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
from server.search import beside, census
from server.search.element import properties
from server.search.escape import unescape
from server.search.query import Query
from server.search.registry import facets
from server.search.types import MAX_KEY, Condition, Context
from server.search.types.date import MAIN, starts
from server.search.types.token import Value, identifier_forms
from server.store import tables as t
from server.store.database import Prepared

COUNTED = 5001
"""A facet is counted up to here to find the rarest."""

GATHERED = 20_000
"""The rows of several facets together that may be a beginning."""

BESIDE = 20
"""Hashes that are walked beside each other, however many rows they have."""

SORTED = 10_000
"""Rows that may be found before they are sorted."""

_NARROW = frozenset({"ids", "identifier", "children", "homes"})

_AFTER_ALL = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Driver:
    """`kind`: rows (few, found first and sorted afterwards), child, facet, merge (several facets or
    children), prefix or walk. `answers`: the criterion that its rows satisfy already. `most`: rows of a facet
    or a merge, counted to just above a budget."""

    kind: str
    shape: Hashable = None
    values: Mapping[str, Any] = field(default_factory=dict)
    answers: Condition | None = None
    most: int | None = None

    @property
    def broad(self) -> bool:
        """Whether its rows may be of many children."""
        shape = self.shape[0] if isinstance(self.shape, tuple) else self.shape
        return self.kind not in ("child", "sight") and shape not in _NARROW

    def named(self, prefix: str) -> dict[str, Any]:
        """The values under the names that its SQL knows them by."""
        return {f"{prefix}{name}": value for name, value in self.values.items()}


def driver(connection: Connection, query: Query, context: Context, joined: Sequence[Driver] = ()) -> Driver:
    """The driver of a search; `joined`: those that its chains and `_has` offer."""
    plain = [c for c in query.conditions if c.modifier is None or c.modifier == "exact"]
    return (
        _by_id(plain)
        or _by_identifier(plain, context)
        or _by_child(query, context)
        or _by_fewest(connection, plain, context, joined)
        or _fitting(connection, query.type, _by_string(query, plain))
        or _by_few(connection, query, plain, context)
        or _fitting(connection, query.type, _by_date(plain))
        or Driver("walk")
    )


def places(type_: str, found: Driver, prefix: str = "") -> Select[Any]:
    """(child, rid) of the rows that a driver of kind "rows" or "merge" begins from, each once."""
    number = library().type_number(type_)

    def given(name: str) -> Any:
        return bindparam(f"{prefix}{name}")

    texts = array(f"{prefix}d_0", Text)
    match found.shape:
        case "ids":
            return select(t.locator.c.child, t.locator.c.rid).where(
                t.locator.c.type == literal(number), t.locator.c.id == any_(texts)
            )
        case "identifier", tuple(forms):
            i = t.identifier
            ways = (
                and_(
                    i.c.value == given(f"d_v{at}"),
                    *([i.c.system == given(f"d_s{at}")] if system else []),
                )
                for at, system in enumerate(forms)
            )
            return select(i.c.child, i.c.rid).where(or_(*ways)).distinct()
        case "children":
            patient = library().type_number("Patient")
            own = and_(t.locator.c.type == literal(patient), t.locator.c.id == any_(texts))
            return of_children(type_, select(t.locator.c.child).where(own))
        case "homes":
            row = t.partition(type_).alias("of_home")
            home = row.c.child == any_(array(f"{prefix}d_0", BigInteger))
            return select(row.c.child, row.c.rid).where(row.c.type == literal(number), home)
        case "facets":
            some = t.facet.c.h == any_(array(f"{prefix}d_0", BigInteger))
            return select(t.facet.c.child, t.facet.c.rid).where(some).distinct()
        case "exact":
            s = t.string_index
            own = and_(s.c.type == literal(number), s.c.param == given("d_param"))
            return select(s.c.child, s.c.rid).where(own, s.c.folded == any_(texts)).distinct()
        case "prefixes", int(count):
            s = t.string_index
            own = and_(s.c.type == literal(number), s.c.param == given("d_param"))
            ranges = (
                and_(s.c.folded >= given(f"d_low{at}"), s.c.folded < given(f"d_high{at}"))
                for at in range(count)
            )
            return select(s.c.child, s.c.rid).where(own, or_(*ranges)).distinct()
        case "date":
            d = t.date_index
            own = and_(d.c.type == literal(number), d.c.param == given("d_param"))
            within = and_(d.c.low >= given("d_low"), d.c.low < given("d_high"))
            return select(d.c.child, d.c.rid).where(own, within).distinct()
    assert isinstance(found.shape, tuple), found.shape
    return beside.places(type_, found.shape, given)


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
    return names_children(type_, code) and not repeats(type_, code)


@cache
def names_children(type_: str, code: str) -> bool:
    """Whether the parameter's references to Patients say whose a resource of the type is."""
    parameter = child_parameter(type_)
    return parameter is not None and code in ("patient", "subject", parameter.code)


def repeats(type_: str, code: str) -> bool:
    """Whether an element at the root of the type that the parameter looks into is a list."""
    found, asked = structure(type_), library().shipped(type_).get(code)
    assert found is not None
    names = (properties(type_, asked) if asked else None) or frozenset()
    return any(element.repeats for element in found.root.children if element.name in names)


def child(prefix: str = "") -> Any:
    """The child of the Patient that a driver of kind "child" names, asked in the same statement."""
    patient = library().type_number("Patient")
    own = and_(t.locator.c.type == literal(patient), t.locator.c.id == bindparam(f"{prefix}d_0"))
    return select(t.locator.c.child).where(own).scalar_subquery()


def array(name: str, of: type[Any]) -> Any:
    """A parameter that is an array."""
    return cast(bindparam(name), ARRAY(of))


def _by_id(plain: list[Condition]) -> Driver | None:
    for condition in plain:
        if condition.parameter.code == "_id":
            return Driver("rows", "ids", {"d_0": [unescape(text) for text in condition.values]}, condition)
    return None


def _by_identifier(plain: list[Condition], context: Context) -> Driver | None:
    for condition in plain:
        if condition.parameter.code != "identifier" or condition.parameter.type != "token":
            continue
        values = [Value.parse(text) for text in condition.values]
        if all(value.code for value in values):
            forms = [identifier_forms(value) for value in values]
            given = {
                f"d_{of}{at}": context.token(condition, each)
                for at, pair in enumerate(forms)
                for of, each in zip("sv", pair, strict=True)
                if each is not None
            }
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


def _by_fewest(
    connection: Connection, plain: list[Condition], context: Context, joined: Sequence[Driver]
) -> Driver | None:
    """The facet, or the join, with the fewest rows: they are counted."""
    found = [hashes for condition in plain if (hashes := facets(condition, context)) is not None]
    offered = [*map(by_facet, found), *joined]
    if len(offered) == 1 and (offered[0].shape != "facets" or len(offered[0].values["d_0"]) <= BESIDE):
        return offered[0]
    listed = ("facet", "merge")
    counted = [
        replace(one, most=rows(connection, one)) if one.kind in listed and one.shape != "homes" else one
        for one in offered
    ]
    fit = [one for one in counted if one.shape != "facets" or _gatherable(one)]
    fewest = min(fit, key=lambda one: one.most or 0, default=None)
    return _beside(fewest, fit) if fewest and fewest.kind == "facet" else fewest


def _gatherable(merge: Driver) -> bool:
    """Whether its hashes have few rows, or are few and can be walked beside each other."""
    return (merge.most or 0) <= GATHERED or len(merge.values["d_0"]) <= BESIDE


def _beside(fewest: Driver, fit: Sequence[Driver]) -> Driver:
    """A facet with the others that its rows must have too: looked up in the index of facets alone."""
    others = [one.values["d_0"] for one in fit if one.kind == "facet" and one is not fewest]
    values = {**fewest.values, **{f"d_too{at}": hash_ for at, hash_ in enumerate(others)}}
    return replace(fewest, shape=("too", len(others)), values=values) if others else fewest


def by_facet(hashes: Sequence[int]) -> Driver:
    """The rows that carry one of these hashes."""
    if len(hashes) == 1:
        return Driver("facet", None, {"d_0": hashes[0]})
    return Driver("merge", "facets", {"d_0": list(hashes)})


def rows(connection: Connection, found: Driver) -> int:
    """How many rows a driver of facets had a few seconds ago, counted as in `listed`."""
    given = found.values["d_0"]
    what = ("listed", found.kind, *(given if isinstance(given, list) else [given]))
    return census.lasting(connection, what, lambda: listed(connection, found))


def listed(connection: Connection, found: Driver) -> int:
    """How many rows a driver of facets has, counted to just above `GATHERED`."""
    given = found.values["d_0"]
    # Most are few, and of those there are enough that are not: a long count only decides about many hashes.
    most = COUNTED if found.kind == "facet" else GATHERED + 1
    hashes = [given] if found.kind == "facet" else given
    return int(_counted(connection, hashes=hashes, most=most)[0][0])


_counted = Prepared(
    select(func.count()).select_from(
        select(literal(1))
        .where(t.facet.c.h == any_(cast(bindparam("hashes"), ARRAY(BigInteger))))
        .limit(bindparam("most"))
        .subquery()
    )
)


def _fitting(connection: Connection, type_: str, found: Driver | None) -> Driver | None:
    """A driver whose rows are sorted, if they are few enough; one that has them in order."""
    if found is None or found.kind != "rows":
        return found
    counted = _counted_rows(type_, found.shape)(connection, **found.values)
    return found if int(counted[0][0]) <= SORTED else None


@lru_cache(maxsize=1024)
def _counted_rows(type_: str, shape: Hashable) -> Prepared:
    some = places(type_, Driver("rows", shape)).limit(literal_column(str(SORTED + 1))).subquery()
    return Prepared(select(func.count()).select_from(some))


def _by_few(connection: Connection, query: Query, plain: list[Condition], context: Context) -> Driver | None:
    """Words or numbers that are rare enough to begin from."""
    found = beside.beginning(connection, query.type, plain, context, GATHERED)
    return Driver("rows", found.shape, found.values, found.answers, found.most) if found else None


def _by_string(query: Query, plain: list[Condition]) -> Driver | None:
    for condition in plain:
        if condition.parameter.type != "string" or condition.parameter.code in beside.WORDS:
            continue
        folded = [fold(unescape(text))[:MAX_KEY] for text in condition.values]
        param = {"d_param": condition.parameter.number}
        if condition.modifier == "exact":
            return Driver("rows", "exact", {"d_0": folded, **param})
        if len(folded) == 1 and not query.sort and not query.joins:
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
