"""Dates as the statutory formats write them, as FHIR dates.

SSDA903 writes 14/02/2025 and zz/02/2025 where the day is not known; the census export 2025-Feb-14 00:00:00;
the children in need census 2025-02-14.
"""

import re
from datetime import date

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MIDNIGHT = r"(?:[T ]00:00(?::00(?:\.0+)?)?)?"
_BRITISH = re.compile(rf"(?P<day>\d\d?)/(?P<month>\d\d?)/(?P<year>\d{{4}}){_MIDNIGHT}")
_ISO = re.compile(rf"(?P<year>\d{{4}})-(?P<month>\d\d)-(?P<day>\d\d){_MIDNIGHT}(?:Z|[+-]\d\d:\d\d)?")
_EXPORT = re.compile(rf"(?P<year>\d{{4}})-(?P<month>[A-Za-z]{{3}})-(?P<day>\d\d?){_MIDNIGHT}")
_PARTIAL = re.compile(r"zz/(?P<month>\d\d?|zz)/(?P<year>\d{4}|zzzz)", re.IGNORECASE)


def day(text: str) -> str:
    """A complete date. A time of day other than midnight is refused, for a date could not hold it."""
    for pattern in (_BRITISH, _ISO, _EXPORT):
        if found := pattern.fullmatch(text):
            return _real(
                text, int(found["year"]), _month(text, found["month"]), int(found["day"])
            ).isoformat()
    raise ValueError(f"'{text}' is not a date.")


def partial(text: str) -> str | None:
    """A date of which the day, or day and month, or all may be unknown: 2025-02-14, 2025-02, 2025, None."""
    found = _PARTIAL.fullmatch(text)
    if found is None:
        return day(text)
    month, year = found["month"].casefold(), found["year"].casefold()
    if year == "zzzz":
        if month != "zz":
            raise ValueError(f"'{text}' is a month of an unknown year.")
        return None
    if month == "zz":
        return _real(text, int(year), 1, 1).isoformat()[:4]
    return _real(text, int(year), int(month), 1).isoformat()[:7]


def collection_year(day: str) -> int:
    """The year in which the collection year (1 April to 31 March) that holds the day begins."""
    on = date.fromisoformat(day)
    return on.year if on.month >= 4 else on.year - 1


def birthday(born: str, year: int) -> str:
    """The birthday in the collection year that begins in `year`; 1 March where there is no 29 February."""
    on = date.fromisoformat(born)
    in_year = year if on.month >= 4 else year + 1
    try:
        return on.replace(year=in_year).isoformat()
    except ValueError:
        return date(in_year, 3, 1).isoformat()


def easter(year: int) -> date:
    """Easter Sunday, by Butcher's algorithm for the Gregorian calendar."""
    golden, century, remainder = year % 19, year // 100, year % 100
    epact = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (remainder // 4) - epact - remainder % 4) % 7
    correction = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * correction + 114, 31)
    return date(year, month, day + 1)


def _month(text: str, month: str) -> int:
    if month.isdigit():
        return int(month)
    if month.casefold() not in _MONTHS:
        raise ValueError(f"'{text}' is not a date: there is no month '{month}'.")
    return _MONTHS.index(month.casefold()) + 1


def _real(text: str, year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"'{text}' is not a day of the calendar.") from None
