"""A search becomes SQL: a driver, the other criteria and the caller's view as filters, an order, one page.

The caller's view is in every statement here, before any limit: what is not seen does not count, does not sort
and does not turn a page. A statement is built once for each shape of search, and then only given values.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    bindparam,
    func,
    lateral,
    literal,
    literal_column,
    not_,
    select,
    tuple_,
)

from server import clock
from server.definition.library import library
from server.fhir.issue import TooCostly
from server.search import drive, order, registry
from server.search.drive import Driver
from server.search.order import Key, Position
from server.search.query import Query, SortKey
from server.search.types import Asked, Context
from server.search.types.date import MAIN, starts
from server.search.view import INVOLVED, CallerView, current
from server.store import audit, resources
from server.store import tables as t
from server.store.database import Prepared
from server.store.row import Entry, Stored

BUDGET = 20_000
"""Rows that one walk may pass."""

WINDOWS = 10
"""Walks in a row before a search that finds nothing is refused."""

FEW = 300
"""With so few children in sight each is asked in turn, rather than everything walked."""

ESTIMATED = 10_001
"""An estimate counts no further."""

_KEPT = 4096
_WIDTH = 9
_BEFORE_ALL, _AFTER_ALL = -1, 2**62

_statements: dict[Hashable, Prepared] = {}


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
    withheld: bool = False

    # ---- which statement -----------------------------------------------------------------------------------

    def page(self, limit: int, after: Position | None, entry: Entry, *, complete: bool = False) -> Page:
        """At most `limit` rows from `after` on. `complete`: a short page must mean that there is no more.

        Raises:
            TooCostly: nothing was found within the budget of a walk.
        """
        driver = drive.driver(self.connection, self.query, self.context)
        if driver.kind == "prefix":
            assert driver.shape is not None
            return self._run("prefix", driver, (Key(driver.shape, descending=False),), after, limit, entry)  # type: ignore[arg-type]
        keys = self._keys(driver)
        ordered = len(keys) == 1 and keys[0].column is not None
        if driver.kind == "rows" or not ordered or (driver.kind == "walk" and complete):
            return self._run("sorted", driver, keys, after, limit, entry)
        return self._in_order(driver, keys, after, limit, entry)

    def count(self, limit: int | None = None) -> int:
        """How many rows match, counted no further than `limit`."""
        driver = drive.driver(self.connection, self.query, self.context)
        statement = _kept(
            ("count", self._shape, driver.kind, driver.shape, limit), lambda: self._counting(driver, limit)
        )
        return int(statement(self.connection, **self._values, **driver.values)[0][0])

    def _keys(self, driver: Driver) -> tuple[Key, ...]:
        if self.query.sort:
            return order.keys(self.query.sort)
        code = MAIN if self._dates and driver.kind != "rows" else "_lastUpdated"
        parameter = library().search_parameters(self.query.type)[code]
        return order.keys([SortKey(parameter, descending=True)])

    def _in_order(
        self, driver: Driver, keys: tuple[Key, ...], after: Position | None, limit: int, entry: Entry
    ) -> Page:
        """First the rows that have the key, in its order; then, if the page is not full, those without."""
        key = keys[0]
        page = Page((), None)
        if after is None or after[0] is not None:
            page = self._present(driver, keys, after, limit, entry)
            # A criterion on the date leaves no row without one.
            if page.next is not None or key.column == "last_updated" or self._dates:
                return page
            after, entry = None, entry.again(clock.new_id())
        room = limit - len(page.rows)
        first = [None, _AFTER_ALL if key.descending else _BEFORE_ALL]
        rest = self._run("absent", driver, keys, after or first, max(room, 1), entry)
        if not room:
            return Page(page.rows, first if rest.rows else None)
        return Page(page.rows + rest.rows, rest.next)

    def _present(
        self, driver: Driver, keys: tuple[Key, ...], after: Position | None, limit: int, entry: Entry
    ) -> Page:
        if driver.kind != "walk":
            return self._run("along", driver, keys, after, limit, entry)
        if self.view.involved_only and self._children_in_sight() <= FEW:
            return self._run("each", driver, keys, after, limit, entry)
        for _ in range(WINDOWS):
            page = self._run("window", driver, keys, after, limit, entry)
            end = None if page.next else self._end_of_window(driver, keys, after)
            if page.next or end is None:
                return page
            if page.rows:
                return Page(page.rows, end)
            entry = entry.again(clock.new_id())
            if self.view.involved_only:
                return self._run("each", driver, keys, after, limit, entry)
            after = end
        raise TooCostly(
            "Nothing was found among the newest 200,000 resources of this type. Name a child (patient=…), an "
            "identifier, a code or a date range."
        )

    def _run(
        self,
        how: str,
        driver: Driver,
        keys: tuple[Key, ...],
        after: Position | None,
        limit: int,
        entry: Entry,
    ) -> Page:
        shape = (how, self._shape, driver.kind, driver.shape, keys, order.nulls(after), limit)
        statement = _kept(
            shape,
            lambda: self._accounted(
                self._built(how, driver, keys, after, limit), limit, several=driver.kind != "child"
            ),
        )
        rows = statement(
            self.connection,
            **self._values,
            **driver.values,
            **order.values(after, keys),
            **audit.parameters(entry),
        )
        shown = rows[:limit]
        stored = tuple(resources.stored(self.query.type, row[:_WIDTH]) for row in shown)
        following = None
        if len(rows) > limit and shown:
            following = order.position(shown[-1][_WIDTH : _WIDTH + len(keys)], stored[-1].rid)
        return Page(stored, following)

    def _end_of_window(
        self, driver: Driver, keys: tuple[Key, ...], after: Position | None
    ) -> Position | None:
        shape = ("end", self._shape, keys, order.nulls(after))
        statement = _kept(shape, lambda: Prepared(self._window_end(keys[0], after)))
        values = {name: value for name, value in self._values.items() if name.startswith("span_")}
        found = statement(self.connection, **values, **order.values(after, keys))
        return order.position([found[0][0]], found[0][1]) if found else None

    def _children_in_sight(self) -> int:
        """How many children are in the caller's sight, counted to just above `FEW`."""
        statement = _kept(("children", self.view), lambda: Prepared(self._counted_children()))
        return int(statement(self.connection)[0][0])

    # ---- shapes and values ---------------------------------------------------------------------------------

    @cached_property
    def _asked(self) -> tuple[Asked, ...]:
        return tuple(registry.ask(condition, self.context) for condition in self.query.conditions)

    @cached_property
    def _shape(self) -> Hashable:
        asked = zip(self.query.conditions, self._asked, strict=True)
        criteria = tuple((condition.parameter.code, one.shape) for condition, one in asked)
        return self.view, criteria, len(self._spans), self.withheld

    @cached_property
    def _values(self) -> dict[str, Any]:
        found = {
            name: value for at, one in enumerate(self._asked) for name, value in one.named(f"c{at}").items()
        }
        for at, (low, high) in enumerate(self._spans):
            found |= {f"span_low{at}": low, f"span_high{at}": high}
        return found

    @cached_property
    def _dates(self) -> bool:
        return any(
            c.parameter.code == MAIN and c.parameter.type == "date" and c.modifier is None
            for c in self.query.conditions
        )

    @cached_property
    def _spans(self) -> list[tuple[Any, Any]]:
        """The dates outside of which a walk need not look."""
        spans = (
            starts(c)
            for c in self.query.conditions
            if c.parameter.code == MAIN and c.parameter.type == "date"
        )
        return [span for span in spans if span]

    # ---- SQL -----------------------------------------------------------------------------------------------

    def _built(
        self, how: str, driver: Driver, keys: Sequence[Key], after: Position | None, limit: int
    ) -> Select[Any]:
        most: ColumnElement[int] = literal_column(str(limit + 1))
        match how:
            case "sorted":
                return self._sorted(driver, keys, after).limit(most)
            case "along":
                return self._along(driver, keys[0], after).limit(most)
            case "absent":
                return self._absent(driver, keys[0]).limit(most)
            case "window":
                return self._window(driver, keys[0], after).limit(most)
            case "each":
                return self._each(driver, keys[0], after, most).limit(most)
            case "prefix":
                return self._prefixed(driver, after).limit(most)
        raise AssertionError(how)

    def _accounted(self, statement: Select[Any], limit: int, *, several: bool) -> Prepared:
        found = statement.cte("page").prefix_with("MATERIALIZED")
        return Prepared(select(found).add_cte(*audit.of_found(found, shown=limit, several=several)))

    def _row(self, name: str = "r") -> FromClause:
        return t.partition(self.query.type).alias(name)

    def _own(self, row: FromClause) -> ColumnElement[bool]:
        return row.c.type == literal_column(str(self._number))

    @property
    def _number(self) -> int:
        return library().type_number(self.query.type)

    def _filters(self, row: FromClause, driver: Driver) -> list[ColumnElement[bool]]:
        criteria = (
            registry.clause(row, condition, self.context, asked, f"c{at}")
            for at, (condition, asked) in enumerate(zip(self.query.conditions, self._asked, strict=True))
            if condition is not driver.answers
        )
        shown = [not_(self.view.withheld(row))] if self.withheld else []
        return [self._own(row), *criteria, self.view.visible(row), *shown]

    def _source(self, driver: Driver, row: FromClause) -> FromClause:
        """The rows a driver begins from, fenced, and joined with the resources."""
        match driver.kind:
            case "rows":
                d = drive.places(self.query.type, driver).offset(literal_column("0")).subquery("d")
            case "facet":
                f = select(t.facet.c.child, t.facet.c.rid).where(t.facet.c.h == bindparam("d_0"))
                d = f.offset(literal_column("0")).subquery("d")
            case "prefix":
                d = self._matching_strings().offset(literal_column("0")).subquery("d")
            case _:
                return row
        return d.join(row, and_(row.c.child == d.c.child, row.c.rid == d.c.rid))

    def _begun(self, driver: Driver, row: FromClause) -> list[ColumnElement[bool]]:
        return [row.c.child == drive.child()] if driver.kind == "child" else []

    def _counting(self, driver: Driver, limit: int | None) -> Prepared:
        row = self._row()
        most: ColumnElement[int] | None = None if limit is None else literal_column(str(limit))
        matching = select(literal(1)).select_from(self._source(driver, row))
        some = matching.where(*self._begun(driver, row), *self._filters(row, driver)).limit(most).subquery()
        return Prepared(select(func.count()).select_from(some))

    def _sorted(self, driver: Driver, keys: Sequence[Key], after: Position | None) -> Select[Any]:
        """All that match are found, then sorted: for few, or for an order that no index has."""
        row = self._row()
        values = [key.value(row).label(f"key{at}") for at, key in enumerate(keys)]
        found = select(*resources.columns(row, self.view), *values).select_from(self._source(driver, row))
        found = found.where(*self._begun(driver, row), *self._filters(row, driver)).offset(
            literal_column("0")
        )
        inner = found.subquery("q")
        columns = [inner.c[f"key{at}"] for at in range(len(keys))]
        statement = select(inner).order_by(*order.ordering(columns, keys, inner.c.rid))
        return statement if after is None else statement.where(order.after(after, columns, keys, inner.c.rid))

    def _along(self, driver: Driver, key: Key, after: Position | None) -> Select[Any]:
        """Rows of one child or one facet, in the order of an index that begins with it."""
        row = self._row()
        assert key.column is not None
        if driver.kind == "child":
            column, rid = row.c[key.column], row.c.rid
            found = select(*resources.columns(row, self.view), column.label("key0"))
            found = found.where(
                row.c.child == drive.child(), *_steps(row, key, after), *self._filters(row, driver)
            )
            return found.order_by(*_index_order(column, rid, key))
        f = t.facet
        walk = select(f.c.child, f.c.rid, f.c[key.column].label("key0"))
        walk = walk.where(f.c.h == bindparam("d_0"), *_steps(f, key, after))
        walk = walk.order_by(*_index_order(f.c[key.column], f.c.rid, key)).offset(literal_column("0"))
        return self._joined(driver, walk, row, key)

    def _joined(self, driver: Driver, walk: Select[Any], row: FromClause, key: Key) -> Select[Any]:
        """The resources of rows that come in order already."""
        d = walk.subquery("d")
        joined = d.join(row, and_(row.c.child == d.c.child, row.c.rid == d.c.rid))
        found = select(*resources.columns(row, self.view), d.c.key0).select_from(joined)
        return found.where(*self._filters(row, driver)).order_by(*_index_order(d.c.key0, d.c.rid, key))

    def _window(self, driver: Driver, key: Key, after: Position | None) -> Select[Any]:
        row = self._walked(key, after).limit(literal_column(str(BUDGET))).subquery("r")
        assert key.column is not None
        column = row.c[key.column]
        found = select(*resources.columns(row, self.view), column.label("key0")).where(
            *self._filters(row, driver)
        )
        return found.order_by(*_index_order(column, row.c.rid, key))

    def _window_end(self, key: Key, after: Position | None) -> Select[Any]:
        assert key.column is not None
        last = self._walked(key, after, key.column, "rid").offset(literal_column(str(BUDGET - 1)))
        return last.limit(literal_column("1"))

    def _walked(self, key: Key, after: Position | None, *columns: str) -> Select[Any]:
        row = self._row("w")
        assert key.column is not None
        spans = (
            and_(row.c.date_low >= bindparam(f"span_low{at}"), row.c.date_low < bindparam(f"span_high{at}"))
            for at in range(len(self._spans) if key.column == "date_low" else 0)
        )
        wanted = [row.c[name] for name in columns] or list(row.c)
        walk = select(*wanted).where(self._own(row), *_steps(row, key, after), *spans)
        return walk.order_by(*_index_order(row.c[key.column], row.c.rid, key))

    def _each(self, driver: Driver, key: Key, after: Position | None, most: Any) -> Select[Any]:
        """The first of each child in sight, merged."""
        here = t.presence.alias("here")
        some = self._seen().subquery("seen")
        present = and_(here.c.child == some.c.child, here.c.type == literal_column(str(self._number)))
        seen = select(some.c.child).where(select(literal(1)).where(present).exists()).subquery("c")
        row = self._row()
        assert key.column is not None
        column = row.c[key.column]
        one = select(*resources.columns(row, self.view), column.label("key0"))
        one = one.where(row.c.child == seen.c.child, *_steps(row, key, after), *self._filters(row, driver))
        one = one.order_by(*_index_order(column, row.c.rid, key)).limit(most)
        each = lateral(one.correlate(seen)).alias("each")
        found = select(each).select_from(seen.join(each, literal(True)))
        return found.order_by(*_index_order(each.c.key0, each.c.rid, key))

    def _seen(self) -> Select[Any]:
        s = t.sight.alias("s")
        mine = s.c.principal == literal(self.view.agency)
        return select(s.c.child).where(mine, current(s, INVOLVED, self.view.months_after)).distinct()

    def _counted_children(self) -> Select[Any]:
        some = self._seen().limit(literal_column(str(FEW + 1))).subquery()
        return select(func.count()).select_from(some)

    def _absent(self, driver: Driver, key: Key) -> Select[Any]:
        """Rows without the date they are sorted by, by rid."""
        row = self._row()
        assert key.column is not None
        found = select(*resources.columns(row, self.view), row.c[key.column].label("key0"))
        found = found.select_from(self._source(driver, row)).where(row.c[key.column].is_(None))
        last: ColumnElement[int] = bindparam("p_rid")
        beyond = row.c.rid < last if key.descending else row.c.rid > last
        found = found.where(*self._begun(driver, row), beyond, *self._filters(row, driver))
        return found.order_by(row.c.rid.desc() if key.descending else row.c.rid.asc())

    def _prefixed(self, driver: Driver, after: Position | None) -> Select[Any]:
        """By the first of a resource's matching strings, so that each comes once."""
        s, row = t.string_index, self._row()
        walk = self._matching_strings().add_columns(s.c.folded.label("key0"))
        if after is not None:
            walk = walk.where(tuple_(s.c.folded, s.c.rid) > tuple_(bindparam("p_0"), bindparam("p_rid")))
        walk = walk.order_by(s.c.folded, s.c.rid).offset(literal_column("0"))
        d = walk.subquery("d")
        joined = d.join(row, and_(row.c.child == d.c.child, row.c.rid == d.c.rid))
        found = select(*resources.columns(row, self.view), d.c.key0).select_from(joined)
        return found.where(*self._filters(row, driver)).order_by(d.c.key0, d.c.rid)

    def _matching_strings(self) -> Select[Any]:
        s, p = t.string_index, t.string_index.alias("p")
        begins = and_(s.c.folded >= bindparam("d_0"), s.c.folded < bindparam("d_1"))
        own = and_(self._own(s), s.c.param == bindparam("d_param"), begins)
        same = and_(p.c.child == s.c.child, p.c.rid == s.c.rid, p.c.param == s.c.param)
        earlier = select(literal(1)).where(same, p.c.folded >= bindparam("d_0"), p.c.folded < s.c.folded)
        return select(s.c.child, s.c.rid).where(own, ~earlier.correlate(s).exists())


def _kept(shape: Hashable, build: Callable[[], Prepared]) -> Prepared:
    """The statement of a shape, built if it is new."""
    statement = _statements.get(shape)
    if statement is None:
        if len(_statements) >= _KEPT:
            _statements.clear()
        statement = _statements[shape] = build()
    return statement


def _steps(row: FromClause, key: Key, after: Position | None) -> list[ColumnElement[bool]]:
    """From where on an index is walked."""
    assert key.column is not None
    column = row.c[key.column]
    if after is None:
        return [column.is_not(None)]
    here, there = tuple_(column, row.c.rid), tuple_(bindparam("p_0"), bindparam("p_rid"))
    return [here < there if key.descending else here > there]


def _index_order(column: ColumnElement[Any], rid: ColumnElement[int], key: Key) -> list[Any]:
    return [column.desc(), rid.desc()] if key.descending else [column.asc(), rid.asc()]
