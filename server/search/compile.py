"""A search becomes SQL: a driver, the other criteria and the caller's view as filters, an order, one page.

The caller's view is in every statement here, before any limit: what is not seen does not count, does not sort
and does not turn a page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    func,
    lateral,
    literal,
    not_,
    select,
    tuple_,
)
from sqlalchemy.types import BigInteger

from server import clock
from server.definition.library import library
from server.fhir.issue import TooCostly
from server.search import drive, order
from server.search.order import Key, Position
from server.search.query import Query, SortKey
from server.search.registry import Registry, kind
from server.search.types import Context, array
from server.search.types.date import MAIN, starts
from server.search.types.string import begins
from server.search.view import INVOLVED, CallerView, current
from server.store import audit, resources
from server.store import tables as t
from server.store.row import Entry, Stored

BUDGET = 20_000
"""Rows that one walk may pass."""

WINDOWS = 10
"""Walks in a row before a search that finds nothing is refused."""

FEW = 300
"""With so few children in sight each is asked in turn, rather than everything walked."""

ESTIMATED = 10_001
"""An estimate counts no further."""


@dataclass(frozen=True, slots=True)
class Page:
    """`next`: where the following page begins, None after the last."""

    rows: tuple[Stored, ...]
    next: Position | None


@dataclass(frozen=True)
class Search:
    """One search of one caller. `withheld`: it asks about what is withheld of restricted children."""

    connection: Connection
    query: Query
    view: CallerView
    context: Context
    registry: Registry
    withheld: bool = False

    # ---- a page --------------------------------------------------------------------------------------------

    def page(self, limit: int, after: Position | None, entry: Entry, *, complete: bool = False) -> Page:
        """At most `limit` rows from `after` on. `complete`: a short page must mean that there is no more.

        Raises:
            TooCostly: nothing was found within the budget of a walk.
        """
        driver = drive.driver(self.connection, self.query, self.context)
        if isinstance(driver, drive.Prefix):
            return self._run(self._prefixed(driver, after, limit), entry, limit, self._prefix_keys(driver))
        keys = self._keys(driver)
        ordered = len(keys) == 1 and keys[0].column is not None
        if isinstance(driver, drive.Walk) and (not ordered or complete):
            return self._run(self._sorted(self._all(), keys, after, limit), entry, limit, keys)
        if not ordered or isinstance(driver, drive.Rows):
            return self._run(self._sorted(self._fenced(driver), keys, after, limit), entry, limit, keys)
        if isinstance(driver, drive.Children) and len(driver.children) != 1:
            return self._run(self._sorted(self._fenced(driver), keys, after, limit), entry, limit, keys)
        return self._in_order(driver, keys, after, limit, entry)

    def count(self, limit: int | None = None) -> int:
        """How many rows match, counted no further than `limit`."""
        driver = drive.driver(self.connection, self.query, self.context)
        if isinstance(driver, drive.Walk | drive.Prefix):
            row, source = self._all()
        else:
            row, source = self._fenced(driver)
        matching = select(literal(1)).select_from(source).where(*self._filters(row)).limit(limit).subquery()
        return int(self.connection.execute(select(func.count()).select_from(matching)).scalar_one())

    def _keys(self, driver: drive.Driver) -> tuple[Key, ...]:
        if self.query.sort:
            return order.keys(self.query.sort)
        dated = any(c.parameter.code == MAIN and c.parameter.type == "date" for c in self.query.conditions)
        code = MAIN if dated and not isinstance(driver, drive.Rows) else "_lastUpdated"
        parameter = self.registry.parameter(self.query.type, code)
        assert parameter is not None
        return order.keys([SortKey(parameter, descending=True)])

    # ---- one statement -------------------------------------------------------------------------------------

    def _run(self, statement: Select[Any], entry: Entry, limit: int, keys: Sequence[Key]) -> Page:
        several = not any(c.parameter.code in ("patient", "subject") for c in self.query.conditions)
        found = statement.cte("page").prefix_with("MATERIALIZED")
        whole = select(found).add_cte(*audit.of_found(found, shown=limit, several=several))
        rows = self.connection.execute(whole, audit.parameters(entry)).all()
        shown = rows[:limit]
        stored = tuple(resources.stored(self.query.type, tuple(row)[:_WIDTH]) for row in shown)
        following = None
        if len(rows) > limit and shown:
            following = order.position(tuple(shown[-1])[_WIDTH : _WIDTH + max(len(keys), 1)], shown[-1].rid)
        return Page(stored, following)

    def _filters(self, row: FromClause) -> list[ColumnElement[bool]]:
        criteria = []
        for condition in self.query.conditions:
            answer = kind(condition.parameter)
            assert answer is not None
            criteria.append(answer.where(row, condition, self.context))
        own = row.c.type == literal(library().type_number(self.query.type))
        shown = [not_(self.view.withheld(row))] if self.withheld else []
        return [own, *criteria, self.view.visible(row), *shown]

    def _columns(self, row: FromClause) -> list[ColumnElement[Any]]:
        return resources.columns(row, self.view)

    def _all(self) -> tuple[FromClause, FromClause]:
        row = t.partition(self.query.type).alias("r")
        return row, row

    def _fenced(self, driver: drive.Driver) -> tuple[FromClause, FromClause]:
        row = t.partition(self.query.type).alias("r")
        match driver:
            case drive.Rows(places):
                d = places.offset(literal(0)).subquery("d")
                return row, d.join(row, and_(row.c.child == d.c.child, row.c.rid == d.c.rid))
            case drive.Facet(h):
                f = select(t.facet.c.child, t.facet.c.rid).where(t.facet.c.h == literal(h)).offset(literal(0)).subquery("d")
                return row, f.join(row, and_(row.c.child == f.c.child, row.c.rid == f.c.rid))
            case drive.Children(children):
                some = select(t.resource.c.child).where(literal(False)).subquery("none") if not children else None
                if some is not None:
                    return row, some.join(row, row.c.child == some.c.child)
                each = select(func.unnest(array(children, BigInteger())).label("child")).offset(literal(0)).subquery("d")
                return row, each.join(row, row.c.child == each.c.child)
        return row, row

    def _sorted(
        self, source: tuple[FromClause, FromClause], keys: Sequence[Key], position: Position | None, limit: int
    ) -> Select[Any]:
        """All that match are found, then sorted: for few, or for an order that no index has."""
        row, rows = source
        values = [key.value(row).label(f"key{at}") for at, key in enumerate(keys)]
        found = select(*self._columns(row), *values).select_from(rows).where(*self._filters(row)).offset(literal(0))
        inner = found.subquery("q")
        columns = [inner.c[f"key{at}"] for at in range(len(keys))]
        statement = select(inner).order_by(*order.ordering(columns, keys, inner.c.rid)).limit(limit + 1)
        if position is not None:
            statement = statement.where(order.after(position, columns, keys, inner.c.rid))
        return statement

    # ---- along an index ------------------------------------------------------------------------------------

    def _in_order(
        self, driver: drive.Driver, keys: Sequence[Key], after: Position | None, limit: int, entry: Entry
    ) -> Page:
        """First the rows that have the key, in its order; then, if the page is not full, those without."""
        key = keys[0]
        rows: tuple[Stored, ...] = ()
        if after is None or after[0] is not None:
            page = self._present(driver, key, after, limit, entry)
            if page.next is not None or key.column == "last_updated" or self._needs_date():
                return page
            rows, after = page.rows, None
        rest = self._run(self._absent(driver, key, after, limit - len(rows)), entry.again(clock.new_id()), limit - len(rows), keys)
        if len(rows) == limit and rest.rows:
            return Page(rows, order.position([None], 0 if not key.descending else _BEYOND))
        return Page(rows + rest.rows, rest.next)

    def _needs_date(self) -> bool:
        return any(
            c.parameter.code == MAIN and c.modifier is None and c.parameter.type == "date" for c in self.query.conditions
        )

    def _present(
        self, driver: drive.Driver, key: Key, after: Position | None, limit: int, entry: Entry
    ) -> Page:
        if not isinstance(driver, drive.Walk):
            return self._run(self._along(driver, key, after, limit), entry, limit, [key])
        if self.view.involved_only and (self.view_children() <= FEW):
            return self._run(self._each_child(key, after, limit), entry, limit, [key])
        for _ in range(WINDOWS):
            page = self._run(self._window(key, after, limit), entry, limit, [key])
            end = None if page.next else self._end_of_window(key, after)
            if page.next or end is None:
                return page
            if page.rows:
                return Page(page.rows, end)
            if self.view.involved_only:
                return self._run(self._each_child(key, after, limit), entry.again(clock.new_id()), limit, [key])
            after, entry = end, entry.again(clock.new_id())
        raise TooCostly(
            "Nothing was found among the newest 200,000 resources of this type. Name a child (patient=…), an "
            "identifier, a code or a date range."
        )

    def _along(self, driver: drive.Driver, key: Key, after: Position | None, limit: int) -> Select[Any]:
        """Rows of one child or one facet, in the order of an index that begins with it."""
        row = t.partition(self.query.type).alias("r")
        assert key.column is not None
        if isinstance(driver, drive.Facet):
            f = t.facet
            steps = self._steps(f, key, after)
            walk = select(f.c.child, f.c.rid, f.c[key.column].label("key0")).where(f.c.h == literal(driver.h), *steps)
            d = walk.order_by(*self._index_order(f.c[key.column], f.c.rid, key)).offset(literal(0)).subquery("d")
            joined = d.join(row, and_(row.c.child == d.c.child, row.c.rid == d.c.rid))
            found = select(*self._columns(row), d.c.key0).select_from(joined).where(*self._filters(row))
            return found.order_by(*self._index_order(d.c.key0, d.c.rid, key)).limit(limit + 1)
        assert isinstance(driver, drive.Children)
        column = row.c[key.column]
        own = row.c.child == literal(driver.children[0])
        found = select(*self._columns(row), column.label("key0")).where(own, *self._steps(row, key, after), *self._filters(row))
        return found.order_by(*self._index_order(column, row.c.rid, key)).limit(limit + 1)

    def _window(self, key: Key, after: Position | None, limit: int) -> Select[Any]:
        row = self._walked(key, after).limit(literal(BUDGET)).subquery("r")
        assert key.column is not None
        column = row.c[key.column]
        found = select(*self._columns(row), column.label("key0")).where(*self._filters(row))
        return found.order_by(*self._index_order(column, row.c.rid, key)).limit(limit + 1)

    def _walked(self, key: Key, after: Position | None, *columns: ColumnElement[Any]) -> Select[Any]:
        row = t.partition(self.query.type).alias("w")
        assert key.column is not None
        own = row.c.type == literal(library().type_number(self.query.type))
        walk = select(*(columns or row.c)).select_from(row).where(own, *self._steps(row, key, after), *self._span(row, key))
        return walk.order_by(*self._index_order(row.c[key.column], row.c.rid, key))

    def _end_of_window(self, key: Key, after: Position | None) -> Position | None:
        row = t.partition(self.query.type).alias("w")
        assert key.column is not None
        last = self._walked(key, after).offset(literal(BUDGET - 1)).limit(1).subquery("last")
        found = self.connection.execute(select(last.c[key.column], last.c.rid)).first()
        del row
        return None if found is None else order.position([found[0]], found[1])

    def _each_child(self, key: Key, after: Position | None, limit: int) -> Select[Any]:
        seen = self._children_in_sight().subquery("c")
        row = t.partition(self.query.type).alias("r")
        assert key.column is not None
        column = row.c[key.column]
        one = (
            select(*self._columns(row), column.label("key0"))
            .where(row.c.child == seen.c.child, *self._steps(row, key, after), *self._filters(row))
            .order_by(*self._index_order(column, row.c.rid, key))
            .limit(limit + 1)
        )
        each = lateral(one.correlate(seen)).alias("each")
        found = select(each).select_from(seen.join(each, literal(True)))
        return found.order_by(*self._index_order(each.c.key0, each.c.rid, key)).limit(limit + 1)

    def view_children(self) -> int:
        """How many children are in the caller's sight, counted to just above `FEW`."""
        some = self._children_in_sight().limit(FEW + 1).subquery()
        return int(self.connection.execute(select(func.count()).select_from(some)).scalar_one())

    def _children_in_sight(self) -> Select[Any]:
        s = t.sight.alias("s")
        mine = s.c.principal == literal(self.view.agency)
        return select(s.c.child).where(mine, current(s, INVOLVED, self.view.months_after)).distinct()

    def _absent(self, driver: drive.Driver, key: Key, after: Position | None, limit: int) -> Select[Any]:
        """Rows without the date they are sorted by, by rid."""
        row, rows = self._fenced(driver)
        assert key.column is not None
        found = select(*self._columns(row), row.c[key.column].label("key0")).select_from(rows)
        found = found.where(row.c[key.column].is_(None), *self._filters(row))
        if after is not None:
            last = literal(after[-1])
            found = found.where(row.c.rid < last if key.descending else row.c.rid > last)
        return found.order_by(row.c.rid.desc() if key.descending else row.c.rid.asc()).limit(limit + 1)

    def _steps(self, row: FromClause, key: Key, after: Position | None) -> list[ColumnElement[bool]]:
        assert key.column is not None
        column = row.c[key.column]
        if after is None:
            return [column.is_not(None)]
        here = tuple_(column, row.c.rid)
        there = tuple_(literal(order.restored(key, after[0])), literal(after[-1]))
        return [here < there if key.descending else here > there]

    def _span(self, row: FromClause, key: Key) -> list[ColumnElement[bool]]:
        """A walk by date need not pass what lies outside the dates that are asked for."""
        if key.column != "date_low":
            return []
        spans = [
            starts(c) for c in self.query.conditions if c.parameter.code == MAIN and c.parameter.type == "date"
        ]
        return [
            and_(row.c.date_low >= literal(span[0]), row.c.date_low < literal(span[1])) for span in spans if span
        ]

    def _index_order(self, column: ColumnElement[Any], rid: ColumnElement[int], key: Key) -> list[Any]:
        return [column.desc(), rid.desc()] if key.descending else [column.asc(), rid.asc()]

    # ---- along strings -------------------------------------------------------------------------------------

    def _prefix_keys(self, driver: drive.Prefix) -> tuple[Key, ...]:
        return (Key(driver.condition.parameter, descending=False),)

    def _prefixed(self, driver: drive.Prefix, after: Position | None, limit: int) -> Select[Any]:
        """By the first of a resource's matching strings, so that each comes once."""
        s, p, row = t.string_index, t.string_index.alias("p"), t.partition(self.query.type).alias("r")
        own = and_(
            s.c.type == literal(library().type_number(self.query.type)),
            s.c.param == literal(driver.condition.parameter.number),
            begins(driver.prefix),
        )
        same = and_(p.c.child == s.c.child, p.c.rid == s.c.rid, p.c.param == s.c.param)
        earlier = select(literal(1)).where(same, p.c.folded >= literal(driver.prefix), p.c.folded < s.c.folded)
        walk = select(s.c.child, s.c.rid, s.c.folded.label("key0")).where(own, ~earlier.correlate(s).exists())
        if after is not None:
            walk = walk.where(tuple_(s.c.folded, s.c.rid) > tuple_(literal(after[0]), literal(after[-1])))
        d = walk.order_by(s.c.folded, s.c.rid).offset(literal(0)).subquery("d")
        joined = d.join(row, and_(row.c.child == d.c.child, row.c.rid == d.c.rid))
        rest = [c for c in self._filters(row)]
        found = select(*self._columns(row), d.c.key0).select_from(joined).where(*rest)
        return found.order_by(d.c.key0, d.c.rid).limit(limit + 1)


_WIDTH = 9
_BEYOND = 2**62
