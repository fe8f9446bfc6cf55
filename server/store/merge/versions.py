"""What is kept of some children, every version of it, and where it is to be kept."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
    false,
    func,
    literal_column,
    select,
    true,
    union,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.store import recordset, resources
from server.store import tables as t
from server.store.database import Prepared
from server.store.row import Stored

_AT_ONCE = 2000


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
    for _ in homes(connection, names):
        pass


def homes(connection: Connection, names: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str, int]]:
    """(type, id, child) of resources, each held until the transaction ends."""
    for some in pieces(names):
        yield from _hold(connection, names=recordset.text({"type": type_, "id": id_} for type_, id_ in some))


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


def pieces(all_: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """As many as go with one statement."""
    return (all_[at : at + _AT_ONCE] for at in range(0, len(all_), _AT_ONCE))
