"""What marks add up to, asked by the server itself: whoever is told of it is told as far as it may see.

One statement for any number of children. Where a line says that its marks are to be asked (one is sealed, or
speaks of several children, or two records of a child were merged), they are asked.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import date
from typing import Any

from server.child.attendance import code, mark
from server.child.attendance.count import Count, Session, Span, asks, counted, of_line, sessions, total
from server.fhir import json
from server.record.door import Door
from server.record.totals import TYPE
from server.store import attendance
from server.store.attendance import Line
from server.store.row import Stored


def series(
    door: Door, connection: Any, children: Collection[int], start: date, end: date
) -> dict[int, list[Session]]:
    """By child, its marks in the order of time."""
    span = Span(start, end)
    lines = attendance.read(connection, children, *span.months)
    asked = _asking(lines, span)
    found: dict[int, list[Session]] = defaultdict(list)
    for line in lines:
        if line.child not in asked:
            found[line.child] += sessions(line, span)
    for child, marks in of_marks(_marks(door, connection, asked), door.base_url).items():
        found[child] = [each for each in marks if start <= each.day <= end]
    return {child: sorted(some) for child, some in found.items() if some}


def counts(
    door: Door, connection: Any, children: Collection[int], start: date, end: date
) -> dict[int, Count]:
    """By child, over all schools."""
    together: dict[int, list[Count]] = defaultdict(list)
    for (child, _), each in by_school(door, connection, children, start, end).items():
        together[child].append(each)
    return {child: total(some) for child, some in together.items()}


def by_school(
    door: Door, connection: Any, children: Collection[int], start: date, end: date
) -> dict[tuple[int, str], Count]:
    """By child and school."""
    span = Span(start, end)
    return _counted(door, connection, attendance.read(connection, children, *span.months), span)


def of_school(door: Door, connection: Any, school: str, start: date, end: date) -> dict[int, Count]:
    """By child, of those who have marks at a school."""
    span = Span(start, end)
    lines = attendance.read_of_school(connection, school, *span.months)
    found = _counted(door, connection, lines, span)
    return {child: each for (child, where), each in found.items() if where == school}


def _counted(door: Door, connection: Any, lines: Iterable[Line], span: Span) -> dict[tuple[int, str], Count]:
    some = list(lines)
    asked = _asking(some, span)
    letters: dict[tuple[int, str], list[str]] = defaultdict(list)
    for line in some:
        if line.child not in asked:
            letters[line.child, line.school].append(of_line(line, span))
    for child, marks in of_marks(_marks(door, connection, asked), door.base_url).items():
        for each in marks:
            if span.start <= each.day <= span.end:
                letters[child, each.school].append(each.code.letter)
    found = {key: counted("".join(pieces)) for key, pieces in letters.items()}
    return {key: each for key, each in found.items() if each.letters}


def _asking(lines: Iterable[Line], span: Span) -> set[int]:
    return {line.child for line in lines if asks(of_line(line, span))}


def _marks(door: Door, connection: Any, children: Collection[int]) -> Iterator[Stored]:
    if children:
        number, token = door.library.type_number(TYPE), door.hasher.token(TYPE, *mark.COUNTED_BY)
        for held, _, _ in attendance.marks(connection, TYPE, number, children, token):
            yield held


def of_marks(marks: Iterable[Stored], base_url: str = "") -> dict[int, list[Session]]:
    """By child, what Observations say; of several for one session, the one that was changed last."""
    found: dict[int, dict[tuple[str, date, str], Session]] = defaultdict(dict)
    for held in sorted(marks, key=lambda each: (each.last_updated, each.rid)):
        read = mark.read(json.decode(held.body.encode()), base_url)
        day = mark.day_of(read) if read else None
        if read is not None and day is not None and read.session in code.SESSIONS:
            key = (read.school, day, read.session)
            found[held.child][key] = Session(day, read.session, read.school, read.code)
    return {child: sorted(some.values()) for child, some in found.items()}
