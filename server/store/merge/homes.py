"""Where what is kept of some children is found: from ids, by what they have, by what they claim."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    SmallInteger,
    Text,
    any_,
    bindparam,
    cast,
    delete,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from server.store import recordset
from server.store import tables as t
from server.store.database import Prepared
from server.store.merge import versions
from server.store.merge.versions import Placing, pieces

_roots = cast(bindparam("roots"), ARRAY(BigInteger))
_l = t.locator

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
    for some in pieces(moved):
        rows = (
            {"type": each.version.type, "id": each.version.id, "rid": each.version.rid, "child": each.child}
            for each in some
        )
        _locate(connection, homes=recordset.text(rows))
    _remember(connection, placings, listed, homes)


def _listed(connection: Connection, some: Iterable[Placing]) -> Iterator[tuple[int, int]]:
    """(rid, child) as the directory has them."""
    by_name = {(each.version.type, each.version.id): each.version.rid for each in some}
    found = versions.homes(connection, sorted(by_name))
    yield from ((by_name[type_, id_], child) for type_, id_, child in found)


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
        for piece in pieces(lines):
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
