"""Which Patients were merged into which, by whom and why, and what is needed to undo it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import (
    BigInteger,
    Connection,
    SmallInteger,
    and_,
    any_,
    bindparam,
    cast,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.store import tables as t
from server.store.database import Prepared
from server.store.row import MERGED


class Line(msgspec.Struct, frozen=True):
    """A line of `sight` as it was."""

    principal: int
    basis: int
    degree: int
    valid_from: datetime
    valid_until: datetime


class Before(msgspec.Struct, frozen=True):
    """What was there before a merge.

    `source` and `target`: the versions that the merge made of the two Patients. `sights` and `holds`: those
    of the source, `met` those of the target; `labels`: the bits of the target's. `identifiers`: that the
    target was given, as (system, value).
    """

    source: int
    target: int
    sights: tuple[Line, ...] = ()
    met: tuple[Line, ...] = ()
    holds: tuple[str, ...] = ()
    labels: int = 0
    identifiers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Merge:
    """`child`: the number of the Patient that `source` was merged into."""

    child: int
    source: int
    id: str
    source_id: str
    target_id: str
    before: Before
    reason: str | None
    merged: datetime
    agency: int
    client: str
    account: str | None = None


_m = t.merge
_COLUMNS = [_m.c[name] for name in Merge.__slots__]
_some = cast(bindparam("some"), ARRAY(BigInteger))
_live = Prepared(
    select(*_COLUMNS)
    .where(_m.c.undone.is_(None), or_(_m.c.child == any_(_some), _m.c.source == any_(_some)))
    .order_by(_m.c.child, _m.c.id)
)


def add(connection: Connection, merge: Merge) -> None:
    """Keep that it was done."""
    values = {name: getattr(merge, name) for name in Merge.__slots__}
    values["before"] = msgspec.to_builtins(merge.before)
    connection.execute(insert(_m).values(**values))


def undo(connection: Connection, merge: Merge, at: datetime, reason: str | None) -> None:
    """Keep that it was undone."""
    own = (_m.c.child == merge.child, _m.c.id == merge.id)
    connection.execute(update(_m).where(*own).values(undone=at, undone_reason=reason))


def forget(connection: Connection, patients: Collection[int]) -> None:
    """Of Patients that are taken out for good nothing is told."""
    some = sorted(patients)
    connection.execute(delete(_m).where(or_(_m.c.child.in_(some), _m.c.source.in_(some))))


def live(connection: Connection, patients: Iterable[int]) -> list[Merge]:
    """The merges that hold, of these Patients and of all that they are one child with."""
    known: set[int] = set()
    asked = set(patients)
    found: dict[tuple[int, str], Merge] = {}
    while asked:
        rows = _live(connection, some=sorted(asked))
        known |= asked
        for row in rows:
            given = (*row[:5], msgspec.convert(row[5], Before), *row[6:])
            merge = Merge(*given)
            found[merge.child, merge.id] = merge
        asked = {rid for each in found.values() for rid in (each.child, each.source)} - known
    return list(found.values())


_p = t.resource_patient
_held = _p.c.restriction.op("&")(~MERGED)
_flag = Prepared(
    update(_p)
    .where(
        _p.c.child == _p.c.rid,
        _p.c.child == any_(cast(bindparam("roots"), ARRAY(BigInteger))),
    )
    .values(restriction=_held.op("|")(cast(bindparam("bit"), SmallInteger)))
)


def flag(connection: Connection, roots: Collection[int], *, merged: bool) -> None:
    """Say on Patients that others were merged into them, or no longer."""
    _flag(connection, roots=sorted(roots), bit=MERGED if merged else 0)


_bits = Prepared(
    select(_p.c.restriction).where(*(_p.c[name] == bindparam(name) for name in ("child", "rid")))
)


def bits(connection: Connection, child: int, rid: int) -> int:
    """What is said of a Patient by bits."""
    rows = _bits(connection, child=child, rid=rid)
    return int(rows[0][0]) if rows else 0


_claims = Prepared(
    select(t.identity.c.system, t.identity.c.value).where(
        and_(t.identity.c.child == bindparam("child"), t.identity.c.rid != bindparam("rid"))
    )
)


def claims_of_others(connection: Connection, child: int, rid: int) -> set[tuple[str, str]]:
    """What the other Patients of a child claim."""
    return {(row[0], row[1]) for row in _claims(connection, child=child, rid=rid)}
