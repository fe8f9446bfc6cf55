"""Versions into tables: what was goes to `history`, what is goes in, all in the caller's transaction.

A write is three steps: lock the locator's line, move the old version (one statement whose parts depend on one
another), insert the new rows. Never an UPDATE beside an INSERT … SELECT of the same row in one statement:
distributed, that stores the new body as history.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any

import psycopg2
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    SmallInteger,
    Table,
    and_,
    bindparam,
    cast,
    delete,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.fhir.period import HIGHEST
from server.store import attendance, horizon, opening, recordset, sortkey
from server.store import tables as t
from server.store.database import Prepared, Taken, violates_unique
from server.store.row import DECIDED, DENIED, OF_CHILD, SEALED, Entry, Row

_SETS = {
    "locator": recordset.insertion(t.locator),
    "resource": recordset.insertion(t.resource),
    "facet": recordset.insertion(t.facet),
    "string_index": recordset.insertion(t.string_index),
    "date_index": recordset.insertion(t.date_index),
    "number_index": recordset.insertion(t.number_index),
    "text_index": recordset.insertion(t.text_index),
    "identifier": recordset.insertion(t.identifier),
    "likeness": recordset.insertion(t.likeness),
    "blocking": recordset.insertion(t.blocking),
    "superseded": recordset.insertion(t.superseded),
    "about": recordset.insertion(t.about),
    "context": recordset.insertion(t.context),
    "sight": recordset.insertion(t.sight, exists="replace"),
    "decision": recordset.insertion(t.decision),
    "presence": recordset.insertion(t.presence, exists="keep"),
    "comparison": recordset.insertion(t.comparison),
    "outbox": recordset.insertion(t.outbox, leave=("xid",)),
    "audit": recordset.insertion(t.audit, leave=("lane", "xid")),
    "attendance": attendance.SET,
}


@cache
def _write(names: tuple[str, ...], holding: bool) -> Prepared:
    """One statement that inserts into these tables: an insert of nothing costs as much as one of a row."""
    said = horizon.held() if holding else select(literal(1))
    return Prepared(said.add_cte(*(_SETS[name] for name in names)))


def write(
    connection: Connection,
    rows: Sequence[Row],
    outbox: Sequence[dict[str, Any]],
    audit: Sequence[Entry],
    hold: datetime | None = None,
    *,
    totals: Mapping[attendance.Key, attendance.Letters] = {},
    comparisons: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Insert whole resources with everything that finds them, what tells of them, and the account of it.

    `hold`: the earliest stamp of what is written, where the transaction does not hold it yet. `totals`: the
    letters that it puts into the lines of `store.attendance`. `comparisons`: rows of who is to be compared
    then.

    Raises:
        Contended: history has been read past the stamp; nothing was inserted.
    """
    sets: dict[str, list[Mapping[str, Any]]] = {
        "locator": [
            {"type": r.type, "id": r.id, "child": r.child, "rid": r.rid} for r in rows if not r.located
        ],
        "resource": [resource(r) for r in rows],
        "facet": [facet for r in rows for facet in facets(r)],
        **beside(rows),
        "about": [{"child": r.child, "rid": r.rid, "other": other} for r in rows for other in r.others],
        "context": [
            {"child": r.child, "rid": r.rid, "version": r.version, "type": type_, "id": id_}
            for r in rows for type_, id_ in r.contexts
        ],
        **seeing(rows),
        "presence": [{"child": r.child, "type": r.type, "kind": r.kind} for r in rows],
        "comparison": list(comparisons),
        "outbox": list(outbox),
        "audit": [entry.values() for entry in audit],
        "attendance": list(attendance.lines(totals)),
    }  # fmt: skip
    given = {name: recordset.text(some) for name, some in sets.items() if some}
    held = horizon.parameters(hold) if hold else {}
    with horizon.overtaken():
        _write(tuple(given), hold is not None)(connection, **given, **held)


def seeing(rows: Sequence[Row]) -> dict[str, list[Mapping[str, Any]]]:
    """By table, who sees the children because of the resources, and what these decide of it."""
    return {
        "sight": [
            {"child": r.child, "principal": s.principal, "basis": r.rid, "degree": s.degree,
             "valid_from": s.valid_from, "valid_until": s.valid_until}
            for r in rows for s in r.sights
        ],
        "decision": [
            {"child": r.child, "rid": r.rid, "number": number, **asdict(each)}
            for r in rows for number, each in enumerate(r.decisions)
        ],
    }  # fmt: skip


def beside(rows: Sequence[Row]) -> dict[str, list[Mapping[str, Any]]]:
    """By table, what finds the resources beside their own row and their facets."""
    return {
        "string_index": [
            {"child": r.child, "rid": r.rid, "param": param, "folded": folded, "type": r.type,
             "lowest": lowest, "highest": highest}
            for r in rows for param, folded, lowest, highest in r.strings
        ],
        "date_index": [
            {"child": r.child, "rid": r.rid, "param": param, "low": low, "high": high, "type": r.type,
             "lowest": lowest, "highest": highest}
            for r in rows for param, low, high, lowest, highest in r.dates
        ],
        "number_index": [
            {"child": r.child, "rid": r.rid, "param": param, "type": r.type, "place": place,
             **number._asdict()}
            for r in rows for param, place, number in r.numbers
        ],
        "text_index": [
            {"child": r.child, "rid": r.rid, "type": r.type, "words": r.words} for r in rows if r.words
        ],
        "identifier": [
            {"value": value, "system": system, "child": r.child, "rid": r.rid}
            for r in rows for system, value in r.identifiers
        ],
        "likeness": [{"child": r.child, "rid": r.rid, "said": r.said} for r in rows if r.said],
        "blocking": [{"h": h, "child": r.child, "rid": r.rid} for r in rows for h in r.blocks],
        "superseded": [
            {"system": system, "value": value, "child": r.child, "rid": r.rid}
            for r in rows for system, value in r.superseded
        ],
    }  # fmt: skip


def resource(row: Row) -> dict[str, Any]:
    low, high = row.date or (None, None)
    body = opening.kept(row.body, row.id, row.version, row.last_updated)
    return {
        "child": row.child, "type": row.type, "rid": row.rid, "id": row.id, "version": row.version,
        "author": row.author, "restriction": row.restriction, "kind": row.kind, "shared": bool(row.others),
        "last_updated": row.last_updated, "date_low": low, "date_high": high, "tok": row.tokens,
        "sorts": sortkey.packed(row.sorts), "body": recordset.binary(body),
    }  # fmt: skip


def facets(row: Row) -> Iterable[dict[str, Any]]:
    """Where the resource is listed."""
    at = row.date[0] if row.date else row.last_updated
    return ({"h": h, "at": at, "rid": row.rid, "child": row.child} for h in row.facets)


# ---- what was ----------------------------------------------------------------------------------------------

_gone = recordset.recordset("gone", {"child": BigInteger(), "type": SmallInteger(), "rid": BigInteger()})
_KEPT = [c.name for c in t.history.columns]
_old = (
    delete(t.resource)
    .where(*recordset.same(t.resource, _gone, "child", "type", "rid"))
    .returning(
        *(t.resource.c[name] for name in _KEPT if name not in ("deleted", "others")), t.resource.c.date_low
    )
    .cte("old")
)
# Facets are found the way they are kept, by their hash: those of a resource are among its tokens.
_listed = select(
    func.unnest(_old.c.tok).label("h"),
    func.coalesce(_old.c.date_low, _old.c.last_updated).label("at"),
    _old.c.rid,
    _old.c.child,
).subquery("listed")
_facets_out = (
    delete(t.facet).where(*recordset.same(t.facet, _listed, "h", "at", "rid", "child")).cte("facet_out")
)
_others = select(t.about.c.other).where(*recordset.same(t.about, _old, "child", "rid")).scalar_subquery()
_added: dict[str, ColumnElement[Any]] = {
    "deleted": false(),
    "others": func.array(_others, type_=ARRAY(BigInteger)),
}
_of_practitioners = and_(t.sight.c.principal < 0, t.sight.c.valid_until >= literal(HIGHEST))
_FOUND_BY = (
    t.string_index, t.date_index, t.number_index, t.text_index, t.identifier, t.about, t.identity, t.claim,
    t.decision,
)  # fmt: skip
_COMPARED_BY = (t.likeness, t.blocking, t.superseded)


def _out(*tables: Table) -> Prepared:
    """Versions to history, and all that finds them out of these tables."""
    return Prepared(
        select(literal(1)).add_cte(
            insert(t.history)
            .from_select(_KEPT, select(*(_added[name] if name in _added else _old.c[name] for name in _KEPT)))
            .cte("kept"),
            _facets_out,
            *(
                delete(table).where(*recordset.same(table, _gone, "child", "rid")).cte(f"{table.name}_out")
                for table in tables
            ),
            # What a Patient itself gives outlasts its versions, save to the practitioners that one names.
            delete(t.sight)
            .where(t.sight.c.child == _gone.c.child, t.sight.c.basis == _gone.c.rid)
            .where(or_(_gone.c.rid != _gone.c.child, _of_practitioners))
            .cte("sight_out"),
        )
    )


_retire = {False: _out(*_FOUND_BY), True: _out(*_FOUND_BY, *_COMPARED_BY)}


def retire(connection: Connection, places: Iterable[tuple[int, int, int]], *, compared: bool = True) -> None:
    """Move the present versions at (child, type, rid) to history and take away all that finds them.

    `compared`: whether children are compared by any of them.
    """
    rows = [{"child": child, "type": type_, "rid": rid} for child, type_, rid in places]
    _retire[compared](connection, gone=recordset.text(rows))


def bury(connection: Connection, child: int, type_: int, rid: int, version: int, at: datetime) -> None:
    """A deletion is a version too: the last one, with the labels of the one before and nothing in it."""
    _bury(connection, of_child=child, of_type=type_, of_rid=rid, new_version=version, at=at)


_before = t.history.alias("before")
_bury = Prepared(
    insert(t.history).from_select(
        _KEPT,
        select(
            *(
                {
                    "version": cast(bindparam("new_version"), Integer),
                    "deleted": true(),
                    "last_updated": cast(bindparam("at"), t.history.c.last_updated.type),
                    "body": literal(b""),
                }.get(name, _before.c[name])
                for name in _KEPT
            )
        )
        .where(
            _before.c.child == bindparam("of_child"),
            _before.c.type == bindparam("of_type"),
            _before.c.rid == bindparam("of_rid"),
        )
        .order_by(_before.c.version.desc())
        .limit(1),
    )
)


def restrict(connection: Connection, child: int, restriction: int) -> None:
    """All that is known of a child follows the label on its Patient, and the decisions about it."""
    for table in (t.resource, t.history):
        held = table.c.restriction
        other = (table.c.child == child, held.op("&")(OF_CHILD) != restriction)
        follows = update(table).where(*other).values(restriction=held.op("&")(~OF_CHILD).op("|")(restriction))
        connection.execute(follows)


def restrict_as_labelled(connection: Connection, child: int) -> None:
    """The same, by the label that stands on the Patient now."""
    patient = t.resource_patient
    label = select(patient.c.restriction).where(patient.c.child == child, patient.c.rid == child)
    found = connection.execute(label).scalar_one_or_none()
    if found is not None:
        restrict(connection, child, found & OF_CHILD)


def restrict_as_decided(connection: Connection, child: int) -> bool:
    """The same, as decisions not to share what is known of the child begin or end; whether they do."""
    patient = t.resource_patient
    label = select(patient.c.restriction).where(patient.c.child == child, patient.c.rid == child)
    found = connection.execute(label).scalar_one_or_none()
    if found is None:
        return False
    wanted = found & OF_CHILD & ~DECIDED | (DECIDED if is_decided(connection, child) else 0)
    if wanted == found & OF_CHILD:
        return False
    restrict(connection, child, wanted)
    return True


def seal(connection: Connection, child: int, type_: int, rid: int, restriction: int) -> None:
    """What a resource was is sealed as it is now, or no more."""
    h = t.history
    own = (h.c.child == child, h.c.type == type_, h.c.rid == rid)
    bit = restriction & SEALED
    labels = h.c.restriction.op("&")(OF_CHILD).op("|")(bit)
    connection.execute(update(h).where(*own).values(restriction=labels))


_denials = (t.decision.c.child == bindparam("child"), t.decision.c.effect == DENIED)
_decided = Prepared(select(t.decision.c.rid).where(*_denials).limit(1))


def is_decided(connection: Connection, child: int) -> bool:
    """Whether there are decisions not to share what is known of the child."""
    return bool(_decided(connection, child=child))


# ---- claims ------------------------------------------------------------------------------------------------

Claim = tuple[str, str, int, int]
"""(system, value, child, rid)."""

_claim_identity = Prepared(select(literal(1)).add_cte(recordset.insertion(t.identity)))
_claim_within = Prepared(select(literal(1)).add_cte(recordset.insertion(t.claim)))


def claim_identity(connection: Connection, claims: Iterable[Claim]) -> None:
    """This child's and no other's.

    Raises:
        Taken: another child has one of them. The transaction is lost.
    """
    rows = (
        {"system": system, "value": value, "child": child, "rid": rid} for system, value, child, rid in claims
    )
    _claim(_claim_identity, connection, identity=rows)


def claim_within(connection: Connection, claims: Iterable[Claim]) -> None:
    """One live resource of a child.

    Raises:
        Taken: there is one. The transaction is lost.
    """
    rows = ({"child": child, "claim": claimed(*claim), "rid": rid} for *claim, child, rid in claims)
    _claim(_claim_within, connection, claim=rows)


def claimed(system: str, value: str) -> str:
    """What stands for a claim within a child: too long for two to meet; migrations make the same in SQL."""
    return sha256(f"{system}\x1f{value}".encode()).hexdigest()[:32]


def _claim(statement: Prepared, connection: Connection, **claims: Iterable[Mapping[str, Any]]) -> None:
    [(name, rows)] = claims.items()
    try:
        statement(connection, **{name: recordset.text(rows)})
    except psycopg2.Error as error:
        if violates_unique(error):
            raise Taken from error
        raise
