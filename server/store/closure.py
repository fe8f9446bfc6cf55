"""Clients' closure tables: the codes that each of them was told of, and with which version."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from server.store import tables as t


class Named(NamedTuple):
    """A code of a table; `since` is the version that brought it in."""

    system: str
    code: str
    since: int


def begin(connection: Connection, client: str, name: str) -> None:
    """An empty table, whatever was in it."""
    connection.execute(delete(t.closure_concept).where(*_of(t.closure_concept, client, name)))
    line = insert(t.closure).values(client=client, name=name, version=0)
    connection.execute(line.on_conflict_do_update(constraint=t.closure.primary_key, set_={"version": 0}))


def version(connection: Connection, client: str, name: str) -> int | None:
    """Which it has reached; None: it was never begun. Nobody else adds to it until the transaction ends."""
    found = select(t.closure.c.version).where(*_of(t.closure, client, name)).with_for_update()
    reached: int | None = connection.execute(found).scalar_one_or_none()
    return reached


def codes(connection: Connection, client: str, name: str) -> Sequence[Named]:
    """All that are in it, in the order in which they came."""
    c = t.closure_concept.c
    found = select(c.system, c.code, c.since).where(*_of(t.closure_concept, client, name))
    return [Named(*row) for row in connection.execute(found.order_by(c.since, c.system, c.code))]


def add(connection: Connection, client: str, name: str, added: Iterable[Named], reached: int) -> None:
    """Further codes, none of which is in it, and the version that it is of with them."""
    lines = [{"client": client, "name": name, **each._asdict()} for each in added]
    if lines:
        connection.execute(insert(t.closure_concept), lines)
    connection.execute(update(t.closure).where(*_of(t.closure, client, name)).values(version=reached))


def _of(table: Table, client: str, name: str) -> tuple[ColumnElement[bool], ...]:
    return table.c.client == client, table.c.name == name
