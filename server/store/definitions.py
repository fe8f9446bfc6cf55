"""The definitions among the resources that take effect though they do not ship with the server."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from server import clock
from server.definition.overlay import Text
from server.store import marks, opening
from server.store import tables as t
from server.store.parameters import DEFINITIONS


def changed(connection: Connection) -> None:
    """Let everybody look again."""
    marks.put(connection, DEFINITIONS, clock.new_id())


def every(
    connection: Connection, types: Mapping[int, str], shipped_by: int, known: Iterable[Text] = ()
) -> list[Text]:
    """All of these types (number → name) whose author is another; what is `known` is not read again."""
    row = t.resource
    wanted = (row.c.type.in_(types), row.c.author != shipped_by)
    found = connection.execute(select(row.c.type, row.c.id, row.c.version, row.c.rid).where(*wanted)).all()
    held = {(each.kind, each.id, each.version): each for each in known}
    names = {one.rid: (types[one.type], one.id, one.version) for one in found}
    read = _read(connection, types, [rid for rid, name in names.items() if name not in held])
    return [*(held[name] for name in names.values() if name in held), *read]


def _read(connection: Connection, types: Mapping[int, str], rids: Sequence[int]) -> list[Text]:
    """By their row numbers, which are those of a child too: a definition is about none."""
    row = t.resource
    columns = (row.c.type, row.c.id, row.c.version, row.c.last_updated, row.c.body)
    asked = select(*columns).where(row.c.child.in_(rids), row.c.rid.in_(rids), row.c.type.in_(types))
    found = connection.execute(asked) if rids else ()
    return [_text(types[number], *rest) for number, *rest in found]


def _text(kind: str, id_: str, version: int, at: datetime, body: bytes) -> Text:
    return Text(kind, id_, version, at, opening.whole(kind, id_, version, at, body).encode())
