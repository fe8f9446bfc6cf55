"""Searching for one caller: a page of what matches and may be seen, its total, and what it brings along."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from server import clock
from server.access import redact
from server.record import trace
from server.record.event import entry
from server.search import chain, explain, score, system
from server.search.compartment import Compartment
from server.search.compile import ESTIMATED, Search
from server.search.explain import Step
from server.search.include import Bringing, Included, Mark
from server.search.order import Position
from server.search.page import Page
from server.search.query import Query, SortKey
from server.search.sequence import Order
from server.search.types.filter import codes
from server.store import audit
from server.store.row import Entry, Stored

if TYPE_CHECKING:
    from server.record.record import Record


@dataclass(frozen=True, slots=True)
class Rest:
    """What a page brings along beyond the limit: the matches from `start` to `end`, both included; up to
    `mark` it was shown."""

    start: Position
    end: Position
    mark: Mark


@dataclass(frozen=True, slots=True)
class Asked:
    """A page of a search. `said`: the query, for the account; `complete`: a short page must mean that there
    is no more; `within`: a compartment; `rest`: no new page, but what was left of one;
    `explain`: say how it was carried out."""

    count: int
    after: Position | None = None
    total: str | None = None
    complete: bool = False
    said: str | None = None
    within: Compartment | None = None
    rest: Rest | None = None
    explain: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a search. `total` is None where it was not counted; `rest`: of what is brought along, what is
    not shown here; `scores`: how well rows answer, by rid."""

    rows: tuple[Stored, ...]
    included: tuple[Stored, ...]
    next: Position | None
    total: int | None
    previous: Position | None = None
    rest: Rest | None = None
    explained: tuple[str, ...] = ()
    scores: Mapping[int, Decimal] = field(default_factory=dict)


Turn = Callable[[Position | None], Page]
"""The page from a position on."""


def of_type(record: "Record", query: Query, asked: Asked) -> Found:
    """Resources of one type."""
    traced = trace.asked(record, query) and asked.within is None
    steps: list[Step] = []
    search = prepared(record, query, asked, steps)

    def turn(after: Position | None) -> Page:
        return search.page(asked.count, after, line(record, query.type, asked), complete=asked.complete)

    page = turned(turn, asked, query.sort) if asked.count else nothing(record, query.type, asked)
    matches = tuple(map(redact.shown, page.rows))
    if traced and asked.count and not matches:
        matches = trace.found(record, query)
    total = _total([search], page, asked, len(matches))
    found = brought(record, query, page, matches, total, asked)
    return replace(found, explained=explained(record, steps), scores=_scores(record, [search], page.rows))


def of_types(record: "Record", queries: Mapping[str, Query], asked: Asked) -> Found:
    """Resources of several types, in an order that each of them has: by default the newest first."""
    steps: list[Step] = []
    searches = [
        prepared(record, replace(query, sort=query.sort or newest(record, type_)), asked, steps)
        for type_, query in queries.items()
    ]

    def turn(after: Position | None) -> Page:
        pages = [
            each.page(asked.count, after, line(record, each.query.type, asked), complete=asked.complete)
            for each in searches
        ]
        return system.merged(pages, asked.count, after, Order.of(searches[0].query.sort, []))

    if asked.count and searches:
        page = turned(turn, asked, searches[0].query.sort)
    else:
        page = nothing(record, None, asked)
    matches = tuple(map(redact.shown, page.rows))
    total = _total(searches, page, asked, len(matches))
    every = list(queries.values())
    along = Query(
        "",
        sort=searches[0].query.sort if searches else (),
        include=tuple(dict.fromkeys(one for query in every for one in query.include)),
        revinclude=tuple(dict.fromkeys(one for query in every for one in query.revinclude)),
    )
    found = brought(record, along, page, matches, total, asked)
    return replace(found, explained=explained(record, steps), scores=_scores(record, searches, page.rows))


def newest(record: "Record", type_: str) -> tuple[SortKey, ...]:
    """The order that every type has."""
    return (SortKey(record.door.registry.parameters(type_)["_lastUpdated"], descending=True),)


def turned(turn: Turn, asked: Asked, sort: Sequence[SortKey]) -> Page:
    """The next page, or the rows of an earlier one again, whatever was written between them."""
    if asked.rest is None:
        return turn(asked.after)
    sequence = Order.of(sort, asked.rest.start)
    page, after = Page(()), sequence.just_before(asked.rest.start)
    while True:
        found = turn(after)
        held = sum(not sequence.precedes(asked.rest.end, place) for place in found.places)
        page = Page((*page.rows, *found.rows[:held]), places=(*page.places, *found.places[:held]))
        if found.next is None or held < len(found.places):
            return page
        after = found.next


def _scores(record: "Record", searches: Sequence[Search], rows: Sequence[Stored]) -> dict[int, Decimal]:
    """How well the rows answer, if it is words or a place that they answer to."""
    found: dict[int, Decimal] = {}
    for search in searches:
        ranked = score.parts(search.query.conditions)
        own = [row for row in rows if row.type == search.query.type] if ranked else []
        found |= score.of(record.connection, own, ranked, search.values)
    return found


def prepared(record: "Record", query: Query, wanted: Asked, steps: list[Step] | None = None) -> Search:
    """The search of one type by the caller's view of it; `steps` are told what is done, if it is to be
    explained."""
    within = wanted.within
    asked = {code for condition in query.conditions for code in codes(condition)}
    asked |= {key.parameter.code for key in query.sort}
    for join in query.joins:
        asked |= chain.parameters(join)
    if within is not None:
        asked |= set(within.parameters(query.type))
    view, hidden = record.searchable(query.type, asked)
    given = (within.holds(query.type, view.context),) if within else ()
    watch = steps.append if wanted.explain and steps is not None else None
    return Search(
        record.connection,
        query,
        view,
        view.context,
        hidden,
        record.searchable,
        given=given,
        watch=watch,
        slow_query=record.door.slow_query,
    )


def explained(record: "Record", steps: Sequence[Step]) -> tuple[str, ...]:
    """How a search was carried out: what was done for it is done again, and accounted for again, to be
    measured."""
    again = (replace(step, values={**step.values, **_renewed(step)}) for step in steps)
    return tuple(explain.told(record.connection, step) for step in again)


def _renewed(step: Step) -> dict[str, str]:
    return {"audit_id": clock.new_id()} if "audit_id" in step.values else {}


def line(record: "Record", type_: str | None, asked: Asked) -> Entry:
    """The account of one statement of a search."""
    number = record.door.library.type_number(type_) if type_ else None
    return entry(record.access, record.at, "search", number, query=asked.said)


def nothing(record: "Record", type_: str | None, asked: Asked) -> Page:
    """A page on which nothing is shown is accounted for all the same."""
    audit.record(record.connection, line(record, type_, asked))
    return Page(())


def _total(searches: Sequence[Search], page: Page, asked: Asked, shown: int) -> int | None:
    if asked.rest is not None:
        return None
    if asked.after is None and page.next is None and asked.count and asked.total != "none":
        return shown
    if asked.total == "accurate" or (asked.count == 0 and asked.total is None):
        return sum(search.count() for search in searches)
    if asked.total != "estimate":
        return None
    found = [search.estimate() for search in searches]
    return None if None in found else min(sum(filter(None, found)), ESTIMATED)


def brought(
    record: "Record",
    query: Query,
    page: Page,
    matches: tuple[Stored, ...],
    total: int | None,
    asked: Asked,
) -> Found:
    """What was found, with what the rows of the page bring along."""
    extra = Included()
    if page.rows and (query.include or query.revinclude):
        number = record.door.library.type_number(query.type) if query.type else None
        account = entry(record.access, record.at, "include", number).again(clock.new_id())
        bringing = Bringing(
            record.connection,
            record.access,
            record.searchable,
            lambda: system.present(record.connection),
            account,
        )
        mark = asked.rest.mark if asked.rest else None
        extra = bringing.along(query.include, query.revinclude, page.rows, mark)
    included = tuple(map(redact.shown, extra.rows))
    rest = None
    if extra.more is not None:
        rest = Rest(page.places[0], page.places[-1], extra.more)
    return Found(matches, included, page.next, total, page.previous, rest)
