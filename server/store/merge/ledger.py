"""Which Patients were merged into which, by whom and why, and what is needed to undo it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_ as or_bits

import msgspec
from sqlalchemy import (
    BigInteger,
    Connection,
    SmallInteger,
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

    `source` and `target`: the versions that the merge made of the two Patients, `undone` those that were made
    when it was undone. `sights` and `holds`: those of the source, `met` those of the target; `labels`: the
    bits of the target's, `borne` those of the source's. `identifiers`: that the target was given, as (system,
    value).
    """

    source: int
    target: int
    sights: tuple[Line, ...] = ()
    met: tuple[Line, ...] = ()
    holds: tuple[str, ...] = ()
    labels: int = 0
    identifiers: tuple[tuple[str, str], ...] = ()
    borne: int = 0
    undone: tuple[int, int] = (0, 0)

    @property
    def given(self) -> int:
        """The bits of the labels that the target was given."""
        return self.borne & ~self.labels


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


def undo(
    connection: Connection, merge: Merge, at: datetime, reason: str | None, versions: tuple[int, int]
) -> None:
    """Keep that it was undone. `versions`: that this makes of the source and of the target."""
    own = (_m.c.child == merge.child, _m.c.id == merge.id)
    before = msgspec.to_builtins(msgspec.structs.replace(merge.before, undone=versions))
    connection.execute(update(_m).where(*own).values(undone=at, undone_reason=reason, before=before))


_of = cast(bindparam("rid"), BigInteger)
_ever = Prepared(select(_m.c.child, _m.c.before).where(or_(_m.c.child == _of, _m.c.source == _of)))


def made(connection: Connection, rid: int) -> set[int]:
    """The versions of a Patient that merges made, and that undoing them made."""
    found = set[int]()
    for child, told in _ever(connection, rid=rid):
        before = msgspec.convert(told, Before)
        target = child == rid
        found |= {before.target if target else before.source, before.undone[target]}
    return found


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


def given(connection: Connection, patient: int) -> int:
    """The bits of the labels that a Patient has from those that were merged into it."""
    into = (each.before.given for each in live(connection, [patient]) if each.child == patient)
    return reduce(or_bits, into, 0)


# ---- of several --------------------------------------------------------------------------------------------


def members(connection: Connection, child: int) -> tuple[int, ...]:
    """The Patients that are this child, itself first."""
    into = {each.source: each.child for each in live(connection, [child])}
    return (child, *(source for source in sorted(into) if _root(into, source) == child))


def roots(connection: Connection, patients: Collection[int]) -> dict[int, tuple[int, str]]:
    """By Patient that is merged into another: the child that it is, and its own id."""
    merges = live(connection, patients)
    into = {each.source: each.child for each in merges}
    return {each.source: (_root(into, each.source), each.source_id) for each in merges}


def _root(into: Mapping[int, int], patient: int) -> int:
    while patient in into:
        patient = into[patient]
    return patient
