"""The school year of the demonstration: terms, school days, year groups, for any day of any year."""

from datetime import date, timedelta

# First and last day of each term, and a day of the week that is its half-term holiday.
# Easter moves; these spring and summer terms leave room for it in every year.
_TERMS = (
    ((9, 2), (12, 18), (10, 28)),
    ((1, 5), (3, 27), (2, 17)),
    ((4, 13), (7, 22), (5, 27)),
)


def year_start(day: date) -> date:
    """The first of September on which the school year of `day` began."""
    return date(day.year if day.month >= 9 else day.year - 1, 9, 1)


def term(day: date) -> tuple[date, date]:
    """First and last day of the last term that had begun by `day`."""
    begun = [span for year in (day.year - 1, day.year) for span in _terms(year) if span[0] <= day]
    return begun[-1]


def term_before(day: date) -> tuple[date, date]:
    """The term that ended before the term of `day` began."""
    return term(term(day)[0] - timedelta(days=1))


def is_school_day(day: date) -> bool:
    """A weekday in a term, outside half-term and the early May bank holiday."""
    if day.weekday() > 4 or (day.month == 5 and day.day <= 7 and day.weekday() == 0):
        return False
    return any(
        date(day.year, *first) <= day <= date(day.year, *last)
        and _monday(day) != _monday(date(day.year, *half))
        for first, last, half in _TERMS
    )


def school_days(before: date, count: int) -> list[date]:
    """The last `count` school days before a day, oldest first."""
    days: list[date] = []
    day = before
    while len(days) < count:
        day -= timedelta(days=1)
        if is_school_day(day):
            days.append(day)
    return days[::-1]


def next_school_day(day: date) -> date:
    """The first school day after a day."""
    following = day + timedelta(days=1)
    return following if is_school_day(following) else next_school_day(following)


def year_group(birth: date, day: date) -> int:
    """The National Curriculum year of a child's age on `day`: 0 is reception, negative is before school."""
    # In reception in the school year that follows the fourth birthday.
    turned = year_start(birth).year + 5
    return year_start(day).year - turned


def _terms(year: int) -> list[tuple[date, date]]:
    return sorted((date(year, *first), date(year, *last)) for first, last, _ in _TERMS)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
