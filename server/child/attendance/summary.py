"""What attendance adds up to, for a caller: of the marks that it may see, and of no others.

Where the caller's rights speak of nothing but whose a mark is, the totals are read; the children who are
restricted, and those whose marks are to be asked, are counted by their marks, each under the condition that
rules every read. Where a right speaks of more, all are.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from server.child.attendance import mark, term
from server.child.attendance.count import Count, Session, Span, counted
from server.child.attendance.term import Term
from server.child.attendance.total import of_marks
from server.fhir.issue import Unavailable
from server.fhir.period import interval
from server.record.event import entry
from server.record.record import Record
from server.record.totals import TYPE
from server.search import attendance as seen
from server.search.hidden import WITHHELD
from server.search.view import CallerView
from server.store import attendance as lines
from server.store import audit, resources
from server.store.attendance import AS_IT_IS, NONE, PLACES

_ASKED = frozenset({"category", "code", "date", "patient", "status", "value-concept"})
_WHERE = "performer"
"""What a total tells of the marks that it is made of, as the search parameters that tell the same."""

_DAY = timedelta(days=1)
_BLANK = AS_IT_IS + NONE

_ELSEWHERE = ""
"""The school of a child whose whereabouts are withheld."""


@dataclass(frozen=True, slots=True)
class Of:
    """Marks of one child at one school: by term, as letters. `id`: of the Patient."""

    child: int
    school: str
    id: str | None
    terms: Mapping[Term, str]

    def count(self, among: Iterable[str] | None = None) -> Count:
        """All of them; `among`: the letters that there can be."""
        return counted("".join(self.terms.values()), among)


def by_term(found: Iterable[Of]) -> dict[Term, Count]:
    """What all add up to, by term."""
    letters: dict[Term, list[str]] = defaultdict(list)
    for each in found:
        for one, marks in each.terms.items():
            letters[one].append(marks)
    return {one: counted("".join(letters[one])) for one in sorted(letters, key=lambda one: one.start)}


def of_school(record: Record, school: str, span: Span, children: Collection[int] | None = None) -> list[Of]:
    """By child, at a school; `children`: of these alone."""
    view, withheld = record.searchable(TYPE, {*_ASKED, _WHERE})
    plain = _plain(record, view)
    first, last = span.months
    if plain is not None:
        rows = seen.of_school(plain)(record.connection, school=school, first=first, last=last)
    else:
        rows = _to_be_asked(
            seen.children_of_school(view)(record.connection, school=school, first=first, last=last), school
        )
    if children is not None:
        rows = [row for row in rows if row[0] in children]
    found = [each for each in _of(record, view, withheld, rows, span) if each.school == school]
    _account(record, school, found)
    return found


def of_child(record: Record, child: int, id_: str, span: Span) -> list[Of]:
    """Of one child, by school. Where it is withheld at which, the school is not told."""
    view, withheld = record.searchable(TYPE, _ASKED)
    plain = _plain(record, view)
    first, last = span.months
    if plain is not None:
        rows = seen.of_children(plain)(record.connection, children=[child], first=first, last=last)
    else:
        rows = _to_be_asked([(child, id_)], _ELSEWHERE)
    found = _of(record, view, withheld, rows, span)
    _account(record, f"Patient/{id_}", found)
    return found


def _plain(record: Record, view: CallerView) -> CallerView | None:
    if lines.is_to_be_counted(record.connection):
        raise Unavailable(
            "The marks of this database are still to be counted: 'childrecord attendance recount' does it."
        )
    hasher = record.door.hasher
    system = hasher.coding(TYPE, seen.CATEGORY, mark.CATEGORY, "attendance")
    return seen.of_whom(view, frozenset(system))


Row = tuple[Any, ...]
"""Of `search.attendance`: child, school, first, months, marks, apart, id."""


def _to_be_asked(children: Iterable[tuple[int, str | None]], school: str) -> list[Row]:
    return [(child, school, 0, None, "", True, id_) for child, id_ in children]


def _of(record: Record, view: CallerView, withheld: bool, rows: Iterable[Row], span: Span) -> list[Of]:
    terms = [*term.within(span.start, span.end)]
    spans = [(each, Span(each.start, each.end)) for each in terms]
    ids: dict[int, str | None] = {}
    found: list[Of] = []
    apart: set[int] = set()
    for child, school, first, months, marks, asks, id_ in rows:
        ids[child] = id_
        if asks:
            apart.add(child)
        else:
            found.append(Of(child, school, id_, dict(_by_term(marks, first, months, spans))))
    if apart:
        # All of a child's, or nothing: a mark that is asked may be in any of its lines.
        found = [each for each in found if each.child not in apart]
        sessions = _sessions(record, view, withheld, apart, span)
        found += _asked(sessions, ids, terms)
    return [each for each in found if each.terms]


def _by_term(
    marks: str, first: int, months: list[int] | None, terms: Iterable[tuple[Term, Span]]
) -> Iterator[tuple[Term, str]]:
    if months is not None:
        marks = _filled(marks, months)
    for each, span in terms:
        letters = span.cut(marks, first)
        if letters.strip(_BLANK):
            yield each, letters


def _filled(marks: str, months: list[int]) -> str:
    """With nothing for the months between that have no line."""
    by_month = {month: marks[at * PLACES : (at + 1) * PLACES] for at, month in enumerate(months)}
    return "".join(by_month.get(month, NONE * PLACES) for month in range(months[0], months[-1] + 1))


def _sessions(
    record: Record, view: CallerView, withheld: bool, children: Collection[int], span: Span
) -> dict[int, list[Session]]:
    """By child, the marks themselves, each that the caller may see; where it is withheld, without the
    school."""
    number, token = record.door.library.type_number(TYPE), record.door.hasher.token(TYPE, *mark.COUNTED_BY)
    rows = lines.seen(view)(
        record.connection,
        children=sorted(children),
        type=number,
        token=token,
        # A day more, for a mark that has a time has it somewhere: what day it is of, it says itself.
        low=interval(span.start.isoformat())[0] - _DAY,
        high=interval(span.end.isoformat())[1] + _DAY,
    )
    shown = [each for row in rows if (each := resources.stored(TYPE, row)).whole]
    hidden = {each.child for each in shown if each.withheld & WITHHELD}
    if withheld:
        shown = [each for each in shown if not each.withheld & WITHHELD]
    return {
        child: [each._replace(school=_ELSEWHERE) for each in some] if child in hidden else some
        for child, some in of_marks(shown, record.door.base_url).items()
    }


def _asked(
    sessions: Mapping[int, Iterable[Session]], ids: Mapping[int, str | None], terms: Collection[Term]
) -> Iterator[Of]:
    """What marks add up to, by child and school."""
    for child, some in sessions.items():
        letters: dict[str, dict[Term, list[str]]] = defaultdict(lambda: defaultdict(list))
        for each in some:
            within = next((one for one in terms if one.start <= each.day <= one.end), None)
            if within is not None:
                letters[each.school][within].append(each.code.letter)
        for school, by in letters.items():
            yield Of(child, school, ids.get(child), {one: "".join(each) for one, each in by.items()})


def _account(record: Record, of: str, found: Iterable[Of]) -> None:
    number = record.door.library.type_number(TYPE)
    line = entry(record.access, record.at, "operation", number, query=f"{of}/$attendance-summary")
    children = {each.child for each in found}
    if children:
        audit.record_of_several(record.connection, line, children)
    else:
        audit.record(record.connection, line)
