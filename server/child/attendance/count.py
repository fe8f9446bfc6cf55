"""Sessions counted: by code, and as the statistics have them.

A session is possible if the code says that the child could have been there; each possible session is
attended, or missed with or without authorisation. What the codes mean is in the code systems (`code`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from server.child.attendance import code
from server.child.attendance.code import Code
from server.store.attendance import AS_IT_IS, ASK, NONE, PLACES, Line

_BLANK = frozenset((AS_IT_IS, NONE))
_HUNDREDTH = Decimal("0.01")

Letters = Mapping[str, int]
"""How often each letter is there."""


class Session(NamedTuple):
    """One mark."""

    day: date
    session: str
    school: str
    code: Code


@dataclass(slots=True)
class Count:
    """How often each code is there."""

    letters: Letters
    attended: int = field(init=False)
    authorised: int = field(init=False)
    unauthorised: int = field(init=False)

    def __post_init__(self) -> None:
        # A school has thousands: each letter is looked at once.
        sums = {"attended": 0, "authorised": 0, "unauthorised": 0, "none": 0}
        known = code.by_letter()
        for letter, often in self.letters.items():
            sums[known[letter].counts] += often
        self.attended, self.authorised = sums["attended"], sums["authorised"]
        self.unauthorised = sums["unauthorised"]

    def __add__(self, other: "Count") -> "Count":
        return total((self, other))

    @property
    def by(self) -> dict[Code, int]:
        """By code, in the order of the code list."""
        known = code.by_letter()
        return {each: self.letters[letter] for letter, each in known.items() if letter in self.letters}

    @property
    def possible(self) -> int:
        """Sessions at which the child could have been there."""
        return self.attended + self.authorised + self.unauthorised

    @property
    def missed(self) -> int:
        """Possible sessions that were not attended."""
        return self.authorised + self.unauthorised

    @property
    def percent(self) -> Decimal | None:
        """How many of the possible sessions were missed, of a hundred; None: none was possible."""
        if not self.possible:
            return None
        return (Decimal(100 * self.missed) / self.possible).quantize(_HUNDREDTH, ROUND_HALF_UP)


def total(counts: Iterable[Count]) -> Count:
    """All of them together."""
    found: dict[str, int] = {}
    for each in counts:
        for letter, often in each.letters.items():
            found[letter] = found.get(letter, 0) + often
    return Count(found)


def counted(marks: str, among: Iterable[str] | None = None) -> Count:
    """The letters of a line, or of several; `among`: those that there can be."""
    letters = code.by_letter() if among is None else among
    return Count({letter: often for letter in letters if (often := marks.count(letter))})


def asks(marks: str) -> bool:
    """Whether the marks themselves are to be asked."""
    return ASK in marks


def month_of(day: date) -> int:
    """As lines count them."""
    return 12 * day.year + day.month - 1


@dataclass(frozen=True, slots=True)
class Span:
    """Days, from the first to the last, as places in lines that begin with the month of the first."""

    start: date
    end: date

    @property
    def months(self) -> tuple[int, int]:
        """The first and the last."""
        return month_of(self.start), month_of(self.end)

    def cut(self, marks: str, month: int) -> str:
        """Of lines one after another, from a month on, what is within the span."""
        first = (month_of(self.start) - month) * PLACES + 2 * (self.start.day - 1)
        last = (month_of(self.end) - month) * PLACES + 2 * self.end.day
        return marks[max(first, 0) : max(last, 0)]


def of_line(line: Line, span: Span) -> str:
    """What a line says of a span."""
    return span.cut(line.marks, line.month)


def sessions(line: Line, span: Span) -> Iterable[Session]:
    """The marks of a line within a span, in order."""
    known = code.by_letter()
    year, month = divmod(line.month, 12)
    for place, letter in enumerate(line.marks):
        if letter in _BLANK or letter == ASK:
            continue
        day = date(year, month + 1, place // 2 + 1)
        if span.start <= day <= span.end:
            yield Session(day, code.SESSIONS[place % 2], line.school, known[letter])
