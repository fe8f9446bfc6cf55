"""Searching AuditEvents: the lines of the audit and what clients wrote themselves, as one result."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from server.access import redact
from server.fhir.issue import NotSupported, TooCostly
from server.record import search as searching
from server.record.auditevent.narrow import beyond, is_uuid, narrowed, of_child
from server.record.auditevent.reader import Reader
from server.record.auditevent.resource import TYPE
from server.record.event import entry
from server.record.search import Asked, Found
from server.search import order, system
from server.search.order import Position
from server.search.page import Page
from server.search.query import Query, SortKey
from server.search.sequence import Order
from server.search.types.filter import codes
from server.store import account, audit
from server.store.account import Span
from server.store.row import Stored

if TYPE_CHECKING:
    from server.record.record import Record

CHUNK = 200
"""Lines that are looked at together."""

CHUNKS = 25
"""How often, before what was found so far is the page."""

_SORTED_BY = ("date", "_lastUpdated")


def of_type(record: "Record", query: Query, asked: Asked) -> Found:
    """A page of AuditEvents, the newest first if nothing else is said.

    Raises:
        NotSupported: a way by other resources, that the lines of the audit do not have.
        TooCostly: there is too much to be sorted otherwise than by time.
    """
    query = replace(query, sort=_sort(record, query))
    own = searching.prepared(record, query, asked)
    sequence, made = Order.of(query.sort, []), _Lines(record, query, asked)

    def turn(after: Position | None) -> Page:
        line = entry(record.access, record.at, "search", made.number, query=asked.said)
        pages = [own.page(asked.count, after, line, complete=asked.complete), made.page(asked.count, after)]
        return system.merged(pages, asked.count, after, sequence)

    if asked.count:
        page = searching.turned(turn, asked, query.sort)
        made.account(page.rows)
    else:
        page = searching.nothing(record, TYPE, asked)
    matches = tuple(map(redact.shown, page.rows))
    total = None
    if asked.rest is None and asked.after is None and page.next is None and asked.count:
        total = None if asked.total == "none" else len(matches)
    elif asked.rest is None and (asked.total == "accurate" or (not asked.count and asked.total is None)):
        total = own.count() + made.count()
    return searching.brought(record, query, page, matches, total, asked)


def read(record: "Record", id_: str) -> Stored | None:
    """The line of the audit that has this id, if the caller may see it; None: there is no such line.

    To read one is accounted for like any other reading.
    """
    if not is_uuid(id_):
        return None
    reader = Reader(record, record.access.view(TYPE, "r"))
    found = reader.seen(account.lines(record.connection, Span(ids=(id_,)), 1))
    if found:
        line = entry(record.access, record.at, "read", record.door.library.type_number(TYPE), query=id_)
        audit.record_of_several(record.connection, line, {row.child for row in found if row.child})
    return found[0] if found else None


def _sort(record: "Record", query: Query) -> tuple[SortKey, ...]:
    if query.joins:
        raise NotSupported("An AuditEvent is not searched by way of other resources.")
    return query.sort or searching.newest(record, TYPE)


@dataclass(frozen=True)
class _Lines:
    """The lines of the audit, as one of the sources of a search."""

    record: "Record"
    query: Query
    asked: Asked

    @property
    def number(self) -> int:
        return self.record.door.library.type_number(TYPE)

    def page(self, limit: int, after: Position | None) -> Page:
        """Those from a place on, in the order of the result."""
        back = after is not None and order.goes_back(after)
        if not self._by_time:
            return self._sorted(limit, after)
        falling = self.query.sort[0].descending != back
        rows: list[Stored] = []
        further: Position | None = None
        for found, place in self._chunks(after, falling):
            rows += found
            further = place
            if len(rows) > limit:
                rows, further = rows[:limit], _place(rows[limit - 1])
                break
        if back:
            rows.reverse()
            return Page(tuple(rows), None, further and order.backwards(further), [*map(_place, rows)])
        return Page(tuple(rows), further, None, [*map(_place, rows)])

    @property
    def _by_time(self) -> bool:
        return len(self.query.sort) == 1 and self.query.sort[0].parameter.code in _SORTED_BY

    def _sorted(self, limit: int, after: Position | None) -> Page:
        """All that match, sorted: no index has them in this order."""
        rows: list[Stored] = []
        further: Position | None = None
        for found, place in self._chunks(None, falling=True):
            rows, further = [*rows, *found], place
        if further is not None:
            raise TooCostly(
                f"More than {CHUNK * CHUNKS} lines of the audit would have to be sorted. Sort by 'date' or "
                "'_lastUpdated' alone, or name a child or a shorter time."
            )
        sequence = Order.of(self.query.sort, [])
        placed = [(order.position(self._reader.values[row.rid], row.rid), row) for row in rows]
        placed.sort(key=lambda each: sequence.key(each[0]))
        if after is None:
            shown = placed[:limit]
        elif order.goes_back(after):
            shown = [each for each in placed if sequence.precedes(each[0], after)][-limit:]
        else:
            shown = [each for each in placed if sequence.precedes(after, each[0])][:limit]
        places = [place for place, _ in shown]
        page = Page(tuple(row for _, row in shown), places=places)
        if not places:
            return page
        if after is not None and order.goes_back(after):
            return page if places[0] == placed[0][0] else replace(page, previous=order.backwards(places[0]))
        return page if places[-1] == placed[-1][0] else replace(page, next=places[-1])

    def count(self) -> int:
        """How many there are.

        Raises:
            TooCostly: there is too much to be looked at.
        """
        found, further = 0, None
        for rows, place in self._chunks(None, falling=True):
            found, further = found + len(rows), place
        if further is not None:
            raise TooCostly("There is too much in the audit to count it: name a child or a shorter time.")
        return found

    def account(self, rows: Sequence[Stored]) -> None:
        """Whose account was shown is accounted for too."""
        line = entry(self.record.access, self.record.at, "search", self.number, query=self.asked.said)
        children = {row.child for row in rows if row.child}
        if children:
            audit.record_of_several(self.record.connection, line, children)

    def _chunks(
        self, after: Position | None, falling: bool
    ) -> Iterator[tuple[list[Stored], Position | None]]:
        """What one chunk after another has, and the place up to which it is known; None: there is no more."""
        span = self._span
        if span is None:
            return
        if after is not None:
            span = _after(span, after, falling=falling)
        for _ in range(CHUNKS):
            lines = account.lines(self.record.connection, span, CHUNK, falling=falling)
            rows = self._reader.seen(lines, self.query.conditions)
            if len(lines) < CHUNK:
                yield rows, None
                return
            place = order.position([account.recorded(lines[-1].id)], account.place(lines[-1].id))
            yield rows, place
            span = _after(span, place, falling=falling)

    @cached_property
    def _reader(self) -> Reader:
        asked = {code for condition in self.query.conditions for code in codes(condition)}
        view, _ = self.record.searchable(TYPE, asked)
        return Reader(self.record, view, () if self._by_time else order.keys(self.query.sort))

    @cached_property
    def _span(self) -> Span | None:
        """Where what is asked for can be: the rest of the criteria is asked of each line. None: nowhere."""
        span: Span | None = Span()
        everything = self._reader.everything
        for condition in self.query.conditions:
            if span is not None:
                span = narrowed(self.record, span, condition, everything=everything)
        within = self.asked.within
        if span is None or within is None:
            return span
        if within.type != "Patient":
            return None
        return of_child(self.record, span, within.id, everything=everything)


def _place(row: Stored) -> Position:
    return order.position([row.last_updated], row.rid)


def _after(span: Span, position: Position, *, falling: bool) -> Span:
    return beyond(span, datetime.fromisoformat(position[1]), position[-1], falling=falling)
