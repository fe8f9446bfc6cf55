from datetime import date, timedelta

import pytest

from server.child.workingday import after, bank_holidays, is_working_day

# https://www.gov.uk/bank-holidays, and its past years.
PUBLISHED = {
    2020: "01-01 04-10 04-13 05-08 05-25 08-31 12-25 12-28",
    2021: "01-01 04-02 04-05 05-03 05-31 08-30 12-27 12-28",
    2022: "01-03 04-15 04-18 05-02 06-02 06-03 08-29 09-19 12-26 12-27",
    2023: "01-02 04-07 04-10 05-01 05-08 05-29 08-28 12-25 12-26",
    2024: "01-01 03-29 04-01 05-06 05-27 08-26 12-25 12-26",
    2025: "01-01 04-18 04-21 05-05 05-26 08-25 12-25 12-26",
    2026: "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28",
    2027: "01-01 03-26 03-29 05-03 05-31 08-30 12-27 12-28",
}


@pytest.mark.parametrize("year", PUBLISHED)
def test_bank_holidays_are_those_that_were_published(year: int) -> None:
    assert sorted(bank_holidays(year)) == [
        date.fromisoformat(f"{year}-{day}") for day in PUBLISHED[year].split()
    ]


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        ("2025-09-08", 5, "2025-09-15"),  # a weekend between
        ("2025-09-12", 1, "2025-09-15"),
        ("2025-09-13", 1, "2025-09-15"),  # from a Saturday
        ("2025-12-23", 2, "2025-12-29"),  # Christmas and Boxing Day
        ("2025-04-17", 1, "2025-04-22"),  # Good Friday to Easter Monday
        ("2025-01-06", 15, "2025-01-27"),
        ("2025-01-06", 45, "2025-03-10"),
        ("2025-01-06", 0, "2025-01-06"),
    ],
)
def test_working_days_are_counted_from_the_day_after(day: str, count: int, expected: str) -> None:
    assert after(date.fromisoformat(day), count) == date.fromisoformat(expected)


def test_a_closed_day_does_not_count() -> None:
    closed = {date(2025, 9, 9), date(2025, 9, 10)}
    assert after(date(2025, 9, 8), 5, closed) == date(2025, 9, 17)


def test_no_weekend_is_a_working_day() -> None:
    days = [date(2025, 1, 1) + timedelta(days=number) for number in range(365)]
    assert {day.weekday() for day in days if is_working_day(day)} == {0, 1, 2, 3, 4}
