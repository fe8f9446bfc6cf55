"""What was known of a child at a time, whoever wrote it: for working out who could see it then."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    Connection,
    SmallInteger,
    any_,
    bindparam,
    cast,
    func,
    not_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.definition.library import library
from server.store import history, opening
from server.store import tables as t
from server.store.database import Prepared
from server.store.tables.metadata import INSTANT


class Version(NamedTuple):
    """A version that was the present one. `created`: when the resource was first recorded; `is_first`:
    whether it is as it was then."""

    type: int
    rid: int
    version: int
    author: int
    restriction: int
    recorded: datetime
    body: bytes
    created: datetime
    is_first: bool


class Line(NamedTuple):
    """Of `sight`."""

    principal: int
    basis: int
    degree: int
    valid_from: datetime
    valid_until: datetime


def versions(connection: Connection, child: int, types: Sequence[int], at: datetime) -> list[Version]:
    """Those of some types that were the present ones at a time."""
    found = []
    for type_, id_, rid, version, author, restriction, recorded, body, first in _versions(
        connection, child=child, types=list(types), at=at
    ):
        whole = opening.whole(library().type_name(type_), id_, version, recorded, body)
        made = Version(
            type_,
            rid,
            version,
            author,
            restriction,
            recorded,
            whole.encode(),
            first or recorded,
            version == 1,
        )
        found.append(made)
    return found


def sights(connection: Connection, child: int) -> list[Line]:
    """Who sees a child, saw it, or is to see it."""
    return [Line(*row) for row in _sights(connection, child=child)]


def rid(connection: Connection, type_: int, id_: str) -> int | None:
    """The number of what has this id."""
    found = _rid(connection, type=type_, id=id_)
    return int(found[0][0]) if found else None


_types, _at = cast(bindparam("types"), ARRAY(SmallInteger)), cast(bindparam("at"), INSTANT)


def _statement() -> Prepared:
    now, was, first = t.resource.alias("r"), t.history.alias("h"), t.history.alias("f")
    names = ("type", "id", "rid", "version", "author", "restriction", "last_updated", "body")

    def begun(row: object) -> object:
        of = row.c  # type: ignore[attr-defined]
        same = (first.c.child == of.child, first.c.type == of.type, first.c.rid == of.rid)
        return select(func.min(first.c.last_updated)).where(*same).correlate(row).scalar_subquery()  # type: ignore[arg-type]

    still = select(*(now.c[name] for name in names), begun(now).label("first")).where(  # type: ignore[attr-defined]
        now.c.child == bindparam("child"), now.c.type == any_(_types), now.c.last_updated <= _at
    )
    gone = select(*(was.c[name] for name in names), begun(was).label("first")).where(  # type: ignore[attr-defined]
        was.c.child == bindparam("child"), was.c.type == any_(_types), was.c.last_updated <= _at,
        not_(was.c.deleted), history.replaced(was) > _at,
    )  # fmt: skip
    return Prepared(still.union_all(gone))


_versions = _statement()
_sights = Prepared(
    select(*(t.sight.c[name] for name in Line._fields)).where(t.sight.c.child == bindparam("child"))
)
_rid = Prepared(
    select(t.locator.c.rid).where(t.locator.c.type == bindparam("type"), t.locator.c.id == bindparam("id"))
)
