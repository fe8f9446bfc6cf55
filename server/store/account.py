"""The lines of the audit read back, in the order in which they were written, and what they are about.

The id of a line tells when it was written (UUID version 7), so that one index gives the order, the dates and
the place where a page begins.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    SmallInteger,
    Text,
    Uuid,
    and_,
    bindparam,
    cast,
    func,
    select,
    true,
    union,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.store import tables as t
from server.store.database import Prepared
from server.store.merge import ledger
from server.store.resources import View, of_view
from server.store.row import Entry

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOW_BITS = 11
"""Of the 74 random bits of an id, those that a place in a result does without."""

LOWEST, HIGHEST = 0, (1 << 128) - 1
"""The ends of all ids."""


def recorded(id_: str) -> datetime:
    """When a line was written."""
    return _EPOCH + timedelta(milliseconds=int(id_.replace("-", ""), 16) >> 80)


def place(id_: str) -> int:
    """What orders the lines of one millisecond: 63 bits."""
    value = int(id_.replace("-", ""), 16)
    return (value >> 64 & 0xFFF) << 51 | (value & (1 << 62) - 1) >> _LOW_BITS


def number(at: datetime, order: int = 0) -> int:
    """The first id that there can be at a time and a place."""
    milliseconds = max((at - _EPOCH) // timedelta(milliseconds=1), 0)
    high, low = order >> 51 & 0xFFF, (order & (1 << 51) - 1) << _LOW_BITS
    return milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low


@dataclass(frozen=True, slots=True)
class Span:
    """Which lines are asked for: ids from `first` up to before `end`; None: whatever it is.

    `children`: that they are about, one of them. `person`: who acted. `agency`: for which.
    """

    first: int = LOWEST
    end: int = HIGHEST
    children: tuple[int, ...] | None = None
    agency: int | None = None
    person: str | None = None
    interactions: tuple[str, ...] | None = None
    ids: tuple[str, ...] | None = None


_ROW = t.audit.c
_FIELDS = tuple(each.name for each in fields(Entry))
_first, _end = (cast(bindparam(name), Uuid(as_uuid=False)) for name in ("first", "end"))


def _where(span: Span) -> ColumnElement[bool]:
    """What of a span is asked of each line."""
    asked: list[ColumnElement[bool]] = [true()]
    if span.agency is not None:
        asked.append(_ROW.agency == cast(bindparam("agency"), SmallInteger))
    if span.person is not None:
        asked.append(_ROW.person == cast(bindparam("person"), Text))
    if span.interactions is not None:
        asked.append(_ROW.interaction == func.any(cast(bindparam("interactions"), ARRAY(Text))))
    if span.ids is not None:
        asked.append(
            _ROW.id == func.any(cast(cast(bindparam("ids"), ARRAY(Text)), ARRAY(Uuid(as_uuid=False))))
        )
    return and_(*asked)


def lines(connection: Connection, span: Span, limit: int, *, falling: bool = True) -> list[Entry]:
    """The first lines of a span, or the last, `falling`: from its end on."""
    shape = tuple(getattr(span, name) is not None for name in ("children", *_OPTIONAL))
    given = {name: value for name in ("children", *_OPTIONAL) if (value := getattr(span, name)) is not None}
    for name, value in given.items():
        given[name] = list(value) if isinstance(value, tuple) else value
    rows = _lines(shape, falling)(
        connection, first=_uuid(span.first), end=_uuid(span.end), most=limit, **given
    )
    return [Entry(**dict(zip(_FIELDS, _plain(row), strict=True))) for row in rows]


_OPTIONAL = ("agency", "person", "interactions", "ids")


def _plain(row: Sequence[Any]) -> list[Any]:
    return [tuple(value) if isinstance(value, list) else value for value in row]


@cache
def _lines(shape: tuple[bool, ...], falling: bool) -> Prepared:
    """The statement for spans that ask for the same."""
    of_child, *others = shape
    asked = {
        name: () if name in ("interactions", "ids") else 0
        for name, is_asked in zip(_OPTIONAL, others, strict=True)
        if is_asked
    }
    where = _where(Span(**asked))  # type: ignore[arg-type]

    def ended(found: Select[Any], id_: ColumnElement[str]) -> Select[Any]:
        ranged = found.where(id_ >= _first, id_ < _end)
        return ranged.order_by(id_.desc() if falling else id_.asc()).limit(bindparam("most"))

    columns = [cast(_ROW.id, Text).label("id") if name == "id" else _ROW[name] for name in _FIELDS]
    if not of_child:
        return Prepared(ended(select(*columns).where(where), _ROW.id))
    each = func.unnest(_children).table_valued("child").render_derived("each")
    row, named = t.audit, t.audit_child.c
    own = ended(select(_ROW.id).where(_ROW.child == each.c.child, where), _ROW.id).lateral("own")
    beside = select(named.id).join(row, row.c.id == named.id).where(named.child == each.c.child, where)
    several = ended(beside, named.id).lateral("several")
    either = union(
        *(select(found.c.id).select_from(each.join(found, true())) for found in (own, several))
    ).subquery("either")
    return Prepared(ended(select(*columns).where(_ROW.id == either.c.id), _ROW.id))


def _uuid(value: int) -> str:
    text = f"{min(max(value, LOWEST), HIGHEST):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


# ---- what lines are about ----------------------------------------------------------------------------------

Patient = tuple[str, int, int]
"""The id of a child's Patient, the labels on it, and the child that it is now."""

_children = cast(bindparam("children"), ARRAY(BigInteger))
_rids = cast(bindparam("rids"), ARRAY(BigInteger))
_p, _h, _r = t.resource_patient.alias("p"), t.history.alias("h"), t.resource.alias("r")
_live = Prepared(
    select(_p.c.child, _p.c.id, _p.c.restriction).where(
        _p.c.child == func.any(_children), _p.c.rid == _p.c.child
    )
)
_former = Prepared(
    select(_h.c.child, func.min(_h.c.id), func.bit_or(_h.c.restriction))
    .where(
        _h.c.child == func.any(_children),
        _h.c.type == cast(bindparam("type"), SmallInteger),
        _h.c.rid == _h.c.child,
    )
    .group_by(_h.c.child)
)


def patients(connection: Connection, children: Collection[int], type_: int) -> dict[int, Patient]:
    """The Patients of children by child, deleted ones too. `type_`: the number of Patient."""
    if not children:
        return {}
    into = ledger.roots(connection, children)
    now = {into[child][0] if child in into else child for child in children}
    found = {child: (id_, bits, child) for child, id_, bits in _live(connection, children=list(now))}
    if missing := [child for child in now if child not in found]:
        former = _former(connection, children=missing, type=type_)
        found |= {child: (id_, bits, child) for child, id_, bits in former}
    merged = {child: (id_, *found[root][1:]) for child, (root, id_) in into.items() if root in found}
    return found | merged


_types = Prepared(
    select(_r.c.type).where(_r.c.child == func.any(_children), _r.c.rid == func.any(_rids)).distinct()
)


def types(connection: Connection, children: Collection[int], rids: Collection[int]) -> list[int]:
    """The types of the resources that are there."""
    return (
        [type_ for (type_,) in _types(connection, children=list(children), rids=list(rids))] if rids else []
    )


@of_view()
def named(view: View) -> Prepared:
    """(rid, id) of those resources that the caller may see. Parameters: type, children, rids."""
    row = t.partition(view.type).alias("r")
    asked = (
        row.c.type == bindparam("type"),
        row.c.child == func.any(_children),
        row.c.rid == func.any(_rids),
    )
    return Prepared(select(row.c.rid, row.c.id).where(*asked, view.visible(row)))
