"""What there is of a resource or a child, present and past, and what is seen only with it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    SmallInteger,
    Text,
    all_,
    and_,
    any_,
    bindparam,
    cast,
    func,
    literal,
    select,
    union,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.store import recordset
from server.store import tables as t
from server.store.database import Prepared


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a resource is. `child`: its home now."""

    type: int
    id: str
    child: int
    rid: int


@dataclass(frozen=True, slots=True, order=True)
class Rows:
    """All versions of a resource that are kept with one child, its home or a former one."""

    child: int
    type: int
    rid: int


@dataclass(frozen=True, slots=True)
class Count:
    """How many resources of a type there are, and how many versions of them."""

    type: int
    resources: int
    versions: int


_key = recordset.recordset("wanted", {"type": SmallInteger(), "id": Text()})
_at = t.locator.alias("at")
_places = select(_at.c.type, _at.c.id, _at.c.child, _at.c.rid).join(
    _key, and_(_at.c.type == _key.c.type, _at.c.id == _key.c.id)
)
_find = Prepared(_places)
_lock = Prepared(_places.order_by(_at.c.id, _at.c.type).with_for_update(of=_at))


def places(connection: Connection, names: Iterable[tuple[int, str]], *, lock: bool = False) -> list[Place]:
    """Where resources of these (type, id) are; `lock`: held against whoever writes them, until the end."""
    rows = recordset.text({"type": type_, "id": id_} for type_, id_ in sorted(set(names)))
    return [Place(*row) for row in (_lock if lock else _find)(connection, wanted=rows)]


def _kept(row: FromClause, *asked: ColumnElement[bool]) -> Select[tuple[int, str, int, int]]:
    return select(row.c.type, row.c.id, row.c.child, row.c.rid).where(*asked)


_child = t.resource.c.child == bindparam("child"), t.history.c.child == bindparam("child")
_of_child = Prepared(union(_kept(t.resource, _child[0]), _kept(t.history, _child[1])))


def of_child(connection: Connection, child: int) -> list[Place]:
    """Everything of which a version is kept with the child. As `child` it has that, wherever its home is."""
    return [Place(*row) for row in _of_child(connection, child=child)]


_given = recordset.recordset("places", {"child": BigInteger(), "type": SmallInteger(), "rid": BigInteger()})
_homes = Prepared(
    select(t.former_home.c.former, _given.c.type, _given.c.rid).join(
        _given, and_(*recordset.same(t.former_home, _given, "child", "rid"))
    )
)


def rows(connection: Connection, found: Collection[Place]) -> list[Rows]:
    """The versions of these resources, under every child that they were ever about."""
    given = recordset.text({"child": each.child, "type": each.type, "rid": each.rid} for each in found)
    former = (Rows(*row) for row in _homes(connection, places=given))
    return sorted({*former, *(Rows(each.child, each.type, each.rid) for each in found)})


# ---- what is seen with others ------------------------------------------------------------------------------

_named = recordset.recordset("gone", {"type": SmallInteger(), "id": Text()})
_with = t.context.alias("with_it")
_seen_with = (
    select(_with.c.child, _with.c.rid)
    .join(_named, and_(_with.c.type == _named.c.type, _with.c.id == _named.c.id))
    .distinct()
    .cte("seen_with")
    .prefix_with("MATERIALIZED")
)
_all = t.context.alias("every")
_contexts = Prepared(
    select(_all.c.child, _all.c.rid, _all.c.type, _all.c.id).join(
        _seen_with, and_(*recordset.same(_all, _seen_with, "child", "rid"))
    )
)


def seen_only_with(connection: Connection, gone: Collection[Place]) -> set[tuple[int, int]]:
    """(child, rid) of what nobody can see any more: all that a Binary or Provenance is seen with goes."""
    names = {(each.type, each.id) for each in gone}
    given = recordset.text({"type": type_, "id": id_} for type_, id_ in sorted(names))
    others: dict[tuple[int, int], bool] = {}
    for child, rid, type_, id_ in _contexts(connection, gone=given):
        others[child, rid] = others.get((child, rid), False) or (type_, id_) not in names
    return {place for place, has_other in others.items() if not has_other}


_wanted = recordset.recordset("wanted", {"child": BigInteger(), "rid": BigInteger()})


def _there(row: FromClause) -> Select[tuple[int, str, int, int]]:
    return _kept(row).join(_wanted, and_(*recordset.same(row, _wanted, "child", "rid")))


_of_places = Prepared(union(_there(t.resource), _there(t.history)))


def of_places(connection: Connection, wanted: Iterable[tuple[int, int]]) -> list[Place]:
    """What is kept at (child, rid), by its name."""
    given = recordset.text({"child": child, "rid": rid} for child, rid in sorted(wanted))
    return [Place(*row) for row in _of_places(connection, wanted=given)]


# ---- what refers to it -------------------------------------------------------------------------------------

MOST = 1000
"""How many are told of at once."""

_but = cast(bindparam("but"), ARRAY(BigInteger))
_hashes = func.unnest(cast(bindparam("hashes"), ARRAY(BigInteger))).table_valued("h").render_derived()
# The facets first, for they are few: a resource is looked up where there is one.
_facets = (
    select(t.facet.c.child, t.facet.c.rid)
    .join(_hashes, t.facet.c.h == _hashes.c.h)
    .where(t.facet.c.rid != all_(_but))
    .distinct()
    .limit(MOST)
    .cte("facets")
    .prefix_with("MATERIALIZED")
)
_pointing_row = t.resource.alias("pointing")
_own_notes = and_(
    _pointing_row.c.author == literal(0, SmallInteger),
    _pointing_row.c.type == any_(cast(bindparam("own"), ARRAY(SmallInteger))),
)
_pointing = Prepared(
    _kept(_pointing_row, ~_own_notes).join(
        _facets, and_(*recordset.same(_pointing_row, _facets, "child", "rid"))
    )
)


def pointing(
    connection: Connection, hashes: Iterable[int], but: Collection[int], own: Collection[int]
) -> list[Place]:
    """What has one of these hashes of references. `but`: rids that do not count; nor do the types `own`,
    where the server wrote it."""
    rows = _pointing(connection, hashes=list(hashes), but=sorted(but), own=sorted(own))
    return [Place(*row) for row in rows]


# ---- what is left ------------------------------------------------------------------------------------------

_children = cast(bindparam("children"), ARRAY(BigInteger))
_speaking = t.resource.alias("speaking")
_spoken_of = Prepared(
    select(_speaking.c.type, _speaking.c.id, _speaking.c.child, _speaking.c.rid)
    .select_from(t.about.join(_speaking, and_(*recordset.same(t.about, _speaking, "child", "rid"))))
    .where(t.about.c.other == any_(_children), ~(t.about.c.child == any_(_children)))
)


def speaking_of(connection: Connection, children: Collection[int]) -> list[Place]:
    """What is of another child, or of none, and speaks of one of these."""
    return [Place(*row) for row in _spoken_of(connection, children=sorted(children))] if children else []


def _counted(row: FromClause) -> Select[tuple[int, int]]:
    same = and_(*recordset.same(row, _given, "child", "type", "rid"))
    return select(row.c.type, row.c.rid).join(_given, same)


_versions = union_all(_counted(t.resource), _counted(t.history)).subquery("versions")
_counts = Prepared(
    select(_versions.c.type, func.count(_versions.c.rid.distinct()), func.count(literal(1)))
    .group_by(_versions.c.type)
    .order_by(_versions.c.type)
)


def counts(connection: Connection, found: Iterable[Rows]) -> list[Count]:
    """How much there is of each type."""
    given = recordset.text({"child": each.child, "type": each.type, "rid": each.rid} for each in found)
    return [Count(*row) for row in _counts(connection, places=given)]
