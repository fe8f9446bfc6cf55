"""What is kept of some children, every version of it, and how it comes to be kept with others.

The row of a child is never moved by an UPDATE: it is deleted there and inserted here, with all that finds it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Select,
    SmallInteger,
    Table,
    Text,
    all_,
    and_,
    any_,
    bindparam,
    case,
    cast,
    delete,
    false,
    func,
    literal,
    literal_column,
    select,
    true,
    union,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from server.store import recordset, resources
from server.store import tables as t
from server.store.database import Prepared
from server.store.row import Stored

_AT_ONCE = 2000

ALONG: tuple[Table, ...] = (
    t.string_index, t.date_index, t.number_index, t.text_index, t.identifier, t.claim, t.decision,
    t.likeness, t.blocking, t.superseded,
)  # fmt: skip
"""What finds a present version, or is said by it: goes with it as it is."""

OF_VERSIONS: tuple[Table, ...] = (t.context, t.outbox)
"""Rows of single versions."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version, present or past, as far as it matters whose it is."""

    child: int
    type: int
    rid: int
    version: int
    id: str
    present: bool
    kind: int
    others: tuple[int, ...]
    tokens: frozenset[int]
    last_updated: datetime


@dataclass(frozen=True, slots=True)
class Placing:
    """Where a version is to be kept, with which hashes. `unlist` and `list_`: those that are listed across
    children no more, and from now on."""

    version: Version
    child: int
    others: tuple[int, ...]
    tokens: frozenset[int]
    unlist: Sequence[int]
    list_: Sequence[int]

    @property
    def moves(self) -> bool:
        """Whether it is kept with another child from now on."""
        return self.child != self.version.child

    @property
    def is_new(self) -> bool:
        """Whether anything changes."""
        was = self.version
        return (self.child, self.others, self.tokens) != (was.child, tuple(sorted(was.others)), was.tokens)


# ---- what there is -----------------------------------------------------------------------------------------

_roots = cast(bindparam("roots"), ARRAY(BigInteger))
_r, _h = t.resource.alias("r"), t.history.alias("h")
_spoken = select(t.about.c.other).where(*recordset.same(t.about, _r, "child", "rid")).correlate(_r)
_kept = ("child", "type", "rid", "version", "id")


def _columns(row: FromClause, others: ColumnElement[Any], *, present: bool) -> Select[Any]:
    said = true() if present else false()
    return select(
        *(row.c[name] for name in _kept), said.label("present"), row.c.kind, others.label("others"),
        row.c.tok, row.c.last_updated,
    )  # fmt: skip


_now = _columns(_r, func.array(_spoken.scalar_subquery(), type_=ARRAY(BigInteger)), present=True)
_was = _columns(_h, _h.c.others, present=False)
_speaking = t.about.alias("speaking")
_of_others = _now.join(_speaking, and_(*recordset.same(_speaking, _r, "child", "rid")))
_was_of_others = and_(func.cardinality(_h.c.others) > literal_column("0"), _h.c.others.overlap(_roots))
_every = Prepared(
    union_all(
        _now.where(_r.c.child == any_(_roots)),
        _of_others.where(_speaking.c.other == any_(_roots), _r.c.child != all_(_roots)).distinct(),
        _was.where(_h.c.child == any_(_roots)),
        _was.where(_was_of_others, _h.c.child != all_(_roots)),
    )
)


def of(connection: Connection, roots: Collection[int]) -> list[Version]:
    """Every version that is kept with one of these children, or speaks of one."""
    return [
        Version(*given)
        for row in _every(connection, roots=sorted(roots))
        for given in [(*row[:7], tuple(row[7]), frozenset(row[8]), row[9])]
    ]


_l = t.locator
_names = recordset.recordset("names", {"type": SmallInteger(), "id": Text()})
_hold = Prepared(
    select(_l.c.type, _l.c.id, _l.c.child)
    .join(_names, and_(_l.c.type == _names.c.type, _l.c.id == _names.c.id))
    .order_by(_l.c.id, _l.c.type)
    .with_for_update(of=_l)
)


_ids = Prepared(
    union(
        select(_r.c.type, _r.c.id).where(_r.c.child == any_(_roots)),
        select(_r.c.type, _r.c.id)
        .join(_speaking, and_(*recordset.same(_speaking, _r, "child", "rid")))
        .where(_speaking.c.other == any_(_roots)),
        select(_h.c.type, _h.c.id).where(_h.c.child == any_(_roots)),
    )
)


def hold(connection: Connection, roots: Collection[int]) -> None:
    """Nobody writes what is kept with these children, or speaks of them, before the transaction ends; who was
    writing has ended."""
    names = sorted(((row[0], row[1]) for row in _ids(connection, roots=sorted(roots))), key=lambda n: n[::-1])
    for some in _pieces(names):
        _hold(connection, names=recordset.text({"type": type_, "id": id_} for type_, id_ in some))


_own = (_l.c[name] == bindparam(name) for name in ("type", "id"))
_place_of = Prepared(select(_l.c.child, _l.c.rid).where(*_own))


def place_of(connection: Connection, type_: int, id_: str) -> tuple[int, int]:
    """(child, rid) of a resource that is there."""
    [(child, rid)] = _place_of(connection, type=type_, id=id_)
    return child, rid


_body = Prepared(
    select(
        t.history.c.id, t.history.c.child, t.history.c.rid, t.history.c.version, t.history.c.last_updated,
        t.history.c.body, t.history.c.author,
    ).where(*(t.history.c[name] == bindparam(name) for name in ("child", "type", "rid", "version")))
)  # fmt: skip


def past(
    connection: Connection, type_: str, number: int, child: int, rid: int, version: int
) -> Stored | None:
    """A former version, whoever asks."""
    rows = _body(connection, child=child, type=number, rid=rid, version=version)
    return resources.stored(type_, rows[0]) if rows else None


# ---- to be kept elsewhere ----------------------------------------------------------------------------------

_new = recordset.recordset(
    "new",
    {
        "child": BigInteger(), "type": SmallInteger(), "rid": BigInteger(), "version": Integer(),
        "to": BigInteger(), "others": ARRAY(BigInteger), "tok": ARRAY(BigInteger), "moves": Boolean(),
        "unlist": ARRAY(BigInteger), "list": ARRAY(BigInteger),
    },
)  # fmt: skip
_nothing = select(literal(1))


def _again(table: Table, same: Sequence[str], given: Mapping[str, ColumnElement[Any]]) -> tuple[CTE, CTE]:
    """The rows of a table taken out and put in again, with these columns new."""
    names = [c.name for c in table.columns]
    out = (
        delete(table)
        .where(*recordset.same(table, _new, *same))
        .returning(*table.c, *(value.label(f"new_{name}") for name, value in given.items()))
        .cte(f"{table.name}_out")
    )
    back = select(*(out.c[f"new_{name}" if name in given else name] for name in names))
    return out, insert(table).from_select(names, back).cte(f"{table.name}_in")


_PLACE = ("child", "type", "rid")
_at = func.coalesce(t.resource.c.date_low, t.resource.c.last_updated)
_live = t.resource.join(_new, and_(*recordset.same(t.resource, _new, *_PLACE)))
_facet = t.facet
_unlisted = (
    select(
        func.unnest(case((_new.c.moves, t.resource.c.tok), else_=_new.c.unlist)).label("h"),
        _at.label("at"), t.resource.c.rid, t.resource.c.child, _new.c.to, _new.c.unlist.label("unlist"),
    ).select_from(_live).subquery("unlisted")
)  # fmt: skip
_facets_out = (
    delete(_facet)
    .where(*recordset.same(_facet, _unlisted, "h", "at", "rid", "child"))
    .returning(_facet.c.h, _facet.c.at, _facet.c.rid, _unlisted.c.to, _unlisted.c.unlist)
    .cte("facet_out")
)
_kept_facets = select(_facets_out.c.h, _facets_out.c.at, _facets_out.c.rid, _facets_out.c.to).where(
    _facets_out.c.h != all_(_facets_out.c.unlist)
)
_new_facets = select(func.unnest(_new.c.list), _at, t.resource.c.rid, _new.c.to).select_from(_live)
_facets = Prepared(
    _nothing.add_cte(
        insert(_facet)
        .from_select(["h", "at", "rid", "child"], union_all(_kept_facets, _new_facets))
        .on_conflict_do_nothing()
        .cte("facet_in")
    )
)
_shared = {"child": _new.c.to, "tok": _new.c.tok, "shared": func.cardinality(_new.c.others) > 0}
_present = Prepared(_nothing.add_cte(*_again(t.resource, _PLACE, _shared)))
_said = {"child": _new.c.to, "tok": _new.c.tok, "others": _new.c.others}
_past = Prepared(_nothing.add_cte(*_again(t.history, (*_PLACE, "version"), _said)))

_about_out = delete(t.about).where(*recordset.same(t.about, _new, "child", "rid"))
_unspoken = Prepared(_nothing.add_cte(_about_out.cte("about_out")))
_speaks = select(_new.c.to, _new.c.rid, func.unnest(_new.c.others))
_spoken_of = Prepared(
    _nothing.add_cte(insert(t.about).from_select(["child", "rid", "other"], _speaks).cte("about_in"))
)


def _along(table: Table, *same: str) -> Prepared:
    """What goes with a row that moves. Where another of the child has the same claim, it stays behind."""
    taken = t.claim.alias("taken")
    free: ColumnElement[bool] = true()
    if table is t.claim:
        own = (taken.c.child == _new.c.to, taken.c.claim == table.c.claim)
        free = ~select(literal(1)).where(*own).exists()
    names = [c.name for c in table.columns]
    out = (
        delete(table)
        .where(*recordset.same(table, _new, *same), _new.c.moves, free)
        .returning(*table.c, _new.c.to)
        .cte("out")
    )
    back = select(*(out.c["to" if name == "child" else name] for name in names))
    put = insert(table).from_select(names, back).on_conflict_do_nothing()
    return Prepared(_nothing.add_cte(put.cte("back")))


_going = [_along(table, "child", "rid") for table in ALONG]
_going_of_versions = [_along(table, "child", "rid", "version") for table in OF_VERSIONS]


def place(connection: Connection, placings: Iterable[Placing]) -> None:
    """Keep each version where it belongs."""
    new = [each for each in placings if each.is_new]
    for some in _pieces([each for each in new if each.version.present]):
        given = recordset.text(map(_values, some))
        _facets(connection, new=given)
        _unspoken(connection, new=given)
        _present(connection, new=given)
        _spoken_of(connection, new=given)
        moving = [each for each in some if each.moves]
        if moving:
            _send(connection, _going, moving)
    for some in _pieces([each for each in new if not each.version.present]):
        _past(connection, new=recordset.text(map(_values, some)))
    for some in _pieces([each for each in new if each.moves]):
        _send(connection, _going_of_versions, some)


def _send(connection: Connection, statements: Iterable[Prepared], moving: Iterable[Placing]) -> None:
    given = recordset.text(map(_where, moving))
    for statement in statements:
        statement(connection, new=given)


def _where(each: Placing) -> dict[str, Any]:
    was = each.version
    return {
        "child": was.child, "type": was.type, "rid": was.rid, "version": was.version, "to": each.child,
        "moves": each.moves,
    }  # fmt: skip


def _values(each: Placing) -> dict[str, Any]:
    return {
        **_where(each), "others": each.others, "tok": sorted(each.tokens), "unlist": each.unlist,
        "list": each.list_,
    }  # fmt: skip


# ---- where they are found ----------------------------------------------------------------------------------

_homes = recordset.recordset(
    "homes", {"type": SmallInteger(), "id": Text(), "child": BigInteger(), "rid": BigInteger()}
)
_locate = Prepared(
    update(_l)
    .where(_l.c.type == _homes.c.type, _l.c.id == _homes.c.id, _l.c.child != _homes.c.child)
    .values(child=_homes.c.child)
)
_f = t.former_home
_former = recordset.recordset(
    "former", {"child": BigInteger(), "rid": BigInteger(), "former": BigInteger(), "kept": Boolean()}
)
_forget_former = Prepared(delete(_f).where(*recordset.same(_f, _former, "child", "rid", "former")))
_keep_former = Prepared(
    insert(_f)
    .from_select(
        ["child", "rid", "former"],
        select(_former.c.child, _former.c.rid, _former.c.former).where(_former.c.kept).distinct(),
    )
    .on_conflict_do_nothing()
)
_former_of = Prepared(select(_f.c.child, _f.c.rid, _f.c.former).where(_f.c.child == any_(_roots)))


def locate(connection: Connection, placings: Sequence[Placing]) -> None:
    """Let each resource be found from its id: the present version, and those that it had with other
    children."""
    last: dict[int, Placing] = {}
    for each in placings:
        if each.version.rid not in last or each.version.version > last[each.version.rid].version.version:
            last[each.version.rid] = each
    listed = dict(_listed(connection, last.values()))
    # The latest version may be about another child altogether, which was not asked about.
    homes = {
        rid: each.child if listed[rid] == each.version.child else listed[rid]
        for rid, each in last.items()
        if rid in listed
    }
    moved = [each for rid, each in last.items() if homes.get(rid, each.child) != listed.get(rid, each.child)]
    for some in _pieces(moved):
        rows = (
            {"type": each.version.type, "id": each.version.id, "rid": each.version.rid, "child": each.child}
            for each in some
        )
        _locate(connection, homes=recordset.text(rows))
    _remember(connection, placings, listed, homes)


def _listed(connection: Connection, some: Iterable[Placing]) -> Iterator[tuple[int, int]]:
    """(rid, child) as the directory has them."""
    by_name = {(each.version.type, each.version.id): each.version.rid for each in some}
    for piece in _pieces(sorted(by_name)):
        rows = _hold(connection, names=recordset.text({"type": type_, "id": id_} for type_, id_ in piece))
        yield from ((by_name[type_, id_], child) for type_, id_, child in rows)


def _remember(
    connection: Connection, placings: Sequence[Placing], listed: dict[int, int], homes: dict[int, int]
) -> None:
    """Under which other children there are versions."""
    known = [
        row
        for row in _former_of(connection, roots=sorted(set(listed.values())))
        if row[1] in homes and row[0] == listed[row[1]]
    ]
    several = {row[1] for row in known}
    several |= {
        each.version.rid for each in placings if homes.get(each.version.rid, each.child) != each.child
    }
    some_of = [each for each in placings if each.version.rid in several]
    moved = {(each.version.rid, each.version.child): set[int]() for each in some_of}
    former: set[tuple[int, int]] = set()
    for each in some_of:
        moved[each.version.rid, each.version.child].add(each.child)
        former.add((each.version.rid, each.child))
    rows = []
    for child, rid, home in known:
        rows.append({"child": child, "rid": rid, "former": home, "kept": False})
        # What was not asked about stays where it was.
        former |= {(rid, each) for each in moved.get((rid, home), {home})}
    keeping = [
        {"child": homes[rid], "rid": rid, "former": home, "kept": True}
        for rid, home in sorted(former)
        if rid in homes and home != homes[rid]
    ]
    for statement, lines in ((_forget_former, rows), (_keep_former, keeping)):
        for piece in _pieces(lines):
            statement(connection, former=recordset.text(piece))


# ---- what there is of a child ------------------------------------------------------------------------------

_kinds = recordset.recordset("kinds", {"child": BigInteger(), "type": SmallInteger(), "kind": SmallInteger()})
_unpresent = Prepared(delete(t.presence).where(t.presence.c.child == any_(_roots)))
_be_present = Prepared(
    insert(t.presence)
    .from_select(["child", "type", "kind"], select(_kinds.c.child, _kinds.c.type, _kinds.c.kind))
    .on_conflict_do_nothing()
)


def count(connection: Connection, roots: Collection[int], placings: Iterable[Placing]) -> None:
    """Which classes of resource each child has, or had."""
    some = {(each.child, each.version.type, each.version.kind) for each in placings if each.child in roots}
    _unpresent(connection, roots=sorted(roots))
    rows = ({"child": child, "type": type_, "kind": kind} for child, type_, kind in sorted(some))
    _be_present(connection, kinds=recordset.text(rows))


_left = t.resource.alias("left")
_stale = Prepared(
    delete(t.claim).where(
        t.claim.c.child == any_(_roots),
        ~select(literal(1)).where(*recordset.same(_left, t.claim, "child", "rid")).exists(),
    )
)


def drop_claims(connection: Connection, roots: Collection[int]) -> None:
    """Those that stayed behind when others had them, and whose resource has gone since."""
    _stale(connection, roots=sorted(roots))


_claiming = cast(bindparam("patients"), ARRAY(BigInteger))
_claims = Prepared(
    update(t.identity)
    .where(t.identity.c.child == any_(_roots), t.identity.c.rid == any_(_claiming))
    .values(child=cast(bindparam("to"), BigInteger))
)


def claim(connection: Connection, roots: Collection[int], to: int, patients: Iterable[int]) -> None:
    """What these Patients claim is that child's."""
    _claims(connection, roots=sorted(roots), to=to, patients=sorted(patients))


def _pieces(all_: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (all_[at : at + _AT_ONCE] for at in range(0, len(all_), _AT_ONCE))
