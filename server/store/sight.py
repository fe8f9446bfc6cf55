"""Who sees whom beside what the resources say: a child that was traced may be referred to for a day."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Connection, any_, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from server.store import tables as t
from server.store.database import Prepared

TRACED, NAMED = 1, 3
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


def spend(connection: Connection, principal: str, what: str, at: datetime) -> int:
    """Count one more of `what` in this hour; how many there have been."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    line = insert(t.allowance).values(principal=principal, what=what, hour=hour, used=1)
    counted = line.on_conflict_do_update(
        constraint=t.allowance.primary_key, set_={"used": t.allowance.c.used + 1}
    ).returning(t.allowance.c.used)
    return int(connection.execute(counted).scalar_one())
