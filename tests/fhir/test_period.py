from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fhir.period import HIGHEST, LOWEST, interval, period


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2024", "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
        ("2024-02", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"),
        ("2024-12", "2024-12-01T00:00:00Z", "2025-01-01T00:00:00Z"),
        ("2024-12-31", "2024-12-31T00:00:00Z", "2025-01-01T00:00:00Z"),
        # A summer's day of Europe/London begins the evening before in UTC.
        ("2024-05", "2024-04-30T23:00:00Z", "2024-05-31T23:00:00Z"),
        ("2024-07-01", "2024-06-30T23:00:00Z", "2024-07-01T23:00:00Z"),
        # The days on which the clocks change have 23 and 25 hours.
        ("2024-03-31", "2024-03-31T00:00:00Z", "2024-03-31T23:00:00Z"),
        ("2024-10-27", "2024-10-26T23:00:00Z", "2024-10-28T00:00:00Z"),
        ("2024-07-01T10:00:00", "2024-07-01T09:00:00Z", "2024-07-01T09:00:01Z"),
        ("2024-07-01T10:00", "2024-07-01T09:00:00Z", "2024-07-01T09:01:00Z"),
        ("2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z", "2024-01-01T10:00:01Z"),
        ("2024-01-01T10:00:00+05:30", "2024-01-01T04:30:00Z", "2024-01-01T04:30:01Z"),
        ("2024-01-01T10:00:00-05:00", "2024-01-01T15:00:00Z", "2024-01-01T15:00:01Z"),
        ("2024-01-01T10:00:00.5Z", "2024-01-01T10:00:00.5Z", "2024-01-01T10:00:00.6Z"),
        ("2024-01-01T10:00:00.123Z", "2024-01-01T10:00:00.123Z", "2024-01-01T10:00:00.124Z"),
        ("2024-01-01T10:00:00.123456789Z", "2024-01-01T10:00:00.123456Z", "2024-01-01T10:00:00.123457Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", "2017-01-01T00:00:01Z"),
    ],
)
def test_a_date_stands_for_every_instant_of_it(text: str, low: str, high: str) -> None:
    assert interval(text) == (datetime.fromisoformat(low), datetime.fromisoformat(high))
    assert {each.tzinfo for each in interval(text)} == {UTC}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2011-02-30",
        "2024-13",
        "2024-00",
        "24",
        "2024-1-1",
        "0000",
        "2024-01-01T25:00:00Z",
        "2024-01-01T10",
        "2024-01-01T10:00:00+24:00",
        "2024-01-01T10:00:00.Z",
        "\uff12\uff10\uff12\uff14",
        "today",
    ],
)
def test_what_is_no_date_has_no_interval(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  what it says is the caller's to word
        interval(text)


@pytest.mark.parametrize(
    "text",
    ["0001", "0001-01-01", "0001-01-01T00:00:00+14:00", "9997", "9999", "9999-12-31", "9999-12-31T23:59:59Z"],
)
def test_the_edges_of_time_hold(text: str) -> None:
    low, high = interval(text)
    assert LOWEST <= low < high <= HIGHEST


@pytest.mark.parametrize(
    ("element", "low", "high"),
    [
        ({"start": "2024-01-01", "end": "2024-01-02"}, "2024-01-01T00:00:00Z", "2024-01-03T00:00:00Z"),
        ({"start": "2024-01-01"}, "2024-01-01T00:00:00Z", HIGHEST.isoformat()),
        ({"end": "2024"}, LOWEST.isoformat(), "2025-01-01T00:00:00Z"),
        ({"extension": []}, LOWEST.isoformat(), HIGHEST.isoformat()),
    ],
)
def test_a_period_is_open_where_it_has_no_end(element: dict[str, str], low: str, high: str) -> None:
    assert period(element) == (datetime.fromisoformat(low), datetime.fromisoformat(high))


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9997, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001
def test_an_instant_lies_in_its_own_second_minute_day_month_and_year(at: datetime) -> None:
    text = at.isoformat().replace("+00:00", "")
    second = interval(f"{text[:19]}Z")
    assert second[0] <= at < second[1]
    for wider in (text[:16], text[:10], text[:7], text[:4]):
        low, high = interval(wider)
        assert low <= interval(text[:19])[0]
        assert interval(text[:19])[1] <= high or low < high
