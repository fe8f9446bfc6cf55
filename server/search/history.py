"""The versions of many resources in the order in which they were written: of a type, and of everything.

Each type is walked along the index of its stamps, in the present versions and in the past ones; the caller's
view is in the SQL, before any limit, and a version is seen if it and the present one may be. A walk has a
budget, as that of a search has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    SmallInteger,
    Subquery,
    and_,
    any_,
    bindparam,
    cast,
    column,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.definition.library import library
from server.fhir.issue import TooCostly
from server.fhir.period import HIGHEST, LOWEST
from server.search.view import CallerView, alike
from server.store import history, resources
from server.store import tables as t
from server.store.database import Prepared
from server.store.history import Span
from server.store.resources import of_view
from server.store.row import Stored

BUDGET = 20_000
"""Versions of one type that one walk may pass."""

WINDOWS = 10
"""Walks in a row that find nothing, before the history is refused."""

FEW = 300
"""With so few children in sight each is asked in turn, rather than everything walked."""

Position = tuple[datetime, int, int]
"""(stamp, rid, version): nothing else has the same."""

_FIRST: dict[bool, Position] = {True: (HIGHEST, 2**62, 0), False: (LOWEST, -1, 0)}
"""What stands before everything, by whether the newest comes first."""


@dataclass(frozen=True, slots=True)
class Page:
    """`next`: where the following page begins, None after the last."""

    rows: tuple[Stored, ...]
    next: Position | None


def page(
    connection: Connection,
    views: Mapping[int, CallerView],
    span: Span,
    after: Position | None,
    limit: int,
) -> Page:
    """At most `limit` versions of these types (by number), each seen by its view, from `after` on.

    Raises:
        TooCostly: nothing was found within the budget of the walks.
    """
    there = _there(connection, views, span) if len(views) > 1 else views
    groups = [_Group(connection, view, types, span, limit) for view, types in alike(there)]
    groups = [replace(group, by_child=group.few_children) for group in groups]
    at = after or _FIRST[span.newest_first]
    for _ in range(WINDOWS):
        found = [group.walk(at) for group in groups]
        rows, end = _merged(found, span)
        if len(rows) > limit:
            return Page(tuple(rows[:limit]), _position(rows[limit - 1]))
        if end is None or rows:
            return Page(tuple(rows), end)
        # Who sees few of all the children is not served by walking past those of others.
        groups = [replace(group, by_child=group.view.involved_only) for group in groups]
        at = end
    raise TooCostly(
        "Nothing was found among the 200,000 versions looked at. Name an instant to begin from (_since), "
        "a type, or one resource."
    )


def _there(connection: Connection, views: Mapping[int, CallerView], span: Span) -> Mapping[int, CallerView]:
    """The types of which anything at all was written within the span."""
    values = {name: value for name, value in span.values.items() if name.startswith("written")}
    found = {number for (number,) in _present()(connection, types=list(views), **values)}
    return {number: view for number, view in views.items() if number in found}


def position(given: Sequence[Any]) -> Position:
    """A position as it was before it went into a link."""
    at, rid, version = given
    return datetime.fromisoformat(at), int(rid), int(version)


def _position(row: Stored) -> Position:
    return row.last_updated, row.rid, row.version


def _merged(
    found: Sequence[tuple[Sequence[Stored], Position | None]], span: Span
) -> tuple[list[Stored], Position | None]:
    """The rows of all groups in one order, as far as every group was walked; and where that was, unless to
    the end."""
    down = span.newest_first
    ends = [end for _, end in found if end is not None]
    end = (max(ends) if down else min(ends)) if ends else None
    rows = sorted((row for some, _ in found for row in some), key=_position, reverse=down)
    if end is not None:
        rows = [row for row in rows if (_position(row) >= end if down else _position(row) <= end)]
    return rows, end


@dataclass(frozen=True, slots=True)
class _Group:
    """Types that are seen alike. `by_child`: the children in sight are asked in turn."""

    connection: Connection
    view: CallerView
    types: tuple[int, ...]
    span: Span
    limit: int
    by_child: bool = False

    @property
    def few_children(self) -> bool:
        """Whether so few children are in sight that it is best to begin from them."""
        if not self.view.involved_only:
            return False
        return int(_children(self.view)(self.connection)[0][0]) <= FEW

    def walk(self, after: Position) -> tuple[Sequence[Stored], Position | None]:
        """One version more than a page holds, or fewer; and where the walk ended, if before the end."""
        size = next(size for size in _SIZES if size >= self.limit)
        shape = (self.view, size, self.span.newest_first, self.span.timed)
        values = self.span.values | dict(zip(_KEYS, after, strict=True))
        if not self.span.timed:
            values = {name: value for name, value in values.items() if not name.startswith("current")}
        statement = _by_child(*shape) if self.by_child else _walked(*shape, BUDGET)
        found = statement(self.connection, types=list(self.types), **values)
        if self.by_child:
            return [_made(row) for row in found], None
        *_, stamp, rid, version = found[0]
        rows = [_made(row[:-_END]) for row in found if row[0] is not None]
        return rows, None if stamp is None else (stamp, rid, version)


_SIZES = (50, 1000, 10_000)
"""Versions that a statement looks for at most: one statement for many sizes of page."""

_END = 3
"""Columns that say where a walk ended."""

_KEY = ("last_updated", "rid", "version")
_KEYS = ("after_stamp", "after_rid", "after_version")
_TYPES = cast(bindparam("types"), ARRAY(SmallInteger))


def _made(row: tuple[Any, ...]) -> Stored:
    return history.made(library().type_name(row[0]), row[1:])


# ---- SQL ---------------------------------------------------------------------------------------------------


@of_view(maxsize=1024)
def _walked(view: CallerView, limit: int, newest_first: bool, timed: bool, budget: int) -> Prepared:
    """Each type along its index, the first of all merged; and where the first of the walks spent its budget.

    All in one statement: what another moves into the past meanwhile is counted in one place. There is a row
    even if nothing was found.
    """
    types = func.unnest(_TYPES).table_valued(column("n", SmallInteger), name="types").render_derived()
    most: ColumnElement[int] = literal_column(str(limit + 1))
    branches = []
    for table in (t.resource, t.history):
        row = _window(table, types, newest_first).limit(literal_column(str(budget))).subquery("w")
        some = _seen(row, view, timed=timed)
        branches.append(some.order_by(*_order(row, newest_first)).limit(most).subquery())
    every = union_all(*(select(branch) for branch in branches)).subquery("every").lateral()
    page = _page(select(every).select_from(types.join(every, literal(True))), limit, newest_first)
    end = _ends(page, limit, newest_first, budget)
    one = select(literal_column("1").label("one")).subquery("one")
    joined = one.join(end, literal(True), isouter=True).join(page, literal(True), isouter=True)
    found = select(page, history.created(page).label("created"), *(end.c[name] for name in _KEY))
    return Prepared(found.select_from(joined).order_by(*_order(page, newest_first)))


@of_view(maxsize=1024)
def _by_child(view: CallerView, limit: int, newest_first: bool, timed: bool) -> Prepared:
    """Each child in sight, the first of all merged."""
    children = _in_sight(view).subquery("children")
    most: ColumnElement[int] = literal_column(str(limit + 1))
    branches = []
    for table in (t.resource, t.history):
        row = table.alias("w")
        own = and_(row.c.child == children.c.child, row.c.type == any_(_TYPES), *_steps(row, newest_first))
        some = _seen(row, view, timed=timed).where(own).correlate(children)
        branches.append(some.order_by(*_order(row, newest_first)).limit(most).subquery())
    every = union_all(*(select(branch) for branch in branches)).subquery("every").lateral()
    page = _page(select(every).select_from(children.join(every, literal(True))), limit, newest_first)
    found = select(page, history.created(page).label("created"))
    return Prepared(found.order_by(*_order(page, newest_first)))


def _ends(page: FromClause, limit: int, newest_first: bool, budget: int) -> Subquery:
    """Where the first of the walks spent its budget, as far as the page makes use of them; or nothing."""
    types = func.unnest(_TYPES).table_valued(column("n", SmallInteger), name="types").render_derived()
    last = select(page).order_by(*_order(page, newest_first)).offset(literal_column(str(limit))).subquery()
    beyond: ColumnElement[Any] = literal_column("'-infinity'" if newest_first else "'infinity'")
    stamp, rid, version = (select(last.c[name]).scalar_subquery() for name in _KEY)
    used = tuple_(func.coalesce(stamp, beyond), func.coalesce(rid, 0), func.coalesce(version, 0))
    branches = []
    for table in (t.resource, t.history):
        row = table.alias("i")
        here = tuple_(*(row.c[name] for name in _KEY))
        walk = select(*(row.c[name] for name in _KEY)).where(
            row.c.type == types.c.n,
            *_steps(row, newest_first),
            here >= used if newest_first else here <= used,
        )
        walk = walk.correlate(types).order_by(*_order(row, newest_first))
        branches.append(walk.offset(literal_column(str(budget - 1))).limit(literal_column("1")).subquery())
    every = union_all(*(select(branch) for branch in branches)).subquery("every").lateral()
    found = select(every).select_from(types.join(every, literal(True)))
    return found.order_by(*_order(every, newest_first)).limit(literal_column("1")).subquery("ends")


@cache
def _present() -> Prepared:
    types = func.unnest(_TYPES).table_valued(column("n", SmallInteger), name="types").render_derived()
    rows = (t.resource.alias(), t.history.alias())
    written = (
        select(literal(1))
        .where(row.c.type == types.c.n, history.written(row))
        .limit(literal_column("1"))
        .exists()
        for row in rows
    )
    return Prepared(select(types.c.n).where(or_(*written)))


@of_view(maxsize=256)
def _children(view: CallerView) -> Prepared:
    some = _in_sight(view).limit(literal_column(str(FEW + 1))).subquery()
    return Prepared(select(func.count()).select_from(some))


def _in_sight(view: CallerView) -> Select[Any]:
    return view.eyes.children(view.children)


def _window(table: FromClause, types: FromClause, newest_first: bool) -> Select[Any]:
    """The rows of one type from `after` on, along the index of stamps."""
    row = table.alias("i")
    walk = select(row).where(row.c.type == types.c.n, *_steps(row, newest_first)).correlate(types)
    return walk.order_by(*_order(row, newest_first))


def _steps(row: FromClause, newest_first: bool) -> tuple[ColumnElement[bool], ...]:
    here = tuple_(*(row.c[name] for name in _KEY))
    there = tuple_(*map(bindparam, _KEYS))
    return history.written(row), here < there if newest_first else here > there


def _seen(row: Subquery | FromClause, view: CallerView, *, timed: bool) -> Select[Any]:
    """The versions among the rows that the caller may see."""
    is_past = "deleted" in row.c
    deleted = row.c.deleted if is_past else false()
    plain = resources.columns(row, view)
    if not is_past:
        found = select(row.c.type, *plain, deleted.label("deleted")).where(view.visible(row))
        return found.where(row.c.last_updated < bindparam("current_high")) if timed else found
    present = history.present(row, view)
    *rest, whole, withheld = plain
    part = withheld.op("|")(present.c.withheld)
    both = (and_(whole, present.c.whole).label("whole"), part.label("withheld"))
    found = select(row.c.type, *rest, *both, deleted).select_from(row.join(present, literal(True)))
    found = found.where(view.visible(row), present.c.visible)
    if not timed:
        return found
    return found.where(history.current(row.c.last_updated, row.c.deleted, history.replaced(row)))


def _page(found: Select[Any], limit: int, newest_first: bool) -> CTE:
    """The first of the rows."""
    inner = found.subquery("found")
    ordered = select(inner).order_by(*_order(inner, newest_first)).limit(literal_column(str(limit + 1)))
    return ordered.cte("page").prefix_with("MATERIALIZED")


def _order(row: FromClause, newest_first: bool) -> list[Any]:
    keys = (row.c[name] for name in _KEY)
    return [key.desc() if newest_first else key.asc() for key in keys]
