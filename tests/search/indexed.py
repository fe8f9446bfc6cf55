"""Resources stored for search alone, and searched for, without the door or a caller."""

import itertools
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from sqlalchemy import Connection, select

from server.definition.library import library
from server.fhir import Json
from server.search.extract import Index, extract
from server.search.hash import Hasher
from server.search.query import parse
from server.search.registry import Registry, ask, clause, where
from server.search.types import Context
from server.store import sortkey
from server.store.tables import (
    date_index,
    identifier,
    number_index,
    partition,
    string_index,
    text_index,
)

HASHER = Hasher(b"key")
BASE = "http://example.org/fhir"
CHANGED = datetime(2024, 5, 6, 7, 8, 9, 123000, tzinfo=UTC)

_rids = itertools.count(1)


def store(connection: Connection, type_: str, elements: Json) -> str:
    rid = next(_rids)
    resource = {"resourceType": type_, "id": f"r{rid}", **elements}
    index = extract(resource, HASHER, BASE)
    number = library().type_number(type_)
    _store_resource(connection, type_, rid, index)
    own = {"child": rid, "rid": rid, "type": number}
    names = ("param", "folded", "lowest", "highest")
    for row in index.strings:
        connection.execute(string_index.insert().values(**own, **dict(zip(names, row, strict=True))))
    names = ("param", "low", "high", "lowest", "highest")
    for row in index.dates:
        connection.execute(date_index.insert().values(**own, **dict(zip(names, row, strict=True))))
    for param, place, measured in index.numbers:
        # As text, as the store sends them: the driver makes nothing of infinity.
        given = {name: str(v) if isinstance(v, Decimal) else v for name, v in measured._asdict().items()}
        values = {"param": param, "place": place, **given}
        connection.execute(number_index.insert().values(**own, **values))
    if index.words:
        connection.execute(text_index.insert().values(**own, words=index.words))
    for system, value in index.identifiers:
        connection.execute(identifier.insert().values(child=rid, rid=rid, system=system, value=value))
    return f"r{rid}"


def _store_resource(connection: Connection, type_: str, rid: int, index: Index) -> None:
    low, high = index.date or (None, None)
    row: dict[str, Any] = {
        "child": rid,
        "rid": rid,
        "type": library().type_number(type_),
        "id": f"r{rid}",
        "version": 1,
        "author": 1,
        "restriction": 0,
        "kind": 0,
        "shared": False,
        "last_updated": CHANGED,
        "date_low": low,
        "date_high": high,
        "tok": index.tokens,
        "sorts": sortkey.packed(index.sorts),
        "body": b"{}",
    }
    table = partition(type_)
    connection.execute(table.insert().values({name: row[name] for name in row if name in table.c}))


def found(connection: Connection, type_: str, query: str) -> set[str]:
    registry, context = Registry(library()), Context(type_, HASHER, BASE)
    conditions = parse(type_, parse_qsl(query), registry, strict=True).conditions
    row = partition(type_).alias("r")
    whole = select(row.c.id).where(*(where(row, each, context) for each in conditions))
    answer = set(connection.execute(whole).scalars())
    assert answer == _found_by_shape(connection, type_, query)
    return answer


def _found_by_shape(connection: Connection, type_: str, query: str) -> set[str]:
    """The same with named parameters, as statements that are kept take them."""
    registry, context = Registry(library()), Context(type_, HASHER, BASE)
    conditions = parse(type_, parse_qsl(query), registry, strict=True).conditions
    row = partition(type_).alias("r")
    statement, values = select(row.c.id), {}
    for at, condition in enumerate(conditions):
        asked = ask(condition, context)
        statement = statement.where(clause(row, condition, context, asked, f"c{at}"))
        values |= asked.named(f"c{at}")
    return set(connection.execute(statement, values).scalars())
