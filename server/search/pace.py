"""In which windows a page is read, and how far: decided by counted numbers.

First what reads least if all that the caller sees matches, then what reads least if nearly nothing of it
does.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from server.search import drive
from server.search.drive import BESIDE, COUNTED, GATHERED, Driver

if TYPE_CHECKING:
    from server.search.compile import Search

FIRST = 2_000
"""Rows of the first window: where what is seen is rare, it is soon known."""

BUDGET = 20_000
"""Rows of every further window."""

FETCHED = 8_000
"""Rows that all windows may fetch, fewer if much is asked of each (`Search.bearing`); what an index passes
for its child is not fetched."""

PASSED = 100_000
"""Rows that all windows may pass."""

EACH = 40_000
"""Rows that may be read of the children in sight, one child after the other."""

FRINGE = 6
"""Rows of each child in sight that are put in order first: those past the last of a child that has more are
not known to be next."""

_WORTH = 8
"""A row that is fetched costs as much as so many that an index alone passes."""

_NEARBY = 2
"""The same of a row that lies beside others of its child."""

_HEAD = 4
"""The same of the first row of a child."""

_SPARE = 8
"""What is seen does not lie evenly among the rest: a page is looked for among so many times the rows."""

Step = tuple[str, int]
"""How it is read (`Statement.page`), and the budget: 0, if there is no further step."""


def steps(search: "Search", driver: Driver, how: str, limit: int) -> Iterator[Step]:
    """What is tried, one after the other, until a page is full."""
    if _by_each(search, driver, limit):
        yield "each", 0
    elif how == "fringe":
        yield from _of_hashes(search, driver, limit)
    elif search.view.involved_only:
        yield from _of_seen(search, driver, how, limit)
    else:
        yield how, FIRST
        yield how, search.bearing(FETCHED) - FIRST


def few_each(search: "Search") -> bool:
    """Whether the children in sight have so little that all of it may be read."""
    return search.by_sight and search.census.reading_each <= FIRST // _WORTH


def soon(search: "Search", limit: int) -> bool:
    """Whether a first window is likely to meet enough that is seen, and reads less than all of it."""
    if not search.view.involved_only:
        return True
    return search.census.walk(limit) <= min(FIRST, _WORTH * search.census.reading_each)


def _by_each(search: "Search", driver: Driver, limit: int) -> bool:
    """Whether to ask each child in sight reads less than to walk until enough of theirs are met."""
    if few_each(search):
        return True
    if not search.by_sight or driver.kind == "prefix":
        return False
    walk = max(search.census.walk(limit), FIRST)
    if driver.kind == "walk":
        # The first of each is mostly soon met.
        return search.census.seen * _HEAD <= walk
    reading = search.census.reading_each * _NEARBY
    return reading <= walk and min(reading, COUNTED) <= drive.rows(search.connection, driver)


def _of_seen(search: "Search", driver: Driver, how: str, limit: int) -> Iterator[Step]:
    """A walk of which only some is of children in sight."""
    census, bearable = search.census, search.by_sight
    walk, most = census.walk(limit), min(census.budget(search.bearing(FETCHED)), PASSED)
    fringed = how == "window" and driver.kind == "walk" and search.gathers
    if fringed and census.seen * FRINGE <= walk:
        yield "fringe", FRINGE
    yield how, FIRST
    if fringed and not bearable:
        yield "fringe", FRINGE
    if bearable and census.reading_each * _WORTH <= max(walk, 2 * BUDGET):
        yield "each", 0
    for passed in range(FIRST, most, BUDGET):
        yield how, min(BUDGET, most - passed)
        if bearable:
            yield "each", 0


def _of_hashes(search: "Search", driver: Driver, limit: int) -> Iterator[Step]:
    """The next few of each of several hashes: as many as fill a page if all that is seen matches, and some to
    spare; then more. Where there are not many all may be passed."""
    each = len(driver.values["d_0"])
    if 0 < each <= BESIDE:
        few = _SPARE * search.census.walk(limit) if search.view.involved_only else limit
        for budget in sorted({min(few, FIRST), FIRST}):
            yield "fringe", max(budget // each, limit)
    listed = drive.rows(search.connection, driver) if driver.most is None else driver.most
    if listed <= GATHERED:
        yield "merged", 0
        return
    yield "fringe", max(search.bearing(FETCHED) // each, limit)
    if search.by_sight:
        yield "each", 0
