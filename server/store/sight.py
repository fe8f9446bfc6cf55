"""Who sees whom beside what the resources say: a child that was traced may be referred to for a day."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Connection, all_, and_, any_, bindparam, cast, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from server.store import tables as t
from server.store.database import Prepared
from server.store.row import DENIED, Sighting

TRACED, INVOLVED, NAMED = 1, 2, 3
TRACE_LASTS = timedelta(days=1)

_traced = Prepared(
    select(t.sight.c.child).where(
        t.sight.c.principal == bindparam("principal"),
        t.sight.c.child == any_(cast(bindparam("children"), ARRAY(BigInteger))),
        t.sight.c.basis == 0,
        t.sight.c.valid_until > func.now(),
    )
)


def traced(connection: Connection, principal: int, children: Iterable[int]) -> set[int]:
    """Those of the children that the principal traced of late."""
    return {row[0] for row in _traced(connection, principal=principal, children=list(children))}


_named = Prepared(
    select(t.sight.c.child).where(
        t.sight.c.principal == bindparam("principal"),
        t.sight.c.child == bindparam("child"),
        t.sight.c.degree == NAMED,
        t.sight.c.valid_until > func.now(),
    )
)


def named(connection: Connection, principal: int, child: int) -> bool:
    """Whether the principal is one of those named for a restricted child."""
    return bool(_named(connection, principal=principal, child=child))


def trace(connection: Connection, principal: int, child: int, at: datetime) -> None:
    """Keep that the principal knows the child exists: it may now write what brings it in."""
    until = at + TRACE_LASTS
    line = insert(t.sight).values(
        child=child, principal=principal, basis=0, degree=TRACED, valid_from=at, valid_until=until
    )
    again = line.on_conflict_do_update(constraint=t.sight.primary_key, set_={"valid_until": until})
    connection.execute(again)


def add(connection: Connection, child: int, basis: int, seen: Sighting) -> None:
    """Let somebody see a child because of what is no resource."""
    line = insert(t.sight).values(child=child, basis=basis, **asdict(seen))
    connection.execute(line)


_closest = Prepared(
    select(t.sight.c.principal, func.max(t.sight.c.degree))
    .where(
        t.sight.c.child == bindparam("child"),
        t.sight.c.principal > 0,
        t.sight.c.degree.between(INVOLVED, NAMED),
        t.sight.c.valid_from <= func.now(),
        t.sight.c.valid_until > func.now(),
    )
    .group_by(t.sight.c.principal)
)


def closest(connection: Connection, child: int) -> list[int]:
    """The agencies that are named for a child; where none is, those that work with it."""
    rows = _closest(connection, child=child)
    named = [principal for principal, degree in rows if degree == NAMED]
    return sorted(named or [principal for principal, _ in rows])


_d = t.decision
_kept_from = Prepared(
    select(_d.c.rid)
    .where(
        _d.c.child == bindparam("child"),
        _d.c.effect == DENIED,
        _d.c.type == bindparam("type"),
        or_(
            _d.c.principal == any_(cast(bindparam("principals"), ARRAY(BigInteger))),
            and_(_d.c.principal == 0, bindparam("agency", type_=BigInteger) != all_(_d.c.spared)),
        ),
        _d.c.valid_from <= func.now(),
        _d.c.valid_until > func.now(),
    )
    .limit(1)
)


def kept_from(connection: Connection, agency: int, people: Iterable[int], child: int, patient: int) -> bool:
    """Whether it was decided that the agency, or these people who ask for it, are not to know of the child at
    all. `patient`: the number of that type."""
    principals = [agency, *people]
    return bool(_kept_from(connection, agency=agency, principals=principals, child=child, type=patient))


def spend(connection: Connection, principal: str, what: str, at: datetime) -> int:
    """Count one more of `what` in this hour; how many there have been."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    line = insert(t.allowance).values(principal=principal, what=what, hour=hour, used=1)
    counted = line.on_conflict_do_update(
        constraint=t.allowance.primary_key, set_={"used": t.allowance.c.used + 1}
    ).returning(t.allowance.c.used)
    return int(connection.execute(counted).scalar_one())
