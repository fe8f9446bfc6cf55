"""Searching what resources contain: the containers that the caller may see, and in them what it is shown.

https://hl7.org/fhir/R4/search.html#contained
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from server.access import redact
from server.fhir import Json, json
from server.fhir.issue import NotSupported, TooCostly
from server.record import search as searching
from server.record.search import Asked, Found
from server.search import order, system
from server.search.compile import Search
from server.search.contained import holding, matching
from server.search.explain import Step
from server.search.extract import extract
from server.search.order import Position
from server.search.page import Page
from server.search.query import Query, SortKey
from server.search.sequence import Order
from server.search.types import Context
from server.store.row import Row, Stored

if TYPE_CHECKING:
    from server.record.record import Record

CHUNK = 200
"""Containers of a type that are looked into at a time."""

CHUNKS = 10
"""How often, before what was found so far is the page."""

_LAST = 1_000_000
"""Behind everything that one resource contains."""


class _Line(NamedTuple):
    """A match: `at`: 0 for a resource itself, and for what it contains its number there."""

    place: Position
    at: int
    row: Stored

    def position(self, *, back: bool = False) -> Position:
        turned = order.backwards if back else order.forwards
        return [*turned(self.place), self.at]


def of_type(record: "Record", query: Query, asked: Asked) -> Found:
    """Resources of a type that others contain (and, for `both`, those that stand for themselves).

    Raises:
        NotSupported: what is asked of them needs more than what is in them.
    """
    _check(query)
    looking = _Looking(record, query, asked)
    if not asked.count:
        searching.nothing(record, query.type, asked)
        total = None if asked.total == "none" else looking.count()
        return Found((), (), None, total)
    lines, further = looking.page()
    back = asked.after is not None and order.goes_back(asked.after)
    beyond = lines[-1].position() if lines else None
    before = lines[0].position(back=True) if lines and asked.after is not None else None
    page = Page(
        tuple(line.row for line in lines if not line.at),
        beyond if back else further,
        further if back else before,
        tuple(line.position() for line in lines if not line.at),
    )
    total = None
    if asked.after is None and further is None and asked.rest is None and asked.total != "none":
        total = len(lines)
    elif asked.total in ("accurate", "estimate") and asked.rest is None:
        total = looking.count()
    found = searching.brought(record, query, page, tuple(line.row for line in lines), total, asked)
    return replace(found, explained=searching.explained(record, looking.steps))


def _check(query: Query) -> None:
    if query.joins:
        raise NotSupported("'_contained': a contained resource is not asked for by way of others.")
    if any(key.parameter.code != "_lastUpdated" for key in query.sort):
        raise NotSupported("'_contained': they are sorted by the '_lastUpdated' of what contains them.")


@dataclass(frozen=True)
class _Looking:
    """One search of what is contained."""

    record: "Record"
    query: Query
    asked: Asked
    steps: list[Step] = field(default_factory=list)

    def page(self) -> tuple[list[_Line], Position | None]:
        """The matches of a page, and where it goes on in the direction in which it was read.

        Raises:
            TooCostly: nothing was found in all that was looked into.
        """
        after = self.asked.after
        if self.asked.rest is not None:
            start = self.asked.rest.start
            after = [*start[:-1], start[-1] - 1]
        back = after is not None and order.goes_back(after)
        found: list[_Line] = []
        further: Position | None = None
        for lines, following in self._chunks(after):
            further = following
            found = [*lines, *found] if back else [*found, *lines]
            if self.asked.rest is not None:
                found, over = self._until(found, self.asked.rest.end)
                if over:
                    return found, None
            elif len(found) > self.asked.count:
                shown = found[-self.asked.count :] if back else found[: self.asked.count]
                return shown, (shown[0] if back else shown[-1]).position(back=back)
        if further is not None and not found:
            raise TooCostly("Nothing was found in the newest resources that contain any: ask for less.")
        return found, further

    def count(self) -> int:
        """How many there are.

        Raises:
            TooCostly: there is too much to be looked into.
        """
        found = 0
        further: Position | None = None
        for lines, following in self._chunks(None):
            further = following
            found += len(lines)
        if further is not None and self.asked.total != "estimate":
            raise TooCostly("There are too many containers to count what they contain: ask for an estimate.")
        return found

    def _chunks(self, after: Position | None) -> Iterator[tuple[list[_Line], Position | None]]:
        """The matches in one chunk of containers after another, with where the next begins."""
        begin = after and (
            self._sequence.just_after(after[:-1])
            if order.goes_back(after)
            else self._sequence.just_before(after[:-1])
        )
        for _ in range(CHUNKS):
            page, own = self._candidates(begin)
            lines = [line for line in self._lines(page, own) if after is None or self._is_after(line, after)]
            begin = page.previous if begin is not None and order.goes_back(begin) else page.next
            yield lines, begin and [*begin, -1 if order.goes_back(begin) else _LAST]
            if begin is None:
                return

    def _until(self, lines: list[_Line], end: Position) -> tuple[list[_Line], bool]:
        """The lines up to an end, and whether they reach it."""
        kept = [
            line
            for line in lines
            if not self._sequence.precedes(end[:-1], line.place)
            and (line.place[1:] != end[1:-1] or line.at <= end[-1])
        ]
        return kept, len(kept) < len(lines)

    def _is_after(self, line: _Line, position: Position) -> bool:
        """Of the one resource that a page begins or ends in, what is on this side of it."""
        if line.place[1:] != position[1:-1]:
            return True
        at: int = position[-1]
        return line.at < at if order.goes_back(position) else line.at > at

    def _candidates(self, after: Position | None) -> tuple[Page, set[int]]:
        """What may hold matches, as far as all of it is known; the rids of those that match themselves."""
        own: set[int] = set()
        pages = []
        for search in self._searches:
            line = searching.line(self.record, search.query.type, self.asked)
            page = search.page(CHUNK, after, line)
            if not search.given:
                own |= {row.rid for row in page.rows}
            pages.append(page)
        every = max(sum(len(page.rows) for page in pages), 1)
        return system.merged(pages, every, after, self._sequence), own

    def _lines(self, page: Page, own: set[int]) -> Iterator[_Line]:
        places = {row.rid: (place, row) for row, place in zip(page.rows, page.places, strict=True)}
        shown = [(place, redact.shown(row)) for place, row in places.values()]
        met = self._met([row for _, row in shown])
        for place, row in shown:
            found = met.get(row.rid, [])
            if row.rid in own or (found and not self.query.as_contained):
                yield _Line(place, 0, row)
            for at, each in found if self.query.as_contained else ():
                text = json.encode(each).decode()
                yield _Line(place, at, replace(row, id=f"{row.id}#{each['id']}", body=text))

    def _met(self, rows: Sequence[Stored]) -> dict[int, list[tuple[int, Json]]]:
        """By the rid of a container: what in it meets the query, numbered."""
        inside = [
            (row, at, each)
            for row in rows
            for at, each in enumerate(json.decode(row.body.encode()).get("contained", ()), 1)
            if each["resourceType"] == self.query.type
        ]
        asked = [self._row(number, row, each) for number, (row, _, each) in enumerate(inside, 1)]
        numbers = matching(self.record.connection, asked, self.query.conditions, self._context)
        found: dict[int, list[tuple[int, Json]]] = {}
        for number, (row, at, each) in enumerate(inside, 1):
            if number in numbers:
                found.setdefault(row.rid, []).append((at, each))
        return found

    def _row(self, number: int, container: Stored, resource: Json) -> Row:
        """A contained resource as if it stood for itself."""
        door = self.record.door
        index = extract(resource, door.hasher, door.base_url)
        return Row(
            type=door.library.type_number(self.query.type),
            id=resource["id"],
            rid=number,
            child=container.child,
            version=container.version,
            author=0,
            last_updated=container.last_updated,
            body=json.encode(resource).decode(),
            date=index.date,
            tokens=index.tokens,
            sorts=index.sorts,
            strings=index.strings,
            dates=index.dates,
            numbers=index.numbers,
            words=index.words,
            identifiers=index.identifiers,
        )

    @cached_property
    def _searches(self) -> list[Search]:
        """Of each type that there is, those that contain any; and those that stand for themselves."""
        record, type_ = self.record, self.query.type
        found = []
        if self.query.contained == "both":
            found.append(
                searching.prepared(
                    record, replace(self.query, sort=self._sort(type_)), self.asked, self.steps
                )
            )
        for each in system.present(record.connection):
            if record.access.may(each, "s"):
                search = searching.prepared(
                    record, Query(each, sort=self._sort(each)), self.asked, self.steps
                )
                found.append(replace(search, given=(*search.given, holding(type_, search.context))))
        return found

    def _sort(self, type_: str) -> tuple[SortKey, ...]:
        newest = searching.newest(self.record, type_)
        falls = self.query.sort[0].descending if self.query.sort else True
        return tuple(replace(key, descending=falls) for key in newest)

    @cached_property
    def _sequence(self) -> Order:
        return Order.of(self._sort(self.query.type), [])

    @cached_property
    def _context(self) -> Context:
        door = self.record.door
        return Context(self.query.type, door.hasher, door.base_url)
