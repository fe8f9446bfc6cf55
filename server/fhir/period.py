"""FHIR dates are intervals: 2024-05 means every instant of that May.

https://hl7.org/fhir/R4/search.html#date
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from server.fhir import Json

Interval = tuple[datetime, datetime]
"""From the first instant to the first one after, both in UTC."""

LOWEST = datetime(1, 1, 2, tzinfo=UTC)
"""The low end of a period that has no start: a day off the edge, so that zones cannot overflow."""

HIGHEST = datetime(9998, 1, 1, tzinfo=UTC)
"""The high end of a period that has no end."""

HOME = ZoneInfo("Europe/London")
"""The zone of a day, and of a time that names none."""

_TICK = timedelta(microseconds=1)
_TEXT = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9})\d*)?)?(Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)


@lru_cache(maxsize=8192)
def interval(text: str) -> Interval:
    """The instants that a date, dateTime or instant of any precision stands for; ValueError if it is none."""
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text[:60]}' is not a FHIR date.")
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    if int(year) >= HIGHEST.year:
        return HIGHEST - _TICK, HIGHEST
    if hour is None:
        low, high = _date(int(year), month, day)
    else:
        start = datetime(int(year), int(month), int(day), int(hour), int(minute), tzinfo=_zone(zone))
        low = _utc(start + _since(second, fraction))
        high = low + _precision(second, fraction)
    low = max(low, LOWEST)
    return low, max(high, low + _TICK)


def period(element: Json) -> Interval:
    """The instants of a Period; an end that is missing is open."""
    start, end = element.get("start"), element.get("end")
    return (interval(start)[0] if start else LOWEST), (interval(end)[1] if end else HIGHEST)


def day(text: str) -> date | None:
    """The day that a date or a time falls on at home; None where it is known to the month or the year."""
    if len(text) == len("YYYY-MM-DD"):
        return date.fromisoformat(text)
    return interval(text)[0].astimezone(HOME).date() if "T" in text else None


def _date(year: int, month: str | None, day: str | None) -> Interval:
    low = datetime(year, int(month or 1), int(day or 1), tzinfo=HOME)
    if day:
        high = low + timedelta(days=1)
    elif month and low.month < 12:
        high = low.replace(month=low.month + 1)
    else:
        high = low.replace(year=year + 1, month=1)
    return low.astimezone(UTC), high.astimezone(UTC)


def _since(second: str | None, fraction: str | None) -> timedelta:
    """The part of a time below the minute; a leap second, unknown to datetime, spills into the next."""
    return timedelta(seconds=int(second or 0), microseconds=int((fraction or "")[:6].ljust(6, "0")))


def _utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return LOWEST


def _precision(second: str | None, fraction: str | None) -> timedelta:
    if second is None:
        return timedelta(minutes=1)
    return timedelta(microseconds=10 ** (6 - min(len(fraction or ""), 6)))


def _zone(text: str | None) -> ZoneInfo | timezone:
    if text is None:
        return HOME
    if text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[4:6])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
