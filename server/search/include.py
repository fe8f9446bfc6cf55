"""What a result brings along: `_include` and `_revinclude`, each of one step.

https://hl7.org/fhir/R4/search.html#include
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from sqlalchemy import BigInteger, Connection, Text, and_, any_, bindparam, cast, select
from sqlalchemy.dialects.postgresql import ARRAY

from server import clock
from server.definition.compartment import child_parameter
from server.definition.library import library
from server.fhir import json
from server.fhir.reference import parse
from server.search.facet import facet
from server.search.query import Include
from server.search.types import Context
from server.search.types.reference import localised
from server.search.types.token import carries
from server.search.view import CallerView
from server.store import audit, recordset, resources
from server.store import tables as t
from server.store.database import Prepared
from server.store.row import Entry, Stored

LIMIT = 1000
"""Resources that one page brings along; where there are more the page says so."""


class Caller(Protocol):
    """Who asks: what they may see of each type."""

    def may(self, type_: str, letter: str) -> bool: ...

    def view(self, type_: str, letter: str) -> CallerView: ...


@dataclass(frozen=True, slots=True)
class Included:
    """`cut`: there is more than the limit lets through."""

    rows: tuple[Stored, ...]
    cut: bool


def included(
    connection: Connection, caller: Caller, wanted: Sequence[Include], rows: Sequence[Stored], entry: Entry
) -> Included:
    """What the rows point at."""
    targets: dict[str, dict[str, None]] = {}
    for type_, id_ in _pointed_at(caller, wanted, rows):
        if caller.may(type_, "r"):
            targets.setdefault(type_, {})[id_] = None
    found: list[Stored] = []
    for type_, ids in targets.items():
        view = caller.view(type_, "r")
        line = audit.parameters(_again(entry))
        statement = _many(view)
        number = library().type_number(type_)
        some = statement(connection, type=number, ids=list(ids)[: LIMIT + 1], **line)
        found += (resources.stored(type_, row) for row in some)
    return Included(tuple(found[:LIMIT]), len(found) > LIMIT)


def including(
    connection: Connection, caller: Caller, wanted: Sequence[Include], rows: Sequence[Stored], entry: Entry
) -> Included:
    """What points at the rows."""
    found: list[Stored] = []
    for one in wanted:
        if not rows or not caller.may(one.source, "s"):
            continue
        view = caller.view(one.source, "s")
        statement = _pointing(view, one, rows)
        line = audit.parameters(_again(entry))
        some = connection.execute(statement, line).all()
        found += (resources.stored(one.source, tuple(row)) for row in some)
    return Included(tuple(found[:LIMIT]), len(found) > LIMIT)


def _pointed_at(
    caller: Caller, wanted: Sequence[Include], rows: Sequence[Stored]
) -> Iterable[tuple[str, str]]:
    for row in rows if wanted else ():
        resource = json.decode(row.body.encode())
        for one in wanted:
            base_url = caller.view(row.type, "s").context.base_url
            for element, _ in one.parameter.extract(resource):
                text = element.get("reference") if isinstance(element, dict) else element
                local = parse((localised(text, base_url) if isinstance(text, str) else None) or "")
                if local.local and local.type in library().resource_types and one.target in (None, local.type):
                    yield local.type, local.id or ""


@lru_cache(maxsize=1024)
def _many(view: CallerView) -> Prepared:
    row, place = t.partition(view.type).alias("r"), t.locator.alias("l")
    found = (
        select(*resources.columns(row, view))
        .select_from(place)
        .join(row, and_(*recordset.same(place, row, "child", "type", "rid")))
        .where(place.c.type == bindparam("type"), place.c.id == any_(cast(bindparam("ids"), ARRAY(Text))))
        .where(view.visible(row))
        .cte("found")
        .prefix_with("MATERIALIZED")
    )
    return Prepared(select(found).add_cte(*audit.of_found(found, several=True)))


def _pointing(view: CallerView, one: Include, rows: Sequence[Stored]) -> Any:
    """Rows of the source type that refer to one of the rows, newest first."""
    row = t.partition(view.type).alias("r")
    context: Context = view.context
    hashes = [context.hasher.token(view.type, one.parameter.code, f"{r.type}/{r.id}") for r in rows]
    own = row.c.type == library().type_number(view.type)
    told, home = carries(row, hashes), child_parameter(view.type)
    by_child = rows[0].type == "Patient" and home is not None and one.parameter.code in (home.code, "patient")
    listed = facet(view.type, one.parameter)
    if by_child or not all(listed.lists(f"{r.type}/{r.id}") for r in rows):
        children = cast([r.child for r in rows], ARRAY(BigInteger))
        source, narrowed = row, [row.c.child == any_(children)] if by_child else []
    else:
        f = t.facet
        hit = select(f.c.child, f.c.rid).where(f.c.h == any_(cast(hashes, ARRAY(BigInteger)))).distinct()
        d = hit.offset(0).subquery("d")
        source, narrowed = d.join(row, and_(row.c.child == d.c.child, row.c.rid == d.c.rid)), []
    statement = select(*resources.columns(row, view)).select_from(source).where(own, *narrowed, told, view.visible(row))
    found = statement.order_by(row.c.last_updated.desc(), row.c.rid.desc()).limit(LIMIT + 1).cte("found")
    found = found.prefix_with("MATERIALIZED")
    return select(found).add_cte(*audit.of_found(found, several=True))


def _again(entry: Entry) -> Entry:
    """A line of its own for a further statement of the same request."""
    return entry.again(clock.new_id())
