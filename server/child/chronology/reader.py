"""The entries of a chronology, in order: several walks along a child's rows, merged as they come.

Each goes in the order of one clock: what began, what was over, the marks of a register, what no index knows a
date of. A page costs what is on it. What sort of event a row is, and whether it was asked for, is told from
the resource as its reader is shown it.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

from server.access import redact
from server.child.chronology import attendance, wording
from server.child.chronology import entry as entries
from server.child.chronology import rule as ruling
from server.child.chronology import seen as seeing
from server.child.chronology.asked import MARK, NONE, RECORDED, Asked
from server.child.chronology.correction import corrections
from server.child.chronology.entry import END, EVENT, ORDER, Entry, Key
from server.child.chronology.seen import Seen
from server.child.chronology.then import Then
from server.child.kind import kinds
from server.fhir import json
from server.fhir.period import HIGHEST, LOWEST, interval
from server.record.record import Record
from server.search import chronology as rows
from server.search.chronology import Found, Walk
from server.search.everything import Views
from server.search.types.date import MAIN
from server.store.row import Stored

PATIENT = "Patient"

_MOST = 800
"""Rows that a walk brings at once, at most."""

_DEAD, _UNBORN = "deceasedDateTime", ruling.OURS + "expected-birth-date"


@dataclass
class Reader:
    """`after`: the entry that the page comes after; `count`: how many are on it."""

    record: Record
    patient: Stored
    asked: Asked
    after: Key
    count: int

    def merged(self) -> Iterator[Entry]:
        """Every entry that is asked for, in order."""
        streams = [self._of_patient(), *(self._past() if self.asked.as_of else self._present())]
        yield from heapq.merge(*streams, key=lambda each: each.key, reverse=self.asked.newest_first)

    # -- which rows

    @cached_property
    def _there(self) -> tuple[bool, set[tuple[int, int]]]:
        return rows.there(self.record.connection, self.patient.child)

    @cached_property
    def _seen(self) -> Seen:
        return seeing.seen(self.record, self.record.access, self._types)

    @cached_property
    def _types(self) -> tuple[str, ...]:
        """Of which something that is asked for may be there, and may be searched."""
        spoken_of, has = self._there
        present = {type_ for type_, _ in has}
        number = self.record.door.library.type_number
        everything_ = spoken_of or self.asked.as_of
        return tuple(
            each for each in seeing.told_of(self.record.access) if everything_ or number(each) in present
        )

    @cached_property
    def _walk(self) -> Walk:
        number = self.record.door.library.type_number
        telling = [each for each in self._types if self._may_tell(each)]
        unless = [each for each in ruling.rules().unless_asked if self._asks_for(each)]
        return Walk(
            self.patient.child,
            [number(each) for each in telling],
            self.asked.low,
            self.asked.high,
            without=[*self._unwanted(telling), *([self._mark] if self._apart else [])],
            named=[number(each) for each in unless],
        )

    def _may_tell(self, type_: str) -> bool:
        """Whether a resource of the type may be what is asked for."""
        if not self._is_classed(type_):
            return True
        return any(self._matches(type_, kind) for kind in ruling.kinds_of_type(type_))

    def _asks_for(self, type_: str) -> bool:
        """Whether what the server itself makes is asked for."""
        return any(kind in self.asked.kinds for some in ruling.kinds_of_type(type_).values() for kind in some)

    def _unwanted(self, types: Iterable[str]) -> Iterator[int]:
        """The classes of which nothing can be what is asked for."""
        for type_ in filter(self._is_classed, types):
            yield from (
                kind for kind in ruling.kinds_of_type(type_) if kind and not self._matches(type_, kind)
            )

    def _matches(self, type_: str, kind: int) -> bool:
        asked = self.asked
        if asked.kinds and asked.kinds.isdisjoint(ruling.kinds_of_type(type_)[kind]):
            return False
        # A week of marks may weigh more than one of them.
        weighs = ruling.significances_of_type(type_)[kind]
        return kind == self._mark or not asked.significances or not asked.significances.isdisjoint(weighs)

    def _is_classed(self, type_: str) -> bool:
        return seeing.is_classed(self.record, type_)

    @cached_property
    def _mark(self) -> int:
        return kinds()[ruling.OURS + ruling.rules().summary].number

    @cached_property
    def _apart(self) -> bool:
        """Whether marks are told of by themselves, or not at all."""
        return self.asked.attendance != MARK and self._is_classed("Observation")

    # -- of today

    def _present(self) -> Iterator[Iterator[Entry]]:
        seen = self._seen
        if not seen.all.of:
            return
        if self.asked.clock == RECORDED:
            yield self._walked(seen.all, "recorded", self._walk, end=False)
        else:
            yield self._walked(seen.dated, "began", self._walk, end=False)
            for walk in self._ending():
                yield self._walked(seen.dated, "ended", walk, end=True)
            yield self._sorted(self._loose())
        if self._there[0]:
            yield self._sorted(self._elsewhere())
        if self._wants_marks():
            only = replace(self._walk, without=(), only=[self._mark], types=[self._observation])
            yield self._attendance(self._marks(seen.marks, only))

    @cached_property
    def _observation(self) -> int:
        return self.record.door.library.type_number("Observation")

    def _wants_marks(self) -> bool:
        wanted = not self.asked.kinds or "attendance" in self.asked.kinds
        known = (self._observation, self._mark) in self._there[1] or bool(self.asked.as_of)
        return (
            self._apart
            and self.asked.attendance != NONE
            and wanted
            and known
            and "Observation" in self._types
        )

    def _ending(self) -> Iterator[Walk]:
        """Of which the end is an event: types of which all, and classes of one of which some."""
        number, telling = self.record.door.library.type_number, set(self._walk.types)
        whole: list[str] = []
        some: list[str] = []
        for type_ in ruling.endings():
            if number(type_) in telling:
                (whole if seeing.ends(type_, 0) else some).append(type_)
        if whole:
            yield replace(self._walk, types=[number(each) for each in whole])
        for type_ in some:
            only = [kind for kind in ruling.kinds_of_type(type_) if kind and seeing.ends(type_, kind)]
            there = [kind for kind in only if (number(type_), kind) in self._there[1]]
            if there or not self._is_classed(type_):
                yield replace(
                    self._walk, types=[number(type_)], only=there if self._is_classed(type_) else ()
                )

    def _walked(self, views: Views, clock: rows.Clock, walk: Walk, *, end: bool) -> Iterator[Entry]:
        """Along an index, chunk by chunk, as far as anybody asks."""
        if not walk.types:
            return
        point = ORDER[END if end else EVENT]
        for found in self._chunks(views, clock, walk, self._place(point)):
            made = entries.of(redact.shown(found.row), end=end, at=found.at)
            if made is not None and self._is_asked(made):
                yield made

    def _place(self, point: int) -> tuple[datetime, int]:
        """After which row a walk goes on whose entries come at this point of a row."""
        at, rid, last = self.after
        if self.asked.newest_first:
            return at, rid + 1 if point < last else rid
        return at, rid - 1 if point > last else rid

    def _chunks(
        self, views: Views, clock: rows.Clock, walk: Walk, after: tuple[datetime, int]
    ) -> Iterator[Found]:
        size = min(self.count + 2, _MOST)
        while True:
            found = rows.walked(
                self.record.connection, views, clock, walk, after, size, newest_first=self.asked.newest_first
            )
            yield from found
            if len(found) < size:
                return
            last = found[-1]
            assert last.at is not None
            after, size = (last.at, last.row.rid), min(2 * size, _MOST)

    def _loose(self) -> list[Found]:
        number = self.record.door.library.type_number
        no_date = [number(each) for each in self._types if MAIN not in self.record.door.library.shipped(each)]
        return rows.loose(self.record.connection, self._seen.all, self._seen.dated, self._walk, no_date)

    def _elsewhere(self) -> list[Found]:
        record = self.record
        return rows.elsewhere(
            record.connection, self._seen.all, self._walk, record.door.hasher, self.patient.id
        )

    def _sorted(self, found: Iterable[Found]) -> Iterator[Entry]:
        """What no walk brings in order: it is little."""
        made = [each for row in found for each in self._made(row.row)]
        yield from self._in_order(made)

    def _made(self, row: Stored) -> Iterator[Entry]:
        shown = redact.shown(row)
        if self.asked.clock == RECORDED:
            points = [entries.of(shown, end=False, at=row.last_updated)]
        else:
            points = [entries.of(shown, end=end, at=None) for end in (False, True)]
        yield from (each for each in points if each is not None and self._is_asked(each))

    def _in_order(self, made: Iterable[Entry]) -> Iterator[Entry]:
        """Within the time that is asked for, after the page before. What has no date comes at the end."""
        down = self.asked.newest_first
        placed = [self._undated_last(each) for each in made]
        inside = (
            each for each in placed if not each.dated or self.asked.low <= each.key[0] < self.asked.high
        )
        ordered = sorted(inside, key=lambda each: each.key, reverse=down)
        yield from (each for each in ordered if (each.key < self.after if down else each.key > self.after))

    def _undated_last(self, made: Entry) -> Entry:
        if made.dated or self.asked.clock == RECORDED:
            return made
        made.key = (LOWEST if self.asked.newest_first else HIGHEST, *made.key[1:])
        made.until = None
        return made

    # -- the register

    def _marks(self, views: Views, walk: Walk) -> Iterator[tuple[datetime, Stored]]:
        """Those of whole weeks: from the week on in which the last page ended."""
        clock: rows.Clock = "recorded" if self.asked.clock == RECORDED else "began"
        at, down = self.after[0], self.asked.newest_first
        if LOWEST < at < HIGHEST:
            begun = attendance.instant(attendance.begins(at, self.asked.attendance))
            # Of a week that was told of nothing is told again: its key is its first instant.
            at = begun if down else begun - _TICK
        for found in self._chunks(views, clock, walk, (at, 2**62 if down else -1)):
            assert found.at is not None
            yield found.at, redact.shown(found.row)

    def _attendance(self, marks: Iterable[tuple[datetime, Stored]]) -> Iterator[Entry]:
        down = self.asked.newest_first
        for span in attendance.spans(marks, self.asked.attendance):
            made = attendance.entry(span, self.asked.attendance)
            beyond = made.key < self.after if down else made.key > self.after
            if beyond and self._is_asked(made):
                yield made

    # -- of a past day

    def _past(self) -> Iterator[Iterator[Entry]]:
        found = self._then.known(self._walk_then, self._types)
        marks = [each for each in found if self._apart and each.kind == self._mark]
        yield self._sorted(each for each in found if not (self._apart and each.kind == self._mark))
        if self._wants_marks():
            yield self._attendance(self._past_marks(marks))

    @property
    def _walk_then(self) -> Walk:
        return replace(self._walk, without=[each for each in self._walk.without if each != self._mark])

    def _past_marks(self, found: Iterable[Found]) -> Iterator[tuple[datetime, Stored]]:
        shown = [redact.shown(each.row) for each in found]
        dated = []
        for row in shown:
            began, _ = entries.dates(json.decode(row.body.encode()))
            at = row.last_updated if self.asked.clock == RECORDED else interval(began)[0] if began else None
            if at is not None and self.asked.low <= at < self.asked.high:
                dated.append((at, row.rid, row))
        for at, _, row in sorted(dated, key=lambda each: each[:2], reverse=self.asked.newest_first):
            yield at, row

    # -- the child itself

    @cached_property
    def shown_patient(self) -> Stored:
        """The Patient as it was known, as far as it may be shown."""
        if self.asked.as_of is None:
            return self.patient
        return self._then.patient()

    @cached_property
    def _then(self) -> Then:
        assert self.asked.as_of is not None
        return Then(self.record, self.patient, self.asked.as_of)

    def _of_patient(self) -> Iterator[Entry]:
        patient = self.shown_patient
        resource = json.decode(patient.body.encode())
        given = (each for each in resource.get("extension", ()) if each.get("url") == _UNBORN)
        expected = next((each.get("valueDate") for each in given), None)
        said = (
            ("Born", resource.get("birthDate"), EVENT),
            ("Expected to be born", None if "birthDate" in resource else expected, EVENT),
            ("Died", resource.get(_DEAD), END),
        )
        made = (
            _born(patient, words, text, point, self.asked)
            for words, text, point in said
            if isinstance(text, str)
        )
        yield from self._in_order(each for each in made if self._is_asked(each))

    # -- what is asked for

    def _is_asked(self, made: Entry) -> bool:
        if not self.asked.wants(made.kind, made.significance):
            return False
        if made.row is not None and entries.shows_whose(made.row):
            made.agency = self._agencies.get(made.row.author, ("", "", ""))[0]
        return not self.asked.agencies or not self.asked.agencies.isdisjoint(self._said_by(made))

    def _said_by(self, made: Entry) -> Iterator[str]:
        """The agency by its name in an URL, and its Organization; those that the resource shows."""
        if made.row is not None and entries.shows_whose(made.row):
            yield from self._agencies.get(made.row.author, ())[1:]
        yield from (str(each.get("reference")) for each in wording.whose(made.resource))

    @cached_property
    def _agencies(self) -> dict[int, tuple[str, str, str]]:
        return {
            each.number: (each.name, each.code, each.organization)
            for each in self.record.door.agencies.values()
        }

    # -- a page in words

    def finished(self, shown: Sequence[Entry], names: wording.Names) -> list[Entry]:
        """With their words, and what was recorded before each was corrected."""
        before = self._before(shown)
        for each in shown:
            if each.rule is not None:
                end = each.point == END
                each.words = wording.headline(each.resource, each.rule, end=end)
                each.details = wording.details(each.resource, each.rule, names, end=end)
                history = before.get(each.row.rid, []) if each.row else []
                each.earlier, each.first = corrections(each, history, names)
            said = (wording.reference(one, names) for one in wording.whose(each.resource))
            each.said_by = tuple(dict.fromkeys(filter(None, said)))
        return list(shown)

    def _before(self, shown: Iterable[Entry]) -> dict[int, list[Stored]]:
        changed = {
            each.row.rid: each.row for each in shown if each.rule and each.row and each.row.version > 1
        }
        changed = {rid: row for rid, row in changed.items() if row.type != PATIENT}
        if not changed:
            return {}
        until = self.asked.as_of or HIGHEST
        found: dict[int, list[Stored]] = {}
        views = self._seen.all
        for row in rows.earlier(self.record.connection, views, changed.values(), until):
            found.setdefault(row.rid, []).append(redact.shown(row))
        return found


_TICK = timedelta(microseconds=1)


def _born(patient: Stored, words: str, text: str, point: str, asked: Asked) -> Entry:
    at = patient.last_updated if asked.clock == RECORDED else interval(text)[0]
    return Entry(
        key=(at, patient.rid, ORDER[point]),
        point=point,
        kind="birth",
        significance="major",
        words=words,
        began=text if point == EVENT else None,
        ended=text if point == END else None,
        recorded=patient.last_updated,
        row=patient,
        until=at,
        hits=(patient.rid,),
    )
