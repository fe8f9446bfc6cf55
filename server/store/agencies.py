"""The numbers by which rows name agencies, and whether anybody may act for them."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from server import clock
from server.store import tables as t


def numbers(connection: Connection, codes: Iterable[str]) -> dict[str, int]:
    """code → number; a code that has none gets the next one, for good."""
    wanted = list(codes)
    connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    known = {row.code: row.number for row in connection.execute(select(t.agency))}
    following = max(known.values(), default=0) + 1
    for code in wanted:
        if code not in known:
            connection.execute(t.agency.insert().values(number=following, code=code))
            known[code] = following
            following += 1
    return {code: known[code] for code in wanted}


def number(connection: Connection, code: str) -> int:
    """The number of an agency; 0 if it has none."""
    query = select(t.agency.c.number).where(t.agency.c.code == code)
    return connection.execute(query).scalar_one_or_none() or 0


def suspended(connection: Connection) -> dict[str, datetime]:
    """Since when the agencies are suspended that are."""
    query = select(t.agency.c.code, t.agency.c.suspended).where(t.agency.c.suspended.is_not(None))
    return {row.code: row.suspended for row in connection.execute(query)}


def suspend(connection: Connection, code: str, at: datetime | None) -> bool:
    """Whether there is such an agency, for which nobody acts from then on; None: some may again."""
    statement = update(t.agency).where(t.agency.c.code == code).values(suspended=at)
    return connection.execute(statement.returning(t.agency.c.code)).one_or_none() is not None


def is_suspended(connection: Connection, code: str) -> bool:
    """Whether nobody may act for it."""
    held = (t.agency.c.code == code) & t.agency.c.suspended.is_not(None)
    return connection.scalar(select(t.agency.c.code).where(held)) is not None


def revoke(connection: Connection, code: str) -> bool:
    """Whether there is such an agency: tokens that its systems had until now are good no more."""
    statement = update(t.agency).where(t.agency.c.code == code).values(revoked=clock.now())
    return connection.execute(statement.returning(t.agency.c.code)).one_or_none() is not None


_LOCK = 0x5C_00_01
