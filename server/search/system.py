"""Searches of several types as one: each is asked for itself, by its own view, and the pages are merged.

https://hl7.org/fhir/R4/http.html#search
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    SmallInteger,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.definition.library import library
from server.search import order
from server.search.order import Position
from server.search.page import Page
from server.search.sequence import Order
from server.store import tables as t
from server.store.database import Prepared
from server.store.row import Stored


def present(connection: Connection) -> tuple[str, ...]:
    """The types there are any resources of."""
    rest = [library().type_number(type_) for type_ in library().resource_types if type_ not in t.HOT]
    found = {library().type_name(number) for (number,) in _others()(connection, types=rest)}
    found |= {type_ for type_, statement in _hot().items() if statement(connection)}
    return tuple(sorted(found))


@cache
def _others() -> Prepared:
    numbers = func.unnest(cast(bindparam("types"), ARRAY(SmallInteger)))
    types = numbers.table_valued(column("n", SmallInteger), name="types").render_derived()
    row = t.partition("Basic").alias("r")
    one: Select[Any] = select(literal_column("1")).where(row.c.type == types.c.n).offset(literal_column("0"))
    return Prepared(select(types.c.n).where(one.correlate(types).exists()))


@cache
def _hot() -> dict[str, Prepared]:
    one: ColumnElement[int] = literal_column("1")
    return {type_: Prepared(select(one).select_from(t.partition(type_)).limit(one)) for type_ in t.HOT}


class _Line(NamedTuple):
    place: Position
    row: Stored


def merged(pages: Sequence[Page], limit: int, after: Position | None, sequence: Order) -> Page:
    """One page of several, each at most as long and all in this order.

    Where the walk through one type ended before its end, nothing beyond that is shown of the others either.
    """
    back = after is not None and order.goes_back(after)
    lines = [_Line(place, row) for page in pages for place, row in zip(page.places, page.rows, strict=True)]
    lines.sort(key=lambda line: sequence.key(line.place))
    ends = [end for page in pages if (end := page.previous if back else page.next)]
    if back:
        nearest = max(ends, key=sequence.key, default=None)
        lines = [line for line in lines if nearest is None or not sequence.precedes(line.place, nearest)]
        shown = lines[-limit:]
        further = shown[0].place if len(lines) > limit else nearest
        following = shown[-1].place if shown else None
        return _page(shown, following, further)
    nearest = min(ends, key=sequence.key, default=None)
    lines = [line for line in lines if nearest is None or not sequence.precedes(nearest, line.place)]
    shown = lines[:limit]
    further = shown[-1].place if len(lines) > limit else nearest
    return _page(shown, further, shown[0].place if after is not None and shown else None)


def _page(lines: Sequence[_Line], following: Position | None, before: Position | None) -> Page:
    return Page(
        tuple(line.row for line in lines),
        following and order.forwards(following),
        before and order.backwards(before),
        tuple(line.place for line in lines),
    )
