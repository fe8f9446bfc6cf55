"""Resources that are there already, and what finds them brought in line with what it should be.

A resource is held against writers by its own row, and never waited for: who writes it may want others too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    Connection,
    Select,
    Table,
    and_,
    delete,
    func,
    literal,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.store import opening, packing, recordset, sortkey, writing
from server.store import tables as t
from server.store.database import Prepared
from server.store.row import Row

Place = tuple[datetime, int]
"""(last_updated, rid) of where a walk through a type has come to, from the newest down."""


@dataclass(frozen=True, slots=True)
class Held:
    """A resource as it stands, and what it is found by."""

    child: int
    rid: int
    id: str
    version: int
    author: int
    restriction: int
    kind: int
    last_updated: datetime
    date: tuple[datetime, datetime] | None
    tokens: list[int]
    sorts: str
    kept: bytes
    """The body as it is kept."""
    body: str


def count(connection: Connection, types: Sequence[tuple[str, int]]) -> int:
    """How many resources there are of (name, number) of some types."""
    found = 0
    for type_, number in types:
        row = t.partition(type_)
        found += connection.execute(select(func.count()).where(row.c.type == number)).scalar_one()
    return found


def page(
    connection: Connection, type_: str, number: int, after: Place | None, limit: int
) -> list[tuple[int, Place]]:
    """(child, place) of the next resources of a type."""
    row = t.partition(type_)
    found = select(row.c.child, row.c.last_updated, row.c.rid).where(row.c.type == number)
    if after is not None:
        found = found.where(tuple_(row.c.last_updated, row.c.rid) < tuple_(*map(literal, after)))
    ordered = found.order_by(row.c.last_updated.desc(), row.c.rid.desc()).limit(limit)
    return [(each.child, (each.last_updated, each.rid)) for each in connection.execute(ordered)]


def held(connection: Connection, type_: str, number: int, places: Sequence[tuple[int, int]]) -> list[Held]:
    """Those at (child, rid) that nobody else is writing, held until the transaction ends."""
    row = t.partition(type_)
    found = _at(row, number, places).with_for_update(of=row, skip_locked=True)
    return [_held(type_, each) for each in connection.execute(found)]


def present(
    connection: Connection, type_: str, number: int, places: Sequence[tuple[int, int]]
) -> set[tuple[int, int]]:
    """The (child, rid) at which there is a resource, whoever is writing it."""
    return {(row.child, row.rid) for row in connection.execute(_at(t.partition(type_), number, places))}


def _at(row: Table, number: int, places: Sequence[tuple[int, int]]) -> Select[Any]:
    arrays = (literal(list(each), ARRAY(BigInteger)) for each in zip(*places, strict=True))
    at = func.unnest(*arrays).table_valued("child", "rid", name="wanted").render_derived()
    own = and_(row.c.child == at.c.child, row.c.rid == at.c.rid, row.c.type == number)
    return select(row).select_from(at.join(row, own))


def _held(type_: str, row: Any) -> Held:
    date = None if row.date_low is None else (row.date_low, row.date_high)
    return Held(
        row.child, row.rid, row.id, row.version, row.author, row.restriction, row.kind, row.last_updated,
        date, list(row.tok), row.sorts, row.body,
        opening.whole(type_, row.id, row.version, row.last_updated, row.body),
    )  # fmt: skip


# ---- in line -----------------------------------------------------------------------------------------------

_BESIDE = (
    t.string_index, t.date_index, t.number_index, t.text_index, t.identifier, t.likeness, t.blocking,
    t.superseded,
)  # fmt: skip
_places = recordset.recordset("places", {"child": BigInteger(), "rid": BigInteger()})


def _gone(table: Table) -> CTE:
    """The rows of these resources that are not among those given."""
    given = recordset.recordset(table.name, {c.name: c.type for c in table.columns})
    key = [c.name for c in table.primary_key]
    rest = [c.name for c in table.columns if c.name not in key]
    same = (
        *recordset.same(table, given, *key),
        *(table.c[name].is_not_distinct_from(given.c[name]) for name in rest),
    )
    kept = select(literal_column("1")).select_from(given).where(*same).exists()
    own = recordset.same(table, _places, "child", "rid")
    return delete(table).where(*own, ~kept).cte(f"{table.name}_out")


_out = Prepared(select(literal(1)).add_cte(*map(_gone, _BESIDE)))
_in = Prepared(
    select(literal(1)).add_cte(
        *(
            recordset.insertion(table, exists="keep")
            for table in (*_BESIDE, t.facet, t.presence, t.context, t.sight, t.decision)
        )
    )
)
_columns = {c.name: c.type for c in t.resource.columns}
_LABELS = ("tok", "sorts", "date_low", "date_high", "kind", "body")
_new = recordset.recordset("rows", {name: _columns[name] for name in ("child", "type", "rid", *_LABELS)})
_relabel = Prepared(
    update(t.resource)
    .where(*recordset.same(t.resource, _new, "child", "type", "rid"))
    .values({name: _new.c[name] for name in _LABELS})
)
_unlisted = recordset.recordset("unlisted", {c.name: c.type for c in t.facet.columns})
_unlist = Prepared(
    delete(t.facet).where(*recordset.same(t.facet, _unlisted, *(c.name for c in t.facet.columns)))
)
_planned = Prepared(select(func.set_config("enable_hashjoin", "on", True)))


def align(connection: Connection, pairs: Sequence[tuple[Held, Row]]) -> None:
    """Take away what should not find them, and add what should; what is as it should be is not touched."""
    if not pairs:
        return
    # Sets are compared here, and not rows found one by one.
    _planned(connection)
    rows = [row for _, row in pairs]
    places = recordset.text({"child": row.child, "rid": row.rid} for row in rows)
    beside = {name: recordset.text(some) for name, some in writing.beside(rows).items()}
    _out(connection, places=places, **beside)
    unlisted = [each for held, row in pairs for each in _unlisted_now(held, row)]
    if unlisted:
        _unlist(connection, unlisted=recordset.text(unlisted))
    _in(
        connection,
        **beside,
        facet=recordset.text(facet for row in rows for facet in writing.facets(row)),
        presence=recordset.text({"child": r.child, "type": r.type, "kind": r.kind} for r in rows),
        context=recordset.text(
            {"child": r.child, "rid": r.rid, "version": r.version, "type": type_, "id": id_}
            for r in rows
            for type_, id_ in r.contexts
        ),
        **{name: recordset.text(some) for name, some in writing.seeing(rows).items()},
    )
    changed = [_labels(held, row) for held, row in pairs if _differs(held, row)]
    if changed:
        _relabel(connection, rows=recordset.text(changed))


def _unlisted_now(held: Held, row: Row) -> Iterable[dict[str, Any]]:
    """Where it may have been listed, and should not be."""
    before = held.date[0] if held.date else held.last_updated
    after = row.date[0] if row.date else row.last_updated
    stays = set(row.facets) if before == after else set()
    return ({"h": h, "at": before, "rid": row.rid, "child": row.child} for h in held.tokens if h not in stays)


def _labels(held: Held, row: Row) -> dict[str, Any]:
    low, high = row.date or (None, None)
    return {
        "child": row.child, "type": row.type, "rid": row.rid, "tok": row.tokens,
        "sorts": sortkey.packed(row.sorts), "date_low": low, "date_high": high, "kind": row.kind,
        "body": recordset.binary(opening.kept(row.body, row.id, row.version, row.last_updated)),
    }  # fmt: skip


def _differs(held: Held, row: Row) -> bool:
    before = (held.tokens, held.sorts, held.date, held.kind)
    after = (row.tokens, sortkey.packed(row.sorts), row.date, row.kind)
    return before != after or not packing.is_newest(held.kept)
