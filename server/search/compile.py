"""A search becomes pages: which statement, in which order, and how far a walk may go.

The caller's view is in every statement here, before any limit: what is not seen does not count, does not sort
and does not turn a page. A statement is built once for each shape of search, and then only given values.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection

from server.search import drive, page, registry, rows, slow
from server.search.census import IN_SIGHT, Census, census, lasting
from server.search.drive import Driver
from server.search.explain import Step, Watch
from server.search.join import Joined, Searchable, resolved
from server.search.kept import counting, kept
from server.search.order import Position
from server.search.pace import EACH, FETCHED, FIRST
from server.search.page import Page
from server.search.query import Query
from server.search.rows import Filter
from server.search.statement import Statement
from server.search.types import Asked, Condition, Context
from server.search.types.date import MAIN, starts
from server.search.view import CallerView
from server.store.database import Prepared
from server.store.row import Entry

GATHERED = 2_500
"""With so few children in sight they are gathered once, rather than asked for with every row."""

GATHERING = 2
"""A child that is gathered costs as much as to ask for those of so many rows."""

REACH = 10_000
"""Rows of a walk for a join."""

ESTIMATED = 1_001
"""An estimate counts no further."""

_FAR = 2
"""What is asked of a row at the far end of a join costs as much as so many rows."""


@dataclass(frozen=True)
class Search:
    """One search of one caller. `withheld`: it asks about what is withheld of restricted children.

    `searchable`: the caller's view of another type, for what is joined. `prefix`: of parameters, in a join.
    `given`: joins that are resolved already. `watch`: is told of each statement; `slow_query`: seconds after
    which the log is.
    """

    connection: Connection
    query: Query
    view: CallerView
    context: Context
    withheld: bool = False
    searchable: Searchable | None = None
    prefix: str = ""
    given: tuple[Joined, ...] = ()
    watch: Watch | None = None
    slow_query: float = 0

    # ---- what is found -------------------------------------------------------------------------------------

    def page(self, limit: int, after: Position | None, entry: Entry, *, complete: bool = False) -> Page:
        """At most `limit` rows from `after` on. `complete`: a short page must mean that there is no more.

        Raises:
            TooCostly: nothing was found within the budget of a walk, or too much to be sorted.
        """
        return page.page(self, limit, after, entry, complete=complete)

    def count(self) -> int:
        """How many rows match."""
        return self._counted(self._all, None, None)

    def estimate(self) -> int | None:
        """How many rows match, counted to `ESTIMATED`; None: the budget of a walk is too small to know."""
        driver, most = self._all, self.bearing(FETCHED)
        bounded = None if driver.kind in ("sight", "child", "rows") else most
        found = self._counted(driver, ESTIMATED, bounded)
        return found if found == ESTIMATED or not bounded or not self.exceeds(driver, most) else None

    def _counted(self, driver: Driver, limit: int | None, budget: int | None) -> int:
        shape = ("count", self.shape, driver.kind, driver.shape, self.gathers, limit, budget)
        found = kept(shape, lambda: counting(self.sql(driver).matching(driver, limit, budget)))
        return int(self.said("count", driver, found)[0][0])

    def places(self, limit: int, *columns: str) -> list[tuple[Any, ...]] | None:
        """Some columns of everything that matches, in no order; None: there is more, or it cannot be known
        within the budget of a walk."""
        driver = self._all
        if driver.kind not in ("sight", "child") and self.exceeds(driver, REACH):
            return None
        shape = ("places", columns, self.shape, driver.kind, driver.shape, self.gathers, limit)
        found = kept(shape, lambda: Prepared(self.sql(driver).places(driver, limit + 1, REACH, *columns)))
        rows = self.said("places", driver, found)
        return None if len(rows) > limit else rows

    @property
    def _all(self) -> Driver:
        """What all that matches is found from: the children in sight, where they have less."""
        driver = self.driver
        listed = driver.kind == "facet" or driver.shape == "facets"
        if not (self.by_sight and (listed or driver.kind == "walk")):
            return driver
        less = not listed or self.mostly_exceeds(driver, min(self.census.reading_each, drive.GATHERED))
        return Driver("sight") if less else driver

    def bearing(self, fetched: int) -> int:
        """How many rows may be fetched instead, for what is asked of each beyond it."""
        return max(fetched // (1 + _FAR * sum(one.each for one in self.joined)), 2 * FIRST)

    # ---- how many there are --------------------------------------------------------------------------------

    @cached_property
    def census(self) -> Census:
        """What decides how a walk goes."""
        view = self.view

        def seen() -> Prepared:
            sql, shape = Statement(self.query.type, view, ()), ("children", view.eyes, view.children)
            return kept(shape, lambda: Prepared(sql.counted_children(IN_SIGHT))).given(view.values)

        whose = (view.eyes, view.children, view.who.key if view.who else None)
        return census(self.connection, self.query.type, whose, seen)

    @cached_property
    def gathers(self) -> bool:
        """Whether few enough children are in the caller's sight to be gathered first."""
        return self.gathers_before(0)

    def gathers_before(self, passed: int) -> bool:
        """Whether few enough are in sight to be gathered before so many rows are passed."""
        return self.view.involved_only and self.census.seen <= max(GATHERED, passed // GATHERING)

    @cached_property
    def by_sight(self) -> bool:
        """Whether each child in the caller's sight may be asked."""
        return self.gathers and self.census.reading_each <= EACH

    def rows_of_homes(self, driver: Driver) -> int:
        """How many rows of the type the children have that a driver names."""
        return len(driver.values["d_0"]) * self.census.rows

    def exceeds(self, driver: Driver, budget: int) -> bool:
        """Whether a driver has more rows than that."""
        if driver.shape == "facets" and budget <= drive.GATHERED:
            # To count each once would be to read them all.
            return drive.listed(self.connection, driver) > budget
        shape = ("exceeds", self.query.type, driver.kind, driver.shape, budget, self.prefix)
        sql = Statement(self.query.type, self.view, (), prefix=self.prefix)
        found = kept(shape, lambda: Prepared(sql.exceeding(driver, budget)))
        return bool(self.said("exceeds", driver, found))

    def mostly_exceeds(self, driver: Driver, budget: int) -> bool:
        """Whether it did a few seconds ago: enough to choose a way by."""
        if driver.kind != "facet":
            return self.exceeds(driver, budget)
        what = ("exceeds", driver.values["d_0"], budget)
        return bool(lasting(self.connection, what, lambda: int(self.exceeds(driver, budget))))

    def said(self, how: str, driver: Driver, asked: Prepared, **values: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement."""
        given = {**self.view.values, **self.values, **driver.named(self.prefix), **values}
        step = Step(self.query.type, how, driver.kind, driver.shape, asked, given)
        if self.watch is not None:
            self.watch(step)
        return slow.timed(self.connection, self.query, step, self.slow_query)

    # ---- shapes and values ---------------------------------------------------------------------------------

    @cached_property
    def driver(self) -> Driver:
        """Where the search begins."""
        offered = [one.driver for one in self.joined if one.driver]
        return drive.driver(self.connection, self.query, self.context, offered)

    @cached_property
    def joined(self) -> tuple[Joined, ...]:
        """What the chains and `_has` of the query come to."""
        joins = enumerate(self.query.joins)
        return (*self.given, *(resolved(join, self, f"{self.prefix}j{at}_") for at, join in joins))

    @cached_property
    def _asked(self) -> tuple[Asked, ...]:
        return tuple(registry.ask(condition, self.context) for condition in self.query.conditions)

    @cached_property
    def shape(self) -> Hashable:
        """All that the SQL depends on beside the driver and the order."""
        asked = zip(self.query.conditions, self._asked, strict=True)
        # A code may be given to another parameter while the server runs.
        criteria = tuple(
            (c.parameter.code, c.parameter.type, c.parameter.expression, one.shape) for c, one in asked
        )
        joins = tuple(one.shape for one in self.joined)
        return self.view, criteria, joins, len(self._spans), self.withheld, self.prefix

    @cached_property
    def values(self) -> dict[str, Any]:
        """What the SQL is given beside the driver and the position."""
        found: dict[str, Any] = {}
        for at, one in enumerate(self._asked):
            found |= one.named(f"{self.prefix}c{at}")
        for at, (low, high) in enumerate(self._spans):
            found |= {f"{self.prefix}span_low{at}": low, f"{self.prefix}span_high{at}": high}
        for joined in self.joined:
            found |= joined.values
        return found

    @cached_property
    def dates(self) -> bool:
        """Whether a criterion on the date leaves no row without one."""
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

    def sql(self, driver: Driver, passed: int = 0) -> Statement:
        """The statements of a driver that pass so many rows."""
        near = [one.near for one in self.joined if one.near and one.driver is not driver]
        sighted, gathered = self.view.involved_only and driver.broad, self.gathers_before(passed)
        if sighted:
            near += rows.in_sight_of(self.view, gathered=gathered)
        criteria, spans = self.filters(driver), len(self._spans)
        return Statement(
            self.query.type, self.view, criteria, tuple(near), sighted, gathered, spans, self.prefix
        )

    def filters(self, driver: Driver) -> tuple[Filter, ...]:
        """The criteria that the driver does not answer."""
        asked = enumerate(zip(self.query.conditions, self._asked, strict=True))
        plain = [
            self._filter(condition, one, f"{self.prefix}c{at}")
            for at, (condition, one) in asked
            if condition is not driver.answers
        ]
        joins = [one.filter for one in self.joined]
        return (*plain, *joins, *([rows.shown(self.view)] if self.withheld else []))

    def _filter(self, condition: Condition, asked: Asked, name: str) -> Filter:
        return lambda row: registry.clause(row, condition, self.context, asked, name)
