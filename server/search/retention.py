"""What there is of children, and which classes of retention it is of: for who decides how long it stays."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    any_,
    bindparam,
    cast,
    func,
    literal,
    not_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.search.registry import where
from server.search.types import Condition, Context
from server.store import opening, recordset
from server.store import tables as t
from server.store.database import Prepared


@dataclass(frozen=True, slots=True)
class Selection:
    """Resources of a type that match all conditions; each of these is decided by the row's own tokens."""

    type: int
    conditions: tuple[Condition, ...]
    context: Context


@dataclass(frozen=True, slots=True)
class Held:
    """A resource that is kept, present or deleted. `end`: when what it tells of was over, None: it is not
    yet; of a deletion, when that was. `selected`: for each selection whether it is one of these."""

    child: int
    type: int
    id: str
    rid: int
    author: int
    end: datetime | None
    deleted: bool
    selected: tuple[bool, ...]


class Kept:
    """Finds what there is of children, by these selections."""

    def __init__(self, selections: Sequence[Selection]) -> None:
        live, past = t.resource.alias("r"), t.history.alias("h")
        self._live = Prepared(_of_children(live, selections, _end(live)))
        self._past = Prepared(_last(past, _of_children(past, selections, past.c.last_updated)))

    def of(self, connection: Connection, children: Sequence[int], open_end: datetime) -> list[Held]:
        """All of it. `open_end`: what ends then or later has no end."""
        asked = {"children": list(children)}
        live = (_held(row, open_end, deleted=False) for row in self._live(connection, **asked))
        return [*live, *(_held(row, open_end, deleted=True) for row in self._past(connection, **asked))]


def _end(row: FromClause) -> ColumnElement[datetime]:
    # What has no date of its own is of the day on which it was last written.
    return func.coalesce(row.c.date_high, row.c.last_updated)


def _of_children(
    row: FromClause, selections: Sequence[Selection], end: ColumnElement[datetime]
) -> Select[Any]:
    said = (row.c[name] for name in ("child", "type", "id", "rid", "author"))
    chosen = (_selected(row, each).label(f"selected_{at}") for at, each in enumerate(selections))
    children = cast(bindparam("children"), ARRAY(BigInteger))
    return select(*said, end.label("end"), *chosen).where(row.c.child == any_(children))


def _selected(row: FromClause, selection: Selection) -> ColumnElement[bool]:
    conditions = (where(row, each, selection.context) for each in selection.conditions)
    return and_(row.c.type == literal(selection.type), true(), *conditions)


def _last(row: FromClause, found: Select[Any]) -> Select[Any]:
    """Of history only what was deleted last, and not written again."""
    live, later = t.resource.alias("live"), t.history.alias("later")
    same = ("child", "type", "rid")
    is_live = select(literal(1)).select_from(live).where(*recordset.same(live, row, *same)).exists()
    followed = select(literal(1)).select_from(later)
    followed = followed.where(*recordset.same(later, row, *same), later.c.version > row.c.version)
    return found.where(row.c.deleted, not_(is_live), not_(followed.exists()))


def _held(row: tuple[Any, ...], open_end: datetime, *, deleted: bool) -> Held:
    child, type_, id_, rid, author, end, *selected = row
    return Held(
        child, type_, id_, rid, author, end if end < open_end else None, deleted, tuple(map(bool, selected))
    )


# ---- children ----------------------------------------------------------------------------------------------

_children = Prepared(select(t.locator.c.rid).where(t.locator.c.type == bindparam("patient")))


def children(connection: Connection, patient: int) -> list[int]:
    """Every child that there is or was."""
    return sorted(row[0] for row in _children(connection, patient=patient))


_wanted = cast(bindparam("children"), ARRAY(BigInteger))


def _patients(row: FromClause, *asked: ColumnElement[bool]) -> Select[Any]:
    said = (row.c[name] for name in ("child", "id", "version", "last_updated", "body"))
    own = and_(row.c.child == any_(_wanted), row.c.rid == row.c.child, row.c.type == bindparam("patient"))
    return select(*said).where(own, *asked).order_by(row.c.version)


_present = Prepared(_patients(t.resource_patient))
_former = Prepared(_patients(t.history, not_(t.history.c.deleted)))


def patients(connection: Connection, patient: int, some: Iterable[int]) -> dict[int, str]:
    """The Patient of each child as it is, or as it was when it was deleted."""
    asked = {"children": list(some), "patient": patient}
    rows = [*_former(connection, **asked), *_present(connection, **asked)]
    return {child: opening.whole("Patient", *kept) for child, *kept in rows}
