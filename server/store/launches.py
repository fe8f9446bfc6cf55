"""What an agency's system told before it opened an app: the child it is about, the encounter, the intent."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from server import clock
from server.fhir import Json
from server.store import tables
from server.store.fingerprint import fingerprint

LIFETIME = timedelta(minutes=5)

_launch = tables.launch


@dataclass(frozen=True, slots=True)
class Launch:
    """`client`, `account`: the app and the user that it is for; None: any of the agency."""

    agency: str
    client: str | None
    account: str | None
    context: Json
    expires: datetime


_columns = [_launch.c[name] for name in Launch.__slots__]


def add(connection: Connection, id: str, launch: Launch) -> None:
    """Keep it under an id that nobody can guess, and forget those that have ended."""
    connection.execute(delete(_launch).where(_launch.c.expires < clock.now()))
    values = {name: getattr(launch, name) for name in Launch.__slots__}
    connection.execute(insert(_launch).values(hash=fingerprint(id), **values))


def find(connection: Connection, id: str) -> Launch | None:
    """One that has neither ended nor led to a code."""
    query = select(*_columns).where(
        _launch.c.hash == fingerprint(id), _launch.c.expires > clock.now(), _launch.c.used.is_(None)
    )
    row = connection.execute(query).one_or_none()
    return Launch(*row) if row else None


def use(connection: Connection, hash: str) -> bool:
    """Whether it leads to a code for the first time."""
    fresh = (_launch.c.hash == hash) & _launch.c.used.is_(None)
    statement = update(_launch).where(fresh).values(used=clock.now()).returning(_launch.c.hash)
    return connection.execute(statement).one_or_none() is not None
