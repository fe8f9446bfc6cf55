"""Where people are signed in: a row for each browser, of whose cookie only a hash is kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from server import clock
from server.store import tables

_session = tables.session

_KEPT = timedelta(days=30)
"""How long one that has ended is kept: its owner may ask where it was."""


@dataclass(frozen=True, slots=True)
class Session:
    """One browser of one person. `authenticated`: since when its owner is proven; None: a code is wanted."""

    id: str
    account: str
    created: datetime
    seen: datetime
    ends: datetime
    authenticated: datetime | None
    device: str
    address: str
    ended: datetime | None = None


_columns = [_session.c[name] for name in Session.__slots__]


def start(connection: Connection, session: Session, secret_hash: str) -> None:
    """Keep a new one, and no longer those that ended long ago."""
    connection.execute(delete(_session).where(_session.c.ends < clock.now() - _KEPT))
    values = {name: getattr(session, name) for name in Session.__slots__}
    connection.execute(insert(_session).values(secret_hash=secret_hash, **values))


def by_secret(connection: Connection, secret_hash: str, idle: timedelta) -> Session | None:
    """The live one whose cookie has this hash: neither ended, nor too old, nor idle for too long."""
    return _one(connection, (_session.c.secret_hash == secret_hash) & _live(idle))


def find(connection: Connection, id: str) -> Session | None:
    """One by its id, ended or not."""
    return _one(connection, _session.c.id == id)


def is_live(connection: Connection, id: str, idle: timedelta) -> bool:
    """Whether somebody is still signed in there: what was granted for as long as that goes by it."""
    return _one(connection, (_session.c.id == id) & _live(idle)) is not None


def of_account(connection: Connection, account: str, idle: timedelta) -> list[Session]:
    """Where a person is signed in now, the most recent first."""
    query = select(*_columns).where((_session.c.account == account) & _live(idle))
    proven = query.where(_session.c.authenticated.is_not(None)).order_by(_session.c.seen.desc())
    return [Session(**row._mapping) for row in connection.execute(proven)]


def touch(connection: Connection, id: str) -> None:
    """It was used just now."""
    connection.execute(update(_session).where(_session.c.id == id).values(seen=clock.now()))


def end(connection: Connection, id: str) -> bool:
    """Whether it was still there to be ended."""
    return bool(_end(connection, _session.c.id == id))


def end_all(connection: Connection, account: str, but: str = "") -> list[str]:
    """The ids of those that a person had, and has no longer, but for one."""
    return _end(connection, (_session.c.account == account) & (_session.c.id != but))


def _end(connection: Connection, which: ColumnElement[bool]) -> list[str]:
    live = which & _session.c.ended.is_(None)
    statement = update(_session).where(live).values(ended=clock.now()).returning(_session.c.id)
    return list(connection.execute(statement).scalars())


def _live(idle: timedelta) -> ColumnElement[bool]:
    now = clock.now()
    return _session.c.ended.is_(None) & (_session.c.ends > now) & (_session.c.seen > now - idle)


def _one(connection: Connection, which: ColumnElement[bool]) -> Session | None:
    row = connection.execute(select(*_columns).where(which)).one_or_none()
    return Session(**row._mapping) if row else None
