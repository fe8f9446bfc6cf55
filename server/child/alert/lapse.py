"""Lengths of time as the files of alerts say them: "72 hours", "14 days", "12 months", "5 school days".

Days are those of the calendar at home: from one midnight to the next, though a clock be put forward between.
School days are weekdays that are no bank holidays, and not in the summer holidays.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from server.child import workingday
from server.fhir.period import HOME

_TEXT = re.compile(r"([1-9]\d{0,3}) (hour|day|month|school day)s?")

_SUMMER = ((7, 21), (8, 31))
"""From when until when no school in England is held to be open."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Lapse:
    """So many of a unit."""

    count: int
    unit: str

    @classmethod
    def parse(cls, text: str) -> "Lapse":
        """ValueError if it is none."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError(f"'{text}' is no length of time, such as '72 hours' or '5 school days'.")
        return cls(int(found[1]), found[2])

    def after(self, moment: datetime) -> datetime:
        """The instant so long after another."""
        if self.unit == "hour":
            return moment + timedelta(hours=self.count)
        local = moment.astimezone(HOME)
        day = self._day_after(local.date())
        return datetime.combine(day, local.timetz().replace(tzinfo=None), HOME).astimezone(UTC)

    def before(self, moment: datetime) -> datetime:
        """The instant so long before another. School days are counted as if each were a day and a half."""
        if self.unit == "hour":
            return moment - timedelta(hours=self.count)
        days = {"day": 1.0, "school day": 1.5, "month": 30.5}[self.unit] * self.count
        return moment - timedelta(days=round(days))

    def _day_after(self, day: date) -> date:
        if self.unit == "day":
            return day + self.count * _DAY
        if self.unit == "month":
            return _months_after(day, self.count)
        return _school_day_after(day, self.count)


def _months_after(day: date, count: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    first = date(year, month + 1, 1)
    last = _months_start(year, month + 1) - _DAY
    return min(first + (day.day - 1) * _DAY, last)


def _months_start(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1)


def _school_day_after(day: date, count: int) -> date:
    while count:
        day += _DAY
        if workingday.is_working_day(day) and not _SUMMER[0] <= (day.month, day.day) <= _SUMMER[1]:
            count -= 1
    return day
