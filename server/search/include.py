"""What a result brings along: `_include` and `_revinclude`, each of one step.

https://hl7.org/fhir/R4/search.html#include
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from sqlalchemy import (
    BigInteger,
    Connection,
    FromClause,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    func,
    literal_column,
    not_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server import clock
from server.definition.library import library
from server.fhir import json
from server.fhir.reference import parse
from server.search.drive import names_children, of_children
from server.search.facet import facet
from server.search.query import Include
from server.search.types.reference import localised
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


Searchable = Callable[[str, set[str]], tuple[CallerView, bool]]
"""The rows of a type that a caller may find by these parameters; whether those of restricted children are
not."""


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
    connection: Connection,
    caller: Caller,
    searchable: Searchable,
    wanted: Sequence[Include],
    rows: Sequence[Stored],
    entry: Entry,
) -> Included:
    """What points at the rows: found by a parameter, and so only by whom that parameter tells nothing
    hidden."""
    found: list[Stored] = []
    for one in wanted if rows else ():
        if caller.may(one.source, "s"):
            view, withheld = searchable(one.source, {one.parameter.code})
            texts = [f"{row.type}/{row.id}" for row in rows]
            by_child = rows[0].type == "Patient" and names_children(one.source, one.parameter.code)
            listed = all(facet(one.source, one.parameter).lists(text) for text in texts)
            statement = _pointing(view, withheld, "child" if by_child else "facet" if listed else "filter")
            hashes = [view.context.hasher.token(view.type, one.parameter.code, text) for text in texts]
            given = {"children": [row.child for row in rows]} if by_child else {}
            line = audit.parameters(_again(entry))
            some = statement(connection, **line, **given, hashes=hashes)
            found += (resources.stored(one.source, row) for row in some)
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
                if (
                    local.local
                    and local.type in library().resource_types
                    and one.target in (None, local.type)
                ):
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


@lru_cache(maxsize=1024)
def _pointing(view: CallerView, withheld: bool, how: str) -> Prepared:
    """Rows of a type that carry one of the hashes, newest first: of these children, by facet, or of all."""
    row = t.partition(view.type).alias("r")
    hashes = cast(bindparam("hashes"), ARRAY(BigInteger))
    source: FromClause = row
    criteria = [
        row.c.type == library().type_number(view.type),
        row.c.tok.overlap(hashes).is_(true()),
        view.visible(row),
        *([not_(view.withheld(row))] if withheld else []),
    ]
    if how == "child":
        given = select(func.unnest(cast(bindparam("children"), ARRAY(BigInteger))).label("child"))
        d = of_children(view.type, given).subquery("d")
        source = d.join(row, and_(row.c.child == d.c.child, row.c.rid == d.c.rid))
    elif how == "facet":
        hit = select(t.facet.c.child, t.facet.c.rid).where(t.facet.c.h == any_(hashes)).distinct()
        d = hit.offset(literal_column("0")).subquery("d")
        source = d.join(row, and_(row.c.child == d.c.child, row.c.rid == d.c.rid))
    statement = select(*resources.columns(row, view)).select_from(source).where(*criteria)
    newest = statement.order_by(row.c.last_updated.desc(), row.c.rid.desc())
    found = newest.limit(literal_column(str(LIMIT + 1))).cte("found").prefix_with("MATERIALIZED")
    return Prepared(select(found).add_cte(*audit.of_found(found, several=True)))


def _again(entry: Entry) -> Entry:
    """A line of its own for a further statement of the same request."""
    return entry.again(clock.new_id())
