"""What stands around a child, of a type, as one reader may find it: every path is that of a search."""

from collections.abc import Iterator

from server.access import redact
from server.fhir import Json, json
from server.record.record import Record
from server.search.query import parse
from server.store import resources
from server.store.row import Stored

MOST = 1000
"""Resources of one type that are looked at."""

Seen = tuple[Stored, Json]
"""A row, and the resource as it is shown."""


def found(record: Record, type_: str, parameter: str, value: str) -> Iterator[Seen]:
    """Those that a search finds; none of a type that may not be searched."""
    if not record.access.may(type_, "s"):
        return
    query = parse(type_, [(parameter, value)], record.door.registry, strict=True)
    for row in record.search(query, count=MOST).rows:
        yield row, json.decode(row.body.encode())


def readable(record: Record, type_: str, id_: str) -> Json | None:
    """What a reference leads to, as it is shown; None: nothing that the reader may see."""
    if type_ not in record.door.types or not record.access.may(type_, "r"):
        return None
    number = record.door.library.type_number(type_)
    rows = resources.finder(record.access.view(type_, "r"))(record.connection, type=number, id=id_)
    return json.decode(redact.shown(resources.stored(type_, rows[0])).body.encode()) if rows else None
