"""Dates, dates with times and times of day, each as precise as it is written.

http://hl7.org/fhirpath/N1/#datetime-comparison
"""

import re
from calendar import monthrange
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from server.fhir.fhirpath.environment import Misused

DATES = frozenset({"date", "System.Date"})
DATE_TIMES = frozenset({"dateTime", "instant", "System.DateTime"})
TIMES = frozenset({"time", "System.Time"})
TYPES = DATES | DATE_TIMES | TIMES

_DAY = r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?"
_CLOCK = r"(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d+)?))?)?"
_DATE_TIME = re.compile(rf"{_DAY}(?:T(?:{_CLOCK})?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_TIME = re.compile(_CLOCK, re.ASCII)
_WITHOUT_ZONE = frozenset({4, 7, 10})
_ZONES = timedelta(hours=14)
"""So far a place's clock may be from UTC."""


class Temporal(NamedTuple):
    """`parts` from the year, or the hour, down to what is known; `zone` is minutes before UTC's clock."""

    is_time: bool
    parts: tuple[int | Decimal, ...]
    zone: int | None = None


@lru_cache(maxsize=4096)
def parse(text: str, is_time: bool = False) -> Temporal | None:
    """What a text says; None if it is no date, or no time of day, that there can be."""
    found = (_TIME if is_time else _DATE_TIME).fullmatch(text)
    if found is None:
        return None
    groups = found.groups()
    named = groups if is_time else groups[:6]
    parts = tuple(Decimal(each) if "." in each else int(each) for each in named if each is not None)
    temporal = Temporal(is_time, parts, None if is_time else _zone(groups[6]))
    return temporal if _is_possible(temporal) else None


def are_alike(one: str, other: str) -> bool:
    """Whether two texts are of one precision and one zone, so that their letters are in the order of time."""
    length = len(one)
    return length == len(other) and (length in _WITHOUT_ZONE or (length > 19 and one[19:] == other[19:]))


def compared(one: Temporal, other: Temporal) -> int | None:
    """-1, 0 or 1; None where the precision, or a zone that is missing, leaves it open."""
    if one.is_time != other.is_time:
        raise Misused("A time of day is neither before nor after a date.")
    if len(one.parts) > 3 and len(other.parts) > 3 and one.zone != other.zone:
        if one.zone is None or other.zone is None:
            return _compared_far_apart(one, other)
        one, other = _in_utc(one), _in_utc(other)
    for mine, its in zip(one.parts, other.parts, strict=False):
        if mine != its:
            return -1 if mine < its else 1
    # Seconds and their fractions are one precision.
    return 0 if len(one.parts) == len(other.parts) else None


def moved(text: str, is_time: bool, number: Decimal, unit: str) -> str:
    """A date or time so many units later, as precise as it was."""
    temporal = parse(text, is_time)
    if temporal is None:
        raise Misused(f"'{text}' is no date and no time.")
    if unit in ("year", "month"):
        return _moved_by_months(text, temporal, int(number) * (12 if unit == "year" else 1))
    known = len(temporal.parts)
    step = _step(number, unit)
    if is_time:
        return _moved_time(text, temporal, step)
    if known < 3:
        months = int(step.days / Decimal(365)) * 12 if known == 1 else int(step.days / Decimal(30))
        return _moved_by_months(text, temporal, months)
    if known == 3:
        step = timedelta(days=int(step / timedelta(days=1)))
    return _written(text, temporal, _instant(temporal) + step)


def _zone(text: str | None) -> int | None:
    if text is None or text == "Z":
        return None if text is None else 0
    minutes = int(text[1:3]) * 60 + int(text[4:6])
    return -minutes if text[0] == "-" else minutes


def _is_possible(temporal: Temporal) -> bool:
    parts = temporal.parts
    clock = parts if temporal.is_time else parts[3:]
    if any(part >= limit for part, limit in zip(clock, (24, 60, 61), strict=False)):
        return False
    if temporal.is_time:
        return True
    if len(parts) > 1 and not 1 <= parts[1] <= 12:
        return False
    return parts[0] > 0 and (len(parts) < 3 or 1 <= parts[2] <= monthrange(int(parts[0]), int(parts[1]))[1])


def _instant(temporal: Temporal) -> datetime:
    parts = (*temporal.parts, *(0, 1, 1, 0, 0, 0)[len(temporal.parts) :])
    year, month, day, hour, minute = map(int, parts[:5])
    whole = datetime(year, month, day, hour, minute)  # noqa: DTZ001 - the zone is beside
    return whole + timedelta(microseconds=int(parts[5] * 1_000_000))


def _in_utc(temporal: Temporal) -> Temporal:
    seconds = temporal.parts[5:]
    at = _instant(temporal._replace(parts=temporal.parts[:5])) - timedelta(minutes=temporal.zone or 0)
    parts = (at.year, at.month, at.day, at.hour, at.minute)[: len(temporal.parts)]
    return Temporal(False, (*parts, *seconds), 0)


def _compared_far_apart(one: Temporal, other: Temporal) -> int | None:
    """Of two times of which one does not say its zone."""
    apart = _instant(one) - _instant(other) - timedelta(minutes=(one.zone or 0) - (other.zone or 0))
    if abs(apart) <= _ZONES:
        return None
    return -1 if apart < timedelta() else 1


def _step(number: Decimal, unit: str) -> timedelta:
    return timedelta(milliseconds=int(number) * _MILLISECONDS[unit])


_MILLISECONDS = {
    "week": 604_800_000,
    "day": 86_400_000,
    "hour": 3_600_000,
    "minute": 60_000,
    "second": 1000,
    "millisecond": 1,
}


def _moved_by_months(text: str, temporal: Temporal, months: int) -> str:
    if temporal.is_time:
        raise Misused("A time of day has no months.")
    at = _instant(temporal)
    if len(temporal.parts) == 1:
        months = int(months / Decimal(12)) * 12
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise Misused(f"'{text}' cannot be moved that far.")
    day = min(at.day, monthrange(year, month + 1)[1])
    return _written(text, temporal, at.replace(year=year, month=month + 1, day=day))


def _moved_time(text: str, temporal: Temporal, step: timedelta) -> str:
    at = _instant(Temporal(False, (2000, 1, 1, *temporal.parts))) + step
    return _written(f"2000-01-01T{text}", Temporal(False, (2000, 1, 1, *temporal.parts)), at)[11:]


def _written(text: str, temporal: Temporal, at: datetime) -> str:
    """An instant as precise as the text that it came from, with its fraction's digits and its zone."""
    known = len(temporal.parts)
    written = f"{at.year:04}-{at.month:02}-{at.day:02}T{at.hour:02}:{at.minute:02}:{at.second:02}"
    written = written[: (4, 7, 10, 13, 16, 19)[known - 1]]
    fraction = re.search(r"\.(\d+)", text)
    if fraction:
        written += f".{at.microsecond:06}"[: len(fraction[0])]
    zone = re.search(r"(?<=T).*?(Z|[+-]\d\d:\d\d)$", text)
    return written + (zone[1] if zone else "")
