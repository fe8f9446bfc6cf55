"""How a page is read: along an index in windows of a budget, child by child, or all that match, sorted.

A walk passes rows in the order of the result until the page is full, at most as many as its budget. What it
reads depends on where the matches lie, never on how large the record is. A page that is not full when the
budget is spent goes on where the walk ended; one that is empty is refused.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, overload

from server import clock
from server.fhir.issue import TooCostly
from server.search import order, pace
from server.search.drive import SORTED, Driver
from server.search.kept import accounted, kept
from server.search.order import AT, Key, Position
from server.search.pace import EACH, FIRST
from server.search.types.date import MAIN
from server.store import audit, resources
from server.store.database import Prepared
from server.store.row import Entry, Stored

if TYPE_CHECKING:
    from server.search.compile import Search

_WIDTH = 9


@dataclass(frozen=True, slots=True)
class Page:
    """`next`: where the following page begins, `previous`: where the one before ends; None: there is none."""

    rows: tuple[Stored, ...]
    next: Position | None = None
    previous: Position | None = None
    places: Sequence[Position] = ()
    """That of each row."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows in the order of reading, which may be backwards, with the position of each; `further`: where
    reading goes on."""

    rows: tuple[Stored, ...] = ()
    places: Sequence[Position] = ()
    further: Position | None = None

    def with_more(self, other: "_Part") -> "_Part":
        if not self.rows:
            return other
        further = other.further
        if further is not None and not other.rows:
            # There is more, and nothing of it is shown: it begins behind what is.
            further = self.places[-1]
        return _Part((*self.rows, *other.rows), (*self.places, *other.places), further)


class _Places(Sequence[Position]):
    """Those of rows, each worked out when it is asked for: mostly only the ends of a page are."""

    def __init__(self, place: Callable[[tuple[Any, ...]], Position], rows: Sequence[tuple[Any, ...]]) -> None:
        self._place, self._rows = place, rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> Position: ...
    @overload
    def __getitem__(self, at: slice) -> "_Places": ...
    def __getitem__(self, at: int | slice) -> "Position | _Places":
        if isinstance(at, slice):
            return _Places(self._place, self._rows[at])
        return self._place(self._rows[at])


def page(search: "Search", limit: int, after: Position | None, entry: Entry, *, complete: bool) -> Page:
    """At most `limit` rows from `after` on. `complete`: a short page must mean that there is no more.

    Raises:
        TooCostly: nothing was found within the budget of a walk, or too much to be sorted.
    """
    keys = order.turned(_keys(search, after), after)
    part = _Reading(search, search.driver, keys, limit).part(after, entry, complete=complete)
    if after is not None and order.goes_back(after):
        following = order.forwards(part.places[0]) if part.places else None
        places = tuple(map(order.forwards, part.places[::-1]))
        return Page(part.rows[::-1], following, part.further, places)
    before = order.backwards(part.places[0]) if after is not None and part.places else None
    return Page(part.rows, part.further, before, part.places)


def _keys(search: "Search", after: Position | None) -> tuple[Key, ...]:
    driver, query = search.driver, search.query
    if driver.kind == "prefix":
        assert driver.answers is not None
        return (Key(driver.answers.parameter, descending=False),)
    if query.sort:
        return order.keys(query.sort)
    return order.newest(query.type, order.named(after) or _newest(search))


def _newest(search: "Search") -> str:
    """The order of a search that names none: the quickest by which the newest come first."""
    if search.dates and search.driver.kind != "rows":
        return MAIN
    return AT if search.driver.kind == "facet" or search.driver.shape == "facets" else "_lastUpdated"


@dataclass(frozen=True)
class _Reading:
    """One page of a search, from one driver, in one order."""

    search: "Search"
    driver: Driver
    keys: tuple[Key, ...]
    limit: int

    def part(self, after: Position | None, entry: Entry, *, complete: bool) -> _Part:
        """The rows of the page."""
        if self.driver.kind == "prefix":
            return self._windows("strings", after, entry, self.limit)
        if complete and (self.driver.kind in ("walk", "facet") or self.driver.shape == "facets"):
            return self._run("sorted", after, entry)
        if self.driver.kind == "rows" or not self._ordered:
            return self._sorted(after, entry)
        return self._in_order(after, entry)

    @property
    def _ordered(self) -> bool:
        """Whether an index has the rows in this order."""
        if len(self.keys) > 1 or self.keys[0].column is None:
            return False
        if self.driver.kind == "facet" or self.driver.shape == "facets":
            return self.keys[0].listed(self.search.query.type)
        return self.keys[0].column != AT

    def _from(self, driver: Driver) -> "_Reading":
        return replace(self, driver=driver)

    # ---- sorted --------------------------------------------------------------------------------------------

    def _sorted(self, after: Position | None, entry: Entry) -> _Part:
        """All that match, sorted: no index of the resources has them in this order."""
        if self._named(after):
            part = self._run("named", after, entry, budget=FIRST)
            if part.further is not None:
                return part
            entry = entry.again(clock.new_id())
        if self.driver.broad and pace.few_each(self.search):
            return self._from(Driver("sight"))._run("sorted", after, entry)
        if self._sortable(self.driver):
            return self._run("sorted", after, entry)
        walk = self._from(Driver("walk"))
        if walk._ordered:
            return walk._in_order(after, entry)
        if self.search.by_sight and self.search.census.reading_each <= SORTED:
            return self._from(Driver("sight"))._run("sorted", after, entry)
        if walk._sortable(walk.driver):
            return walk._run("sorted", after, entry)
        raise TooCostly(
            f"More than {SORTED} resources would have to be found and sorted. Sort by '_lastUpdated' or by "
            "'date' alone, or name a child (patient=…), an identifier, a code or a date range."
        )

    def _named(self, after: Position | None) -> bool:
        """Whether the strings that they are sorted by are likely to fill the page soon."""
        if len(self.keys) > 1 or not self.keys[0].stringed or self.driver.kind != "walk":
            return False
        has_any = after is None or after[1] is not None
        return has_any and pace.soon(self.search, self.limit + 1)

    def _sortable(self, driver: Driver) -> bool:
        """Whether a driver has so few rows that they can be sorted."""
        if driver.kind in ("rows", "child"):
            return True
        if driver.shape == "homes":
            return self.search.rows_of_homes(driver) <= SORTED
        return not self.search.mostly_exceeds(driver, SORTED)

    # ---- in the order of an index --------------------------------------------------------------------------

    def _in_order(self, after: Position | None, entry: Entry) -> _Part:
        """Those that have the key, in its order, and those without: backwards, the other way round."""
        key = self.keys[0]
        # A criterion on the date leaves no row without one.
        phases: list[Callable[[Position | None, Entry, int], _Part]] = [self._present]
        if not (key.always or self.search.dates):
            phases.append(self._absent)
        if key.back:
            phases.reverse()
        if after is not None and len(phases) == 2 and (after[1] is None) != key.back:
            phases = phases[1:]
        part = _Part()
        for phase in phases:
            room = self.limit - len(part.rows)
            found = phase(after, entry, room)
            if not room:
                return replace(part, further=part.places[-1] if found.rows or found.further else None)
            part = part.with_more(found)
            if part.further is not None:
                return part
            after, entry = None, entry.again(clock.new_id())
        return part

    def _present(self, after: Position | None, entry: Entry, room: int) -> _Part:
        match self.driver.kind:
            case "child":
                return self._run("along", after, entry, room)
            case "merge" if self.driver.shape == "homes":
                return self._of_homes(after, entry, room)
            case "merge":
                return self._windows("fringe", after, entry, room)
        return self._windows("window", after, entry, room)

    def _absent(self, after: Position | None, entry: Entry, room: int) -> _Part:
        """Rows without the date they are sorted by, by rid: of a child, or along an end of an index."""
        if self.driver.kind == "child":
            return self._run("absent", after, entry, room)
        walk = self._from(Driver("walk"))
        if self.driver.kind == "walk":
            return walk._windows("undated", after, entry, room)
        # Mostly there are none, or few. If not, those of the driver may be.
        part, end = walk._window("undated", FIRST, after, entry, room)
        if end is None:
            return part
        again, room = entry.again(clock.new_id()), room - len(part.rows)
        if self._sortable(self.driver):
            return part.with_more(self._run("absent", end, again, room))
        return part.with_more(walk._windows("undated", end, again, room))

    def _of_homes(self, after: Position | None, entry: Entry, room: int) -> _Part:
        """The first of each of these children; of many it is likely that a walk meets enough."""
        rows, walk = self.search.rows_of_homes(self.driver), self._from(Driver("walk"))
        if rows > EACH:
            return walk._windows("window", after, entry, room)
        if rows <= FIRST:
            return self._run("merged", after, entry, room)
        part, end = walk._window("window", FIRST, after, entry, room)
        if end is None:
            return part
        return part.with_more(self._run("merged", end, entry.again(clock.new_id()), room - len(part.rows)))

    # ---- walks ---------------------------------------------------------------------------------------------

    def _windows(self, how: str, after: Position | None, entry: Entry, room: int) -> _Part:
        """One window after the other, until there are enough, or no more, or the budget is spent."""
        part = _Part()
        for step, budget in pace.steps(self.search, self.driver, how, self.limit + 1):
            if step == "merged":
                return part.with_more(self._run(step, after, entry, room - len(part.rows)))
            if step == "each":
                return part.with_more(self._each(how, after, entry, room - len(part.rows)))
            found, end = self._window(step, budget, after, entry, room - len(part.rows))
            part = part.with_more(found)
            if end is None:
                return part
            after, entry = end, entry.again(clock.new_id())
        if part.rows or not room:
            return replace(part, further=after)
        raise TooCostly(
            "Nothing was found among the newest resources that come into question. Name a child (patient=…), "
            "an identifier, a code or a date range."
        )

    def _window(
        self, how: str, budget: int, after: Position | None, entry: Entry, room: int
    ) -> tuple[_Part, Position | None]:
        """What one window has, and where it ends: None, if there are enough, or no more."""
        part = self._run(how, after, entry, room, budget)
        return part, None if part.further else self._end(how, budget, after)

    def _each(self, how: str, after: Position | None, entry: Entry, room: int) -> _Part:
        """What each child in sight has, merged."""
        match how:
            case "strings":
                return self._from(replace(self.driver, shape="seen"))._run(how, after, entry, room)
            case "undated":
                return self._from(Driver("sight"))._run("absent", after, entry, room)
        # What a code or a reference selects is rare in a child: its first may be its last.
        soon = self.driver.kind == "walk" and self.search.census.seen > self.limit
        return self._run("firsts" if soon else "each", after, entry, room)

    # ---- statements ----------------------------------------------------------------------------------------

    def _run(
        self,
        how: str,
        after: Position | None,
        entry: Entry,
        room: int | None = None,
        budget: int | None = None,
    ) -> _Part:
        """Rows of one statement, of which `room` are shown (all of the page, if it is not said)."""
        room = self.limit if room is None else room
        driver, keys, search = self.driver, self.keys, self.search
        statement = kept(
            self._shape(how, after, budget),
            lambda: accounted(
                search.sql(driver, budget or 0).page(how, driver, keys, after, self.limit + 1, budget),
                several=driver.kind != "child",
            ),
        )
        rows = search.said(
            how,
            driver,
            statement,
            **order.values(after, keys),
            **audit.parameters(entry),
            shown=room,
        )
        width = _WIDTH + len(keys)
        places = _Places(lambda row: self._place(row[_WIDTH:width], row[2]), rows)
        stored = tuple(resources.stored(search.query.type, row[:_WIDTH]) for row in rows[:room])
        # Of a page of nothing it is only asked whether there is more.
        further = places[max(room - 1, 0)] if len(rows) > room else None
        return _Part(stored, places[:room], further)

    def _end(self, how: str, budget: int, after: Position | None) -> Position | None:
        """Where a window ends: its last row, if it has as many as its budget."""
        driver, keys, search = self.driver, self.keys, self.search
        statement = kept(
            ("end", *self._shape(how, after, budget)),
            lambda: Prepared(search.sql(driver).end(how, driver, keys[0], after, budget)),
        )
        found = search.said("end", driver, statement, **order.values(after, keys))
        return self._place(found[0][:1], found[0][1]) if found else None

    def _shape(self, how: str, after: Position | None, budget: int | None) -> tuple[Any, ...]:
        driver, search = self.driver, self.search
        nulls = order.nulls(after)
        return (
            how,
            search.shape,
            driver.kind,
            driver.shape,
            search.gathers_before(budget or 0),
            self.keys,
            nulls,
            self.limit,
            budget,
        )

    def _place(self, values: Sequence[Any], rid: int) -> Position:
        key = self.keys[0]
        named = key.parameter.code if key.parameter else AT
        given = self.search.query.sort or self.search.driver.kind == "prefix"
        place = order.position(values, rid, "" if given else named)
        return order.backwards(place) if key.back else place
