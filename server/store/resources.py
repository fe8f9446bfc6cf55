"""Resources read back: the present version, and the last word on what is there no more."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache, wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    SmallInteger,
    and_,
    any_,
    bindparam,
    cast,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.store import audit, opening, recordset
from server.store import tables as t
from server.store.database import Prepared
from server.store.row import Stored

V = TypeVar("V", bound="View")
P = ParamSpec("P")
_OfView = Callable[Concatenate[V, P], Prepared]


class View(Protocol):
    """What a caller may see of the rows of one type; hashable, so that its SQL is built once."""

    @property
    def type(self) -> str: ...

    def visible(self, row: FromClause) -> ColumnElement[bool]:
        """True for rows whose existence may be known."""

    def whole(self, row: FromClause) -> ColumnElement[bool]:
        """True for rows whose content may be shown."""

    def part(self, row: FromClause) -> ColumnElement[int]:
        """What of a row is not shown, as the bits of a number."""

    @property
    def values(self) -> Mapping[str, Any]:
        """What every statement of the view has to be given: who asks is a value, and no part of the SQL."""


class Permit(View, Protocol):
    """What a caller may change."""

    def fixed(self, row: FromClause) -> ColumnElement[int]:
        """What of a row may not be changed, as the bits of a number."""


def of_view(maxsize: int = 2048) -> Callable[[_OfView[V, P]], _OfView[V, P]]:
    """Keeps a statement for each view that it is built of, for all callers who see alike."""

    def keeps(build: _OfView[V, P]) -> _OfView[V, P]:
        kept: Any = lru_cache(maxsize=maxsize)(build)

        def given(view: V, *more: Any, **named: Any) -> Prepared:
            statement: Prepared = kept(view, *more, **named)
            return statement.given(view.values)

        known: Any = wraps(build)(given)
        found: _OfView[V, P] = known
        return found

    return keeps


def columns(row: FromClause, view: View) -> list[ColumnElement[Any]]:
    """What `stored` makes a version of."""
    return [
        row.c.id, row.c.child, row.c.rid, row.c.version, row.c.last_updated, row.c.body, row.c.author,
        view.whole(row).label("whole"), view.part(row).label("withheld"),
    ]  # fmt: skip


def stored(type_: str, row: tuple[Any, ...]) -> Stored:
    """A row of `columns` (and, of history, `deleted` after them)."""
    id_, child, rid, version, at, kept, *others = row
    return Stored(type_, id_, child, rid, version, at, opening.whole(type_, id_, version, at, kept), *others)


def with_restriction(held: Stored, restriction: int, fixed: int = 0) -> Stored:
    """The same version, knowing the label of its child, and what of it the caller may only read."""
    return replace(held, restriction=restriction, fixed=fixed)


def placed(row: FromClause) -> Select[Any]:
    """From the id to the row: one node may take both in one statement."""
    place = t.locator.alias("l")
    return (
        select()
        .select_from(place)
        .join(row, and_(*recordset.same(place, row, "child", "type", "rid")))
        .where(place.c.type == bindparam("type"), place.c.id == bindparam("id"))
    )


@of_view()
def reader(view: View) -> Prepared:
    """The present version, if the caller may see it, and the account of it. Parameters: type, id, audit_*."""
    row = t.partition(view.type).alias("r")
    found = (
        placed(row)
        .add_columns(*columns(row, view))
        .where(view.visible(row))
        .cte("found")
        .prefix_with("MATERIALIZED")
    )
    return Prepared(select(found).add_cte(*audit.of_found(found)))


@of_view()
def finder(view: View) -> Prepared:
    """The present version, if the caller may see it, without an account. Parameters: type, id."""
    row = t.partition(view.type).alias("r")
    return Prepared(placed(row).add_columns(*columns(row, view)).where(view.visible(row)))


@of_view()
def of_children(view: View) -> Prepared:
    """The present versions of some classes, of some children, that the caller may see. Parameters: children,
    type, kinds."""
    row = t.partition(view.type).alias("r")
    children, kinds = (
        cast(bindparam(name), ARRAY(type_))
        for name, type_ in (("children", BigInteger), ("kinds", SmallInteger))
    )
    asked = (row.c.child == any_(children), row.c.type == bindparam("type"), row.c.kind == any_(kinds))
    return Prepared(select(*columns(row, view)).where(*asked, view.visible(row)))


@of_view()
def holder(view: View, permit: Permit) -> Prepared:
    """The present version, for one who wants to change it. Parameters: child, type, rid.

    Columns: `columns`, then whether `view` shows it, whether `permit` lets the caller act, the label of the
    child, and what `permit` lets the caller only read.
    """
    row = t.partition(view.type).alias("r")
    asked = (
        view.visible(row).label("seen"), permit.visible(row).label("permitted"), row.c.restriction,
        permit.fixed(row).label("fixed"),
    )  # fmt: skip
    own = (row.c[name] == bindparam(name) for name in ("child", "type", "rid"))
    return Prepared(select(*columns(row, view), *asked).where(*own))


@of_view()
def allowed(permit: View) -> Prepared:
    """The rids, among the rows at `places` (recordset of child, rid), that `permit` speaks of. Parameter:
    type."""
    row = t.partition(permit.type).alias("r")
    return _at_places(row, [row.c.rid], permit.visible(row))


@of_view()
def parts(view: View) -> Prepared:
    """What is not shown of the rows at `places` (recordset of child, rid): rid, and the bits of a number.
    Parameter: type."""
    row = t.partition(view.type).alias("r")
    return _at_places(row, [row.c.rid, view.part(row).label("withheld")])


@of_view()
def seen(view: View) -> Prepared:
    """The present versions at `places` (recordset of child, rid) that the caller may see. Parameter: type."""
    row = t.partition(view.type).alias("r")
    return _at_places(row, columns(row, view), view.visible(row))


def _at_places(
    row: FromClause, asked: Sequence[ColumnElement[Any]], *conditions: ColumnElement[bool]
) -> Prepared:
    """Of the rows at `places` and of a type, those that meet the conditions."""
    places = recordset.recordset("places", {"child": BigInteger(), "rid": BigInteger()})
    own = (*recordset.same(places, row, "child", "rid"), row.c.type == bindparam("type"))
    # OFFSET 0: each place is looked up by its key, however few rows the planner takes the table for.
    found = select(*asked).where(*own, *conditions).offset(literal(0)).lateral("found")
    return Prepared(select(found).select_from(places.join(found, true())))


def homes(place: FromClause) -> ColumnElement[Any]:
    """The children that the resource at a place was ever about: each keeps the versions of its time."""
    f = t.former_home
    former = select(f.c.former).where(f.c.child == place.c.child, f.c.rid == place.c.rid).correlate(place)
    return func.array_append(func.array(former.scalar_subquery(), type_=ARRAY(BigInteger)), place.c.child)


def past(row: FromClause) -> Select[Any]:
    """From the id to the versions of history: under its child, and under any that it was about before."""
    place = t.locator.alias("l")
    own = and_(row.c.child == any_(homes(place)), *recordset.same(place, row, "type", "rid"))
    asked = (place.c.type == bindparam("type"), place.c.id == bindparam("id"))
    return select().select_from(place).join(row, own).where(*asked)


@of_view()
def last_word(view: View) -> Prepared:
    """The newest row of history, if the caller may see it. Parameters: type, id. Columns: `columns`,
    deleted."""
    row = t.history.alias("h")
    newest = past(row).add_columns(*columns(row, view), row.c.deleted, view.visible(row).label("visible"))
    newest = newest.order_by(row.c.version.desc()).limit(1)
    found = newest.subquery()
    return Prepared(select(found).where(found.c.visible))


_latest = Prepared(
    select(t.history.c.version, t.history.c.deleted, t.history.c.last_updated)
    .where(
        t.history.c.child == bindparam("child"),
        t.history.c.type == bindparam("type"),
        t.history.c.rid == bindparam("rid"),
    )
    .order_by(t.history.c.version.desc())
    .limit(1)
)


def latest_version(connection: Any, child: int, type_: int, rid: int) -> tuple[int, bool, datetime] | None:
    """(version, deleted, last_updated) of the newest row of history, whoever asks."""
    rows = _latest(connection, child=child, type=type_, rid=rid)
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else None


_whoever = Prepared(
    select(
        t.resource.c.id, t.resource.c.child, t.resource.c.rid, t.resource.c.version,
        t.resource.c.last_updated, t.resource.c.body, t.resource.c.author,
    ).where(*(t.resource.c[name] == bindparam(name) for name in ("child", "type", "rid")))
)  # fmt: skip


def present(connection: Any, type_: str, number: int, child: int, rid: int) -> Stored | None:
    """The present version of what lives there, whoever asks."""
    rows = _whoever(connection, type=number, child=child, rid=rid)
    return stored(type_, rows[0]) if rows else None


_all_of_child = Prepared(
    select(
        t.resource.c.id, t.resource.c.child, t.resource.c.rid, t.resource.c.version,
        t.resource.c.last_updated, t.resource.c.body, t.resource.c.author,
    ).where(*(t.resource.c[name] == bindparam(name) for name in ("child", "type")))
)  # fmt: skip


def all_of_child(connection: Any, type_: str, number: int, child: int) -> list[Stored]:
    """The present resources of a type that are about a child, whoever asks."""
    return [stored(type_, row) for row in _all_of_child(connection, type=number, child=child)]


_present = Prepared(
    select(t.resource.c.rid).where(
        *(t.resource.c[name] == bindparam(name) for name in ("child", "type", "rid", "version"))
    )
)


def is_present(connection: Any, type_: int, child: int, rid: int, version: int) -> bool:
    """Whether this is the present version of what lives there, whoever asks."""
    return bool(_present(connection, type=type_, child=child, rid=rid, version=version))
