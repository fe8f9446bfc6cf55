"""What a chain or `_has` comes to: the far end is found first, by the caller's own view of it, then the near
end by what points at it.

Either end begins from its own facets, never from a join that the planner could turn round. Where the far end
is too much to be gathered it is found from the near one instead or, of the same child, asked about row by
row.
"""

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    Text,
    and_,
    any_,
    func,
    literal_column,
    or_,
    select,
    true,
)

from server.definition.compartment import child_parameter
from server.definition.library import library
from server.definition.searchparameter import SearchParameter
from server.fhir import json
from server.fhir.issue import Forbidden, TooCostly
from server.fhir.reference import parse
from server.search import chain, drive, rows, statement
from server.search.drive import Driver, names_one_child, repeats
from server.search.element import properties
from server.search.escape import unescape
from server.search.facet import facet
from server.search.query import Query
from server.search.rows import Filter
from server.search.types import Chain, Condition, Criterion, Has, Join, Reach
from server.search.types.reference import localised, relative
from server.search.view import CallerView
from server.store import opening, recordset, sortkey
from server.store import tables as t

if TYPE_CHECKING:
    from server.search.compile import Search

Searchable = Callable[[str, set[str]], tuple[CallerView, bool]]
"""The rows of a type that a caller may find by these parameters; whether those of restricted children are
not.

Raises:
    Forbidden: it may not search the type.
"""

FEW = 1_000
"""Resources at the far end that are gathered where they could be asked about one by one instead."""

MOST = 10_000
"""Resources at the far end that are gathered where they must be."""


_EACH = 50
"""Rows of a child that are read for one that is found: what a beginning from children is weighed by."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A join, resolved: `shape` is all that its SQL depends on. `near`: what it asks of a child alone.
    `each`: the far end is asked about with every row."""

    shape: Hashable
    filter: Filter
    values: Mapping[str, Any] = field(default_factory=dict)
    driver: Driver | None = None
    near: Filter | None = None
    each: bool = False


def resolved(join: Join, search: "Search", name: str) -> Joined:
    """What the rows of a search must have so that the join holds; `name` begins those of its parameters.

    Raises:
        TooCostly: there is more at both ends than can be gathered.
    """
    if isinstance(join, Reach):
        return _reaching(join, search, name)
    return _had(join, search, name) if isinstance(join, Has) else _chained(join, search, name)


def _chained(join: Chain, search: "Search", name: str) -> Joined:
    """The row points at something that meets the criterion."""
    if _is_home(search.query.type, join.parameter) and {type_ for type_, _ in join.targets} == {"Patient"}:
        far = _far("Patient", join.targets[0][1], search, name)
        found = None if _too_many(far) else _gathered(far, FEW, "child")
        if found is not None:
            return _at_home([child for (child,) in found], "merge", name)
        assert far is not None
        return _asked(far, name)
    texts: list[str] = []
    ends = enumerate(join.targets)
    fars = {type_: _far(type_, criterion, search, f"{name}{at}_") for at, (type_, criterion) in ends}
    single = _is_single(search.query.type, join.parameter)
    for type_, far in fars.items():
        ids = None if single and _too_many(far) else _gathered(far, FEW if single else MOST, "id")
        if ids is None and single:
            return _keyed([far for far in fars.values() if far], join.parameter, name)
        if ids is None:
            near = _bodies(_alone(search), FEW)
            known = _pointed_at(join.parameter, type_, search, near or ())
            ids = None if near is None else _gathered(_given(far, _among(known, f"{name}n")), MOST, "id")
        texts += (f"{type_}/{id_}" for (id_,) in _known(ids, type_))
    return _pointing(search.query.type, join.parameter, search, texts, name)


def _had(join: Has, search: "Search", name: str) -> Joined:
    """Something that meets the criterion points at the row."""
    type_, parameter = search.query.type, join.parameter
    far = _far(join.source, join.criterion, search, name, parameter.code)
    if type_ == "Patient" and _is_home(join.source, parameter):
        found = None if _too_many(far) else _gathered(far, FEW, "child")
        if found is not None:
            return _at_home(list(dict.fromkeys(child for (child,) in found)), "rows", name)
        assert far is not None
        return _asked(far, name)
    bodies = _bodies(far, FEW)
    if bodies is None:
        near = _gathered(_alone(search), FEW, "id")
        texts = [f"{type_}/{id_}" for (id_,) in near or ()]
        some = _pointing(join.source, parameter, search, texts, f"{name}n")
        bodies = None if near is None else _bodies(_given(far, some), MOST)
    return _among(_pointed_at(parameter, type_, search, _known(bodies, join.source)), name)


def _reaching(join: Reach, search: "Search", name: str) -> Joined:
    """The row points at one of these, or at what is a part of them (or what they are a part of)."""
    plain = Condition(join.parameter, None, join.values)
    texts = {text for value in join.values for text in relative(unescape(value), plain, search.context)}
    for type_, link in join.links:
        ids = {text.removeprefix(f"{type_}/") for text in texts if text.startswith(f"{type_}/")}
        new = ids
        while new:
            new = set(_next(join.modifier, type_, link, new, search, name)) - ids
            ids |= new
            if len(ids) > FEW:
                raise TooCostly(f"More than {FEW} {type_}s are a part of that one: ask further down.")
        texts |= {f"{type_}/{id_}" for id_ in ids}
    return _pointing(search.query.type, join.parameter, search, sorted(texts), name)


def _next(
    modifier: str, type_: str, link: SearchParameter, ids: set[str], search: "Search", name: str
) -> list[str]:
    """One step up or down from these, as far as the caller sees."""
    own = library().search_parameters(type_)["_id"]
    asked = Condition(link if modifier == "below" else own, None, tuple(sorted(ids)))
    far = _far(type_, asked, search, name, link.code)
    if modifier == "below":
        return [id_ for (id_,) in _known(_gathered(far, FEW, "id"), type_)]
    return _pointed_at(link, type_, search, _known(_bodies(far, FEW), type_))


def _is_home(type_: str, parameter: SearchParameter) -> bool:
    """Whether what the parameter points at, if it is a Patient, is the child whose resource it is."""
    home = child_parameter(type_)
    return (
        home is not None
        and names_one_child(type_, parameter.code)
        and properties(type_, parameter) == properties(type_, home)
    )


def _is_single(type_: str, parameter: SearchParameter) -> bool:
    """Whether it is one element at the root of the type that holds one reference."""
    own = [part for part in re.split(r"\s*\|\s*", parameter.expression) if part.startswith(f"{type_}.")]
    plain = re.compile(rf"{type_}\.\w+(\.where\(resolve\(\) is \w+\))?")
    return len(own) == 1 and bool(plain.fullmatch(own[0])) and not repeats(type_, parameter.code)


def _at_home(children: list[int], kind: str, name: str) -> Joined:
    """The row's home is one of these children."""
    home = rows.children(f"{name}d")
    offered = Driver(kind, "homes", {"d_0": children}, most=len(children) * _EACH)
    return Joined(("homes", name), home, {f"{name}d": children}, offered, home)


def _among(ids: Sequence[str], name: str) -> Joined:
    """The row is one of these."""

    def meets(row: FromClause) -> ColumnElement[bool]:
        return row.c.id == any_(drive.array(f"{name}d", Text))

    offered = Driver("rows", "ids", {"d_0": list(ids)}, most=len(ids))
    return Joined(("ids", name), meets, {f"{name}d": list(ids)}, offered)


def _pointing(
    type_: str, parameter: SearchParameter, search: "Search", texts: Sequence[str], name: str
) -> Joined:
    """The row carries a reference to one of these."""
    hashes = [search.context.hasher.token(type_, parameter.code, text) for text in texts]

    def meets(row: FromClause) -> ColumnElement[bool]:
        found: ColumnElement[bool] = row.c.tok.overlap(drive.array(f"{name}d", BigInteger)).is_(true())
        return found

    listed = all(map(facet(type_, parameter).lists, texts)) and len(texts) <= FEW
    offered = replace(drive.by_facet(hashes), most=len(hashes)) if listed else None
    return Joined(("hashes", name), meets, {f"{name}d": hashes}, offered)


def _asked(far: "Search", name: str) -> Joined:
    """The far end is of the same child, and is asked about with every row of the near one."""
    sql = statement.Statement(far.query.type, far.view, far.filters(Driver("walk")), prefix=far.prefix)

    def meets(row: FromClause) -> ColumnElement[bool]:
        there = sql.row("far")
        one: Select[Any] = select(literal_column("1")).where(
            there.c.child == row.c.child, *sql.filters(there)
        )
        # OFFSET 0 keeps it a question about each row found, never a join that the planner may begin with.
        return one.offset(literal_column("0")).correlate(row).exists()

    return Joined(("asked", name, far.shape), meets, far.values, each=True)


def _keyed(fars: Sequence["Search"], parameter: SearchParameter, name: str) -> Joined:
    """What the row points at is found by the key that the row is sorted by, and asked about with every row:
    where it points at one thing at most."""
    sql = [
        statement.Statement(far.query.type, far.view, far.filters(Driver("walk")), prefix=far.prefix)
        for far in fars
    ]

    def meets(row: FromClause) -> ColumnElement[bool]:
        key = sortkey.end(row, parameter.code, highest=False)
        return or_(*(_at_key(each, key, row) for each in sql))

    values = {name: value for far in fars for name, value in far.values.items()}
    shape = ("keyed", name, parameter.code, *(far.shape for far in fars))
    return Joined(shape, meets, values, each=True)


def _at_key(sql: statement.Statement, key: ColumnElement[str], row: FromClause) -> ColumnElement[bool]:
    place, there, before = t.locator.alias(f"{sql.prefix}place"), sql.row("far"), f"{sql.type}/"
    one: Select[Any] = select(literal_column("1")).select_from(
        place.join(there, and_(*recordset.same(place, there, "child", "type", "rid")))
    )
    asked = (place.c.type == sql.number, place.c.id == func.substr(key, len(before) + 1))
    one = one.where(func.starts_with(key, before), *asked, *sql.filters(there))
    return one.offset(literal_column("0")).correlate(row).exists()


def _far(type_: str, criterion: Criterion, search: "Search", name: str, code: str = "") -> "Search | None":
    """The search for the far end; None where the caller may not ask for it: then there is nothing there."""
    assert search.searchable is not None
    try:
        view, withheld = search.searchable(type_, chain.parameters(criterion) | ({code} if code else set()))
    except Forbidden:
        return None
    query = (
        Query(type_, (criterion,)) if isinstance(criterion, Condition) else Query(type_, joins=(criterion,))
    )
    return replace(
        search, query=query, view=view, context=view.context, withheld=withheld, prefix=name, given=()
    )


def _alone(search: "Search") -> "Search":
    """The search without what it joins."""
    return replace(search, query=replace(search.query, joins=()))


def _given(far: "Search | None", some: Joined) -> "Search | None":
    """The far end, if it is one of some."""
    return None if far is None else replace(far, given=(some,))


def _gathered(far: "Search | None", most: int, *columns: str) -> Sequence[Any] | None:
    """Some columns of everything that a search finds; None: there is more, or it cannot be known."""
    return () if far is None else far.places(most, *columns)


def _too_many(far: "Search | None") -> bool:
    """Whether it is soon known that there is more at the far end than is gathered."""
    if far is None or far.by_sight or far.query.joins:
        return False
    return far.driver.kind == "facet" and far.exceeds(far.driver, FEW)


def _bodies(far: "Search | None", most: int) -> Sequence[str] | None:
    """Everything that a search finds, as `_gathered`."""
    found = _gathered(far, most, "id", "version", "last_updated", "body")
    if found is None or far is None:
        return None if found is None else ()
    return [opening.whole(far.query.type, *row) for row in found]


def _known(found: Sequence[Any] | None, type_: str) -> Sequence[Any]:
    if found is None:
        raise TooCostly(
            f"Too many {type_}s meet the criterion of a chain or of _has for it to be followed: narrow it "
            "down, or name a child (patient=…)."
        )
    return found


def _pointed_at(parameter: SearchParameter, type_: str, search: "Search", bodies: Sequence[str]) -> list[str]:
    """The ids of the resources of a type that these point at."""
    base_url, found = search.context.base_url, set()
    for body in bodies:
        for element, _ in parameter.extract(json.decode(body.encode())):
            text = element.get("reference") if isinstance(element, dict) else element
            local = parse((localised(text, base_url) if isinstance(text, str) else None) or "")
            if local.local and local.type == type_ and local.id:
                found.add(local.id)
    return sorted(found)
