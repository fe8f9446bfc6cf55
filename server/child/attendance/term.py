"""The terms of a school year, as the school census collects attendance by them.

Autumn from 1 August to 31 December, spring from 1 January to Easter Sunday, summer from Easter Monday to 31
July. Where a school has terms of its own, it asks for days.

https://www.gov.uk/guidance/complete-the-school-census
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from server.child.workingday import easter

_DAY = timedelta(days=1)
_AUGUST = 8


class Term(NamedTuple):
    """From the first day to the last. `name`: `2025-26 autumn`."""

    name: str
    start: date
    end: date


def year_of(day: date) -> int:
    """In which year the school year of a day began."""
    return day.year if day.month >= _AUGUST else day.year - 1


def year_named(first: int) -> Term:
    """The school year that began in that year."""
    return Term(f"{first}-{(first + 1) % 100:02d}", date(first, _AUGUST, 1), date(first + 1, 7, 31))


def terms(first: int) -> tuple[Term, ...]:
    """The terms of the school year that began in that year."""
    year, sunday = year_named(first), easter(first + 1)
    return (
        Term(f"{year.name} autumn", year.start, date(first, 12, 31)),
        Term(f"{year.name} spring", date(first + 1, 1, 1), sunday),
        Term(f"{year.name} summer", sunday + _DAY, year.end),
    )


def of(day: date) -> Term:
    """The term of a day."""
    return next(each for each in terms(year_of(day)) if each.start <= day <= each.end)


def within(start: date, end: date) -> Iterator[Term]:
    """The terms of which there are days from one to another, as far as they are."""
    for first in range(year_of(start), year_of(end) + 1):
        for each in terms(first):
            low, high = max(start, each.start), min(end, each.end)
            if low <= high:
                yield Term(each.name, low, high)


def named(name: str) -> Term | None:
    """The school year (`2025-26`) or the term (`2025-26 autumn`) of that name."""
    text = name[:4]
    if not (text.isascii() and text.isdigit() and 1900 <= int(text) < 2200):
        return None
    first = int(text)
    return next((each for each in (year_named(first), *terms(first)) if each.name == name), None)
