"""Facts about the database itself, each kept under a name: which key it was written with, what was loaded."""

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from server.store import tables as t


def keep(connection: Connection, name: str, value: str) -> str:
    """Write a fact down unless there is one of that name; the one that stands."""
    connection.execute(insert(t.setting).values(name=name, value=value).on_conflict_do_nothing())
    found: str = connection.execute(select(t.setting.c.value).where(t.setting.c.name == name)).scalar_one()
    return found


def put(connection: Connection, name: str, value: str) -> None:
    """Write a fact down, whatever stood there."""
    line = insert(t.setting).values(name=name, value=value)
    connection.execute(line.on_conflict_do_update(constraint=t.setting.primary_key, set_={"value": value}))


def get(connection: Connection, name: str) -> str | None:
    """A fact, if it was ever written down."""
    return connection.execute(select(t.setting.c.value).where(t.setting.c.name == name)).scalar_one_or_none()
