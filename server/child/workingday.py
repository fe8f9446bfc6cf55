"""Working days and school days in England: from Monday to Friday, without the bank holidays.

https://www.gov.uk/bank-holidays
"""

from collections.abc import Set
from datetime import date, timedelta
from functools import lru_cache

_DAY = timedelta(days=1)
_SATURDAY = 5

# By year: holidays that were given once, and those that were moved, with the day that took their place.
_GIVEN = {
    2011: (date(2011, 4, 29),),
    2012: (date(2012, 6, 5),),
    2022: (date(2022, 6, 3), date(2022, 9, 19)),
    2023: (date(2023, 5, 8),),
}
_MOVED = {
    date(2012, 5, 28): date(2012, 6, 4),
    date(2020, 5, 4): date(2020, 5, 8),
    date(2022, 5, 30): date(2022, 6, 2),
}


def after(day: date, count: int, closed: Set[date] = frozenset()) -> date:
    """The working day that is the `count`-th after a day; those in `closed` do not count."""
    while count:
        day += _DAY
        if is_working_day(day) and day not in closed:
            count -= 1
    return day


def is_working_day(day: date) -> bool:
    """Whether it is neither at a weekend nor a bank holiday."""
    return day.weekday() < _SATURDAY and day not in bank_holidays(day.year)


@lru_cache(maxsize=64)
def bank_holidays(year: int) -> frozenset[date]:
    """Those of England and Wales."""
    sunday = easter(year)
    regular = (
        _weekday(date(year, 1, 1)),
        sunday - 2 * _DAY,
        sunday + _DAY,
        _monday(date(year, 5, 1)),
        _monday(date(year, 5, 25)),
        _monday(date(year, 8, 25)),
        *_christmas(year),
    )
    return frozenset((*(_MOVED.get(each, each) for each in regular), *_GIVEN.get(year, ())))


def _christmas(year: int) -> tuple[date, date]:
    """Christmas and Boxing Day, each with a day of its own if it falls on a weekend."""
    first = _weekday(date(year, 12, 25))
    second = _weekday(date(year, 12, 26))
    if first != second:
        return first, second
    return first, first + _DAY


def _weekday(day: date) -> date:
    """The day itself, or the Monday after it."""
    return day if day.weekday() < _SATURDAY else _monday(day)


def _monday(day: date) -> date:
    """The first Monday on or after a day."""
    return day + -day.weekday() % 7 * _DAY


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Meeus, Jones and Butcher)."""
    golden = year % 19
    century, rest = divmod(year, 100)
    moon = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    week = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    shift = (golden + 11 * moon + 22 * week) // 451
    month, day = divmod(moon + week - 7 * shift + 114, 31)
    return date(year, month, day + 1)
