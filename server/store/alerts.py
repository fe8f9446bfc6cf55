"""What alerts ask of the tables, for many children at once, and what was raised of whom."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    DateTime,
    Integer,
    SmallInteger,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    delete,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from server.store import recordset, resources
from server.store import tables as t
from server.store.database import Prepared
from server.store.row import DENIED, Stored
from server.store.sight import INVOLVED, NAMED

_children = any_(cast(bindparam("children"), ARRAY(BigInteger)))
_kinds = any_(cast(bindparam("kinds"), ARRAY(SmallInteger)))
_INSTANT = DateTime(timezone=True)


@dataclass(frozen=True, slots=True)
class Raised:
    """A Flag or Task that an alert made. `occasion`: what for; `owner`: the agency that it asks, 0: none."""

    child: int
    rid: int
    type: int
    id: str
    name: str
    occasion: str
    owner: int
    open: bool
    raised: datetime


# ---- what there is -----------------------------------------------------------------------------------------

_places = recordset.recordset("places", {"child": BigInteger(), "rid": BigInteger(), "type": SmallInteger()})
_kind_of = Prepared(
    select(t.resource.c.child, t.resource.c.rid, t.resource.c.kind).select_from(
        _places.join(t.resource, and_(*recordset.same(_places, t.resource, "child", "type", "rid")))
    )
)


def kinds_of(connection: Connection, places: Iterable[tuple[int, int, int]]) -> dict[tuple[int, int], int]:
    """The class of what lives at (child, rid, type); what is gone is left out."""
    rows = [{"child": child, "rid": rid, "type": type_} for child, rid, type_ in places]
    found = _kind_of(connection, places=recordset.text(rows))
    return {(child, rid): kind for child, rid, kind in found}


def _columns(row: Any) -> list[Any]:
    return [row.c[name] for name in ("id", "child", "rid", "version", "last_updated", "body", "author")]


@cache
def _of_kinds(type_: str) -> Prepared:
    """Found in the index alone, which knows the class: a child has hundreds of marks, and few of what is
    asked for."""
    row, listed = t.partition(type_).alias("r"), t.partition(type_).alias("listed")
    found = select(listed.c.child, listed.c.rid).where(listed.c.child == _children, listed.c.kind == _kinds)
    places = found.cte("places").prefix_with("MATERIALIZED")
    joined = places.join(row, and_(*recordset.same(places, row, "child", "rid")))
    return Prepared(select(*_columns(row)).select_from(joined).where(row.c.type == bindparam("type")))


@cache
def _of_type(type_: str) -> Prepared:
    row = t.partition(type_).alias("r")
    return Prepared(select(*_columns(row)).where(row.c.child == _children, row.c.type == bindparam("type")))


def of_kinds(
    connection: Connection, type_: str, number: int, kinds: Collection[int], children: Collection[int]
) -> list[Stored]:
    """The present resources of some classes of a type, of some children, whoever asks; no classes: of any."""
    if not kinds:
        rows = _of_type(type_)(connection, children=list(children), type=number)
    else:
        search = _of_kinds(type_)
        rows = search(connection, children=list(children), type=number, kinds=sorted(kinds))
    return [resources.stored(type_, row) for row in rows]


_patients = Prepared(
    select(*_columns(t.resource_patient)).where(
        t.resource_patient.c.child == _children, t.resource_patient.c.rid == t.resource_patient.c.child
    )
)


def patients(connection: Connection, children: Collection[int]) -> list[Stored]:
    """The Patient of each child."""
    return [resources.stored("Patient", row) for row in _patients(connection, children=list(children))]


_involved = Prepared(
    select(t.sight.c.child, t.sight.c.principal)
    .where(
        t.sight.c.child == _children,
        t.sight.c.principal > 0,
        t.sight.c.degree.between(INVOLVED, NAMED),
        t.sight.c.valid_from <= func.now(),
        t.sight.c.valid_until > func.now(),
    )
    .distinct()
)


def involved(connection: Connection, children: Collection[int]) -> dict[int, list[int]]:
    """By child, the agencies that work with it."""
    found: dict[int, list[int]] = {}
    for child, principal in _involved(connection, children=list(children)):
        found.setdefault(child, []).append(principal)
    return found


# ---- what there was ----------------------------------------------------------------------------------------

_o = t.partition("Observation").alias("o")
_corrected = Prepared(
    select(*_columns(_o)).where(
        _o.c.child == _children,
        _o.c.kind == bindparam("kind", type_=SmallInteger),
        _o.c.last_updated >= cast(bindparam("since"), _INSTANT),
        _o.c.version > 1,
    )
)


def changed(connection: Connection, kind: int, children: Collection[int], since: datetime) -> list[Stored]:
    """The Observations of a class that are no first versions, and were written since."""
    rows = _corrected(connection, children=list(children), kind=kind, since=since)
    return [resources.stored("Observation", row) for row in rows]


_h = t.history.alias("h")
_at = recordset.recordset("places", {"child": BigInteger(), "rid": BigInteger()})
_versions = Prepared(
    select(*_columns(_h))
    .select_from(_at.join(_h, and_(*recordset.same(_at, _h, "child", "rid"))))
    .where(_h.c.type == bindparam("type", type_=SmallInteger), ~_h.c.deleted)
    .order_by(_h.c.rid, _h.c.version)
)


def former(
    connection: Connection, type_: str, number: int, places: Iterable[tuple[int, int]]
) -> dict[int, list[Stored]]:
    """By rid, the earlier versions of what lives at (child, rid), the first before the others."""
    rows = recordset.text({"child": child, "rid": rid} for child, rid in places)
    found: dict[int, list[Stored]] = {}
    for row in _versions(connection, places=rows, type=number):
        each = resources.stored(type_, row)
        found.setdefault(each.rid, []).append(each)
    return found


_marks = Prepared(
    select(*_columns(_o))
    .where(
        _o.c.child == bindparam("child", type_=BigInteger),
        _o.c.kind == bindparam("kind", type_=SmallInteger),
        _o.c.date_low >= cast(bindparam("low"), _INSTANT),
        _o.c.date_low < cast(bindparam("high"), _INSTANT),
    )
    .order_by(_o.c.date_low, _o.c.rid)
)


def marks(connection: Connection, kind: int, child: int, low: datetime, high: datetime) -> list[Stored]:
    """The Observations of a class of one child, whose date begins in a time."""
    rows = _marks(connection, child=child, kind=kind, low=low, high=high)
    return [resources.stored("Observation", row) for row in rows]


# ---- what is not to be shared ----------------------------------------------------------------------------

_d, _r = t.decision, t.resource.alias("r")
_kept_back = Prepared(
    select(_r.c.rid)
    .select_from(_places.join(_r, and_(*recordset.same(_places, _r, "child", "type", "rid"))))
    .join(_d, _d.c.child == _r.c.child)
    .where(
        _d.c.effect == DENIED,
        or_(_d.c.type == 0, _d.c.type == _r.c.type),
        or_(_d.c.kind == 0, _d.c.kind == _r.c.kind),
        or_(func.cardinality(_d.c.tokens) == 0, _d.c.tokens.overlap(_r.c.tok)),
        _d.c.valid_from <= func.now(),
        _d.c.valid_until > func.now(),
    )
    .limit(1)
)


_decided = Prepared(select(_d.c.child).where(_d.c.child == _children, _d.c.effect == DENIED).distinct())


def decided(connection: Connection, children: Collection[int]) -> set[int]:
    """Those of whom it was decided that something is not for everybody."""
    return {row[0] for row in _decided(connection, children=list(children))}


def kept_back(connection: Connection, places: Iterable[tuple[int, int, int]]) -> bool:
    """Whether it was decided that some of what lives at (child, rid, type) is not for everybody."""
    rows = ({"child": child, "rid": rid, "type": type_} for child, rid, type_ in places)
    return bool(_kept_back(connection, places=recordset.text(rows)))


# ---- what was raised ---------------------------------------------------------------------------------------

_COLUMNS = [t.alert.c[name] for name in Raised.__slots__]
_raised = Prepared(select(*_COLUMNS).where(t.alert.c.child == _children).order_by(t.alert.c.raised))


def raised(connection: Connection, children: Collection[int]) -> list[Raised]:
    """What was raised of some children, the earliest first."""
    return [Raised(*row) for row in _raised(connection, children=list(children))]


_values: dict[str, Any] = {
    name: bindparam(f"a_{name}", type_=t.alert.c[name].type) for name in Raised.__slots__
}
_keep = Prepared(
    insert(t.alert)
    .values(_values)
    .on_conflict_do_update(constraint=t.alert.primary_key, set_={"open": true(), "closed": None})
)


def keep(connection: Connection, made: Raised) -> None:
    """That something is raised, for the first time or again."""
    _keep(connection, **{f"a_{name}": getattr(made, name) for name in Raised.__slots__})


_close = Prepared(
    update(t.alert)
    .where(
        t.alert.c.child == bindparam("of_child", type_=BigInteger),
        t.alert.c.rid == bindparam("of_rid", type_=BigInteger),
    )
    .values(open=False, closed=bindparam("at", type_=_INSTANT))
)


def close(connection: Connection, made: Raised, at: datetime) -> None:
    """That it is so no longer."""
    _close(connection, of_child=made.child, of_rid=made.rid, at=at)


_rename = Prepared(
    update(t.alert)
    .where(
        t.alert.c.child == bindparam("of_child", type_=BigInteger),
        t.alert.c.rid == bindparam("of_rid", type_=BigInteger),
    )
    .values(occasion=bindparam("to", type_=Text))
)


def rename(connection: Connection, made: Raised, occasion: str) -> None:
    """That it is raised for another occasion than was thought."""
    _rename(connection, of_child=made.child, of_rid=made.rid, to=occasion)


# ---- when to look again ------------------------------------------------------------------------------------

_due_rows = recordset.recordset("due", {"child": BigInteger(), "at": _INSTANT})
_forget = Prepared(delete(t.alert_due).where(t.alert_due.c.child == _children))
_put = insert(t.alert_due).from_select(["child", "at"], select(_due_rows.c.child, _due_rows.c.at))
_remind = Prepared(
    _put.on_conflict_do_update(constraint=t.alert_due.primary_key, set_={"at": _put.excluded.at})
)


def due_at(connection: Connection, children: Collection[int]) -> dict[int, datetime]:
    """When some children are to be looked at again."""
    found = _dues(connection, children=list(children))
    return {row[0]: row[1] for row in found}


_dues = Prepared(select(t.alert_due.c.child, t.alert_due.c.at).where(t.alert_due.c.child == _children))


def remind(connection: Connection, dues: Mapping[int, datetime | None]) -> None:
    """Look at these children again at that time; None: only when something is written."""
    never = [child for child, at in dues.items() if at is None]
    if never:
        _forget(connection, children=never)
    some = [{"child": child, "at": at} for child, at in dues.items() if at is not None]
    if some:
        _remind(connection, due=recordset.text(some))


_every = insert(t.alert_due).from_select(
    ["child", "at"],
    select(t.resource_patient.c.child, cast(bindparam("at"), _INSTANT)).where(
        t.resource_patient.c.rid == t.resource_patient.c.child
    ),
)
_remind_all = Prepared(
    _every.on_conflict_do_update(
        constraint=t.alert_due.primary_key,
        set_={"at": func.least(t.alert_due.c.at, _every.excluded.at)},
    )
)


def remind_all(connection: Connection, at: datetime) -> None:
    """Look at every child again at that time, or sooner."""
    _remind_all(connection, at=at)


_take = Prepared(
    select(t.alert_due.c.child)
    .where(t.alert_due.c.at <= cast(bindparam("at"), _INSTANT))
    .order_by(t.alert_due.c.at)
    .limit(cast(bindparam("count"), Integer))
)


def due(connection: Connection, at: datetime, count: int) -> list[int]:
    """The children at whom it is time to look again, the longest overdue first."""
    return [row[0] for row in _take(connection, at=at, count=count)]


_next_children = Prepared(
    select(t.resource_patient.c.child)
    .where(
        t.resource_patient.c.child > cast(bindparam("after"), BigInteger),
        t.resource_patient.c.rid == t.resource_patient.c.child,
    )
    .order_by(t.resource_patient.c.child)
    .limit(cast(bindparam("count"), Integer))
)


def children_after(connection: Connection, after: int, count: int) -> Sequence[int]:
    """The next children by number: all of them, page by page."""
    return [row[0] for row in _next_children(connection, after=after, count=count)]
