"""Versions that were written, present or past: what finds them, what they say, and who may see them now."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    FromClause,
    Integer,
    Select,
    SmallInteger,
    Text,
    and_,
    any_,
    false,
    func,
    literal,
    select,
    true,
    union_all,
)

from server.definition.library import library
from server.store import history, opening, recordset
from server.store import tables as t
from server.store.database import Prepared
from server.store.resources import View, columns, homes, of_view, stored
from server.store.row import Stored

Key = tuple[int, int, int]
"""(child, rid, version)."""

_PLACE = {"child": BigInteger(), "type": SmallInteger(), "rid": BigInteger(), "version": Integer()}
_places = recordset.recordset("places", _PLACE)


@dataclass(frozen=True, slots=True)
class Version:
    """A version as it lies there, whoever asks: its hashes, and not yet what it says."""

    child: int
    rid: int
    version: int
    type: int
    id: str
    author: int
    at: datetime
    deleted: bool
    tokens: frozenset[int]


def _of(row: FromClause) -> Select[Any]:
    """The rows at the places."""
    return select().select_from(_places.join(row, and_(*recordset.same(_places, row, *_PLACE))))


_now, _was = t.resource.alias("r"), t.history.alias("h")
_NAMES = ("child", "rid", "version", "type", "id", "author", "last_updated")
_versions = Prepared(
    union_all(
        _of(_now).add_columns(*(_now.c[name] for name in _NAMES), false().label("deleted"), _now.c.tok),
        _of(_was).add_columns(*(_was.c[name] for name in _NAMES), _was.c.deleted, _was.c.tok),
    )
)
_bodies = Prepared(
    union_all(*(_of(row).add_columns(*(row.c[name] for name in _NAMES), row.c.body) for row in (_now, _was)))
)


def versions(connection: Connection, places: Iterable[tuple[int, int, int, int]]) -> dict[Key, Version]:
    """Those at (child, type, rid, version); one that was moved or taken out meanwhile is not there."""
    found = []
    for row in _versions(connection, places=_given(places)):
        child, rid, version, type_, id_, author, at, deleted, tokens = row
        found.append(Version(child, rid, version, type_, id_, author, at, deleted, frozenset(tokens)))
    return {(each.child, each.rid, each.version): each for each in found}


_former = Prepared(
    select(t.former_home.c.child, t.former_home.c.rid, t.former_home.c.former).select_from(
        _places.join(t.former_home, and_(*recordset.same(_places, t.former_home, "child", "rid")))
    )
)


def formerly(
    connection: Connection, places: Iterable[tuple[int, int, int, int]]
) -> list[tuple[int, int, int]]:
    """(child, rid, the child that it was about before) of those at these places that were moved."""
    return [(child, rid, former) for child, rid, former in _former(connection, places=_given(places))]


def bodies(connection: Connection, places: Iterable[tuple[int, int, int, int]]) -> dict[Key, str]:
    """What they say, as JSON; nothing of a deletion."""
    return {
        (child, rid, version): opening.whole(library().type_name(type_), id_, version, at, body)
        for child, rid, version, type_, id_, _, at, body in _bodies(connection, places=_given(places))
        if len(body)
    }


def _given(places: Iterable[tuple[int, int, int, int]]) -> str:
    return recordset.text(dict(zip(("child", "type", "rid", "version"), one, strict=True)) for one in places)


# ---- who may see them --------------------------------------------------------------------------------------


@of_view()
def sight(view: View) -> Prepared:
    """Of the versions at `places` that are there: child, rid, version, whether the caller may see it and the
    present one, whether whole, and what of it is withheld."""
    row, was = t.partition(view.type).alias("r"), t.history.alias("h")
    present = history.present(was, view)
    live = _of(row).add_columns(
        row.c.child, row.c.rid, row.c.version,
        view.visible(row).label("visible"), view.whole(row).label("whole"), view.part(row).label("withheld"),
    )  # fmt: skip
    past = select(
        was.c.child, was.c.rid, was.c.version,
        func.coalesce(and_(view.visible(was), present.c.visible), false()).label("visible"),
        func.coalesce(and_(view.whole(was), present.c.whole), false()).label("whole"),
        func.coalesce(view.part(was).op("|")(present.c.withheld), literal(0, BigInteger)).label("withheld"),
    ).select_from(
        _places.join(was, and_(*recordset.same(_places, was, *_PLACE))).outerjoin(present, true())
    )  # fmt: skip
    return Prepared(union_all(live, past))


_named = recordset.recordset(
    "named", {"number": BigInteger(), "type": SmallInteger(), "id": Text(), "version": Integer()}
)


@of_view()
def named(view: View) -> Prepared:
    """The versions `named` (number, type, id, version) of one type that the caller may see, with the present
    one; wherever they lie now. Columns: the number, those of `stored`, deleted."""
    place, row, was = t.locator.alias("l"), t.partition(view.type).alias("r"), t.history.alias("h")
    present = history.present(was, view)
    here = _named.join(place, and_(*recordset.same(_named, place, "type", "id")))
    live = (
        select(_named.c.number, *columns(row, view), false().label("deleted"))
        .select_from(here.join(row, and_(*recordset.same(place, row, "child", "type", "rid"))))
        .where(row.c.version == _named.c.version, view.visible(row))
    )
    *plain, _, _ = columns(was, view)
    whole = and_(view.whole(was), present.c.whole).label("whole")
    part = view.part(was).op("|")(present.c.withheld).label("withheld")
    own = and_(was.c.child == any_(homes(place)), *recordset.same(place, was, "type", "rid"))
    past = (
        select(_named.c.number, *plain, whole, part, was.c.deleted)
        .select_from(here.join(was, own).join(present, true()))
        .where(was.c.version == _named.c.version, view.visible(was), present.c.visible)
    )
    return Prepared(union_all(live, past))


def seen(
    connection: Connection, view: View, type_: int, asked: Iterable[tuple[int, str, int]]
) -> dict[int, Stored]:
    """By number, the versions (number, id, version) of the view's type that its caller may see."""
    given = recordset.text(
        {"number": number, "type": type_, "id": id_, "version": version} for number, id_, version in asked
    )
    rows = named(view)(connection, named=given)
    return {row[0]: stored(view.type, row[1:]) for row in rows}


def sights(
    connection: Connection, view: View, type_: int, asked: Iterable[Key]
) -> dict[Key, tuple[bool, bool, int]]:
    """Of the versions that are there, whether the view's caller may see them, whether whole, what not."""
    rows = sight(view)(connection, places=_given((child, type_, rid, v) for child, rid, v in asked))
    return {
        (child, rid, version): (visible, whole, part) for child, rid, version, visible, whole, part in rows
    }
