"""What a child's register shows: which possible sessions were attended and missed, the latest last.

A session that two schools marked (dual registration) is one: attended, if either saw the child. Sessions that
are not possible (D, X, Y, Z, #) neither count nor dilute; so rates are over sessions and not over days, and
holidays change nothing.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

from server.child.alert.definition import Attendance, Missed, Rise
from server.child.attendance import code
from server.child.attendance.count import Session, month_of
from server.store.attendance import PLACES, Line

ATTENDED, MISSED, NEITHER = "01."
"""What a session comes to."""

_POSSIBLE = re.compile(r"[01]")


class Rate(NamedTuple):
    """So many sessions were missed of those that were possible."""

    missed: int
    possible: int
    since: date
    until: date

    @property
    def percent(self) -> float:
        """Of the possible ones."""
        return 100 * self.missed / self.possible


@dataclass(frozen=True, slots=True)
class Register:
    """As text, in which counting is quick: two signs a day, and 62 a month. `month`: the first one, twelve
    times the year and the month from 0; `seen`: what each session came to; `letters`: of each school."""

    month: int = 0
    seen: str = ""
    letters: tuple[str, ...] = ()

    @classmethod
    def of(cls, lines: Iterable[Line]) -> "Register":
        """Of the lines of all schools, in any order."""
        by_month: dict[str, dict[int, str]] = {}
        for line in lines:
            by_month.setdefault(line.school, {})[line.month] = line.marks
        months = [month for some in by_month.values() for month in some]
        if not months:
            return cls()
        every = range(min(months), max(months) + 1)
        letters = tuple(
            "".join(some.get(month, NEITHER * PLACES) for month in every) for some in by_month.values()
        )
        return cls(every[0], _together([each.translate(_signs()) for each in letters]), letters)

    def until(self, day: date) -> "Register":
        """What it showed at the end of a day."""
        end = max(self._place(day) + 2, 0)
        return Register(self.month, self.seen[:end], tuple(each[:end] for each in self.letters))

    @property
    def last(self) -> date | None:
        """The day of the last possible session."""
        place = max(self.seen.rfind(ATTENDED), self.seen.rfind(MISSED))
        return self._day(place) if place >= 0 else None

    def given(self, codes: Iterable[str], since: date) -> list[date]:
        """The days, from one on, on which one of these codes was given."""
        wanted = re.compile(f"[{re.escape(''.join(_letters(frozenset(codes))))}]")
        first = max(self._place(since), 0)
        places = (found.start() for each in self.letters for found in wanted.finditer(each, first))
        return sorted({self._day(place) for place in places})

    def missed(self, since: date, until: date) -> list[tuple[date, str]]:
        """The sessions that were missed between two days."""
        first, end = max(self._place(since), 0), self._place(until) + 2
        found = (at for at in range(first, min(end, len(self.seen))) if self.seen[at] == MISSED)
        return [(self._day(at), code.SESSIONS[at % 2]) for at in found]

    def shows(self, asked: Attendance, term: date) -> tuple[Rate, ...]:
        """The rates for which what is asked is so; none: it is not."""
        found = tuple(rate for each in asked.any if (rate := self._is_so(each, term)))
        if asked.any and not found:
            return ()
        if any(self._is_so(each, term) for each in asked.none):
            return ()
        if asked.rise is not None:
            return (*found, *self._risen(asked.rise))
        return found

    def _is_so(self, asked: Missed, term: date) -> Rate | None:
        if isinstance(asked.over, int):
            some = self.seen.replace(NEITHER, "")[-asked.over :]
        else:
            some = self.seen[max(self._place(term), 0) :]
        missed = some.count(MISSED)
        possible = missed + some.count(ATTENDED)
        # As fractions: what is exactly ten percent is ten percent.
        if possible < asked.least or not asked.since * possible <= 100 * missed < asked.below * possible:
            return None
        return self._rate(possible, 0)

    def _risen(self, asked: Rise) -> tuple[Rate, ...]:
        possible = self.seen.replace(NEITHER, "")
        if len(possible) < asked.over + asked.before:
            return ()
        late, early = possible[-asked.over :], possible[-asked.over - asked.before : -asked.over]
        risen = 100 * (late.count(MISSED) / asked.over - early.count(MISSED) / asked.before)
        if risen < asked.points:
            return ()
        return self._rate(asked.before, asked.over), self._rate(asked.over, 0)

    def _rate(self, count: int, after: int) -> Rate:
        """Of so many possible sessions, the last but for so many."""
        places = [found.start() for found in _POSSIBLE.finditer(self.seen)]
        some = places[len(places) - after - count : len(places) - after]
        missed = sum(self.seen[place] == MISSED for place in some)
        return Rate(missed, len(some), self._day(some[0]), self._day(some[-1]))

    def _place(self, day: date) -> int:
        return (month_of(day) - self.month) * PLACES + 2 * (day.day - 1)

    def _day(self, place: int) -> date:
        months, rest = divmod(place, PLACES)
        year, month = divmod(self.month + months, 12)
        return date(year, month + 1, rest // 2 + 1)


def lines(sessions: Iterable[Session], child: int = 0) -> list[Line]:
    """The same as what stands in the table, of marks that were asked for one by one."""
    found: dict[tuple[str, int], list[str]] = {}
    for each in sessions:
        line = found.setdefault((each.school, month_of(each.day)), [NEITHER] * PLACES)
        line[2 * (each.day.day - 1) + code.SESSIONS.index(each.session)] = each.code.letter
    return [Line(child, school, month, "".join(marks)) for (school, month), marks in found.items()]


def _together(schools: list[str]) -> str:
    """A session that several schools marked: attended, if one of them saw the child."""
    first, *others = schools
    for each in others:
        first = "".join(
            min(pair) if NEITHER not in pair else max(pair) for pair in zip(first, each, strict=True)
        )
    return first


@cache
def _signs() -> dict[int, str]:
    found = {letter: _sign(each) for letter, each in code.by_letter().items()}
    return str.maketrans({**dict.fromkeys(" !?.", NEITHER), **found})


def _sign(counted: code.Code) -> str:
    if not counted.possible:
        return NEITHER
    return {"attended": ATTENDED, "authorised": MISSED, "unauthorised": MISSED}.get(counted.counts, NEITHER)


@cache
def _letters(codes: frozenset[str]) -> tuple[str, ...]:
    return tuple(letter for letter, each in code.by_letter().items() if each.code in codes)


def begins(asked: Iterable[Attendance], term: date, today: date) -> date:
    """The first day of which a register has to be known for all that is asked."""
    most = max((sessions for each in asked for sessions in _sessions(each)), default=0)
    # Two sessions a day, five days a week; and half a term and the longest holiday between them.
    return min(term, today - timedelta(days=round(most * 0.75) + 70))


def _sessions(asked: Attendance) -> Iterator[int]:
    yield from (each.over for each in (*asked.any, *asked.none) if isinstance(each.over, int))
    if asked.rise is not None:
        yield asked.rise.over + asked.rise.before
