"""Files that cannot be alerts stop the start, and say why; those that ship are told of everywhere."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from server.child.alert.definition import ALERTS, BadAlert, alerts, read
from server.child.alert.facts import is_compulsory
from server.child.alert.lapse import Lapse
from server.child.alert.register import Register
from server.child.alert.topic import topics
from server.definition.library import library
from server.store.attendance import Line

GOOD = {
    "name": "sample",
    "title": "Sample",
    "description": "A sample.",
    "level": "low",
    "with": {"it": {"profiles": ["ChildInNeed"], "open": True}},
    "when": "%it.exists()",
    "since": "%it.period.start",
    "task": {"owner": ["%lead"], "words": "Look."},
}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"level": "loud"}, "loud"),
        ({"colour": "red"}, "colour"),
        ({"name": "another"}, "has the name"),
        ({"task": None}, "neither a Task nor a Flag"),
        ({"with": {"it": {"profiles": ["Nothing"]}}}, "no profile 'Nothing'"),
        ({"with": {"lead": {"profiles": ["ChildInNeed"]}}}, "cannot be the name"),
        ({"when": "%other.exists()"}, "no variable '%other'"),
        ({"when": "%it.exists("}, "cannot be"),
        ({"each": "that"}, "nothing that it could speak of"),
        ({"each": "it"}, "'moment' says"),
        ({"since": None}, "'since' when"),
        ({"lasts": "2 days"}, "there is no 'each'"),
        ({"each": "it", "moment": "period.start", "lasts": "a while"}, "no length of time"),
        ({"flag": {"code": "unknown", "contact": []}}, "no flag 'unknown'"),
        ({"each": "marks"}, "'marks' goes with"),
        ({"attendance": {"recent": "9 days", "any": [{"over": 5, "least": 9}]}}, "at least 'least'"),
    ],
)
def test_what_cannot_be_an_alert_is_refused(tmp_path: Path, change: dict[str, object], told: str) -> None:
    file = tmp_path / "sample.json"
    file.write_text(json.dumps(GOOD))
    assert read(file).name == "sample"
    changed = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    file.write_text(json.dumps(changed))
    with pytest.raises(BadAlert) as refused:
        read(file)
    assert told in str(refused.value)


def test_each_alert_that_ships_is_a_code_and_a_topic() -> None:
    shipped = {each.name for each in alerts()}
    listed = library().resource("CodeSystem", ALERTS)
    assert listed is not None
    assert {each["code"] for each in listed["concept"]} == shipped
    assert {each["id"].removeprefix("alert-") for each in topics()} == shipped


@pytest.mark.parametrize(
    ("text", "moment", "after"),
    [
        ("72 hours", datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 31, 12, tzinfo=UTC)),
        # A day is one of the calendar at home, though the clock be put forward or back in it.
        ("1 day", datetime(2026, 3, 29, 0, tzinfo=UTC), datetime(2026, 3, 29, 23, tzinfo=UTC)),
        ("1 day", datetime(2026, 10, 24, 23, tzinfo=UTC), datetime(2026, 10, 26, 0, tzinfo=UTC)),
        ("1 month", datetime(2026, 1, 31, 9, tzinfo=UTC), datetime(2026, 2, 28, 9, tzinfo=UTC)),
        ("12 months", datetime(2024, 2, 29, 9, tzinfo=UTC), datetime(2025, 2, 28, 9, tzinfo=UTC)),
        # Over a weekend and Good Friday; over the summer.
        ("5 school days", datetime(2026, 4, 1, 12, tzinfo=UTC), datetime(2026, 4, 10, 11, tzinfo=UTC)),
        ("5 school days", datetime(2026, 7, 17, 12, tzinfo=UTC), datetime(2026, 9, 4, 12, tzinfo=UTC)),
    ],
)
def test_lengths_of_time(text: str, moment: datetime, after: datetime) -> None:
    found = Lapse.parse(text).after(moment)
    assert abs((found - after).total_seconds()) <= 3600 if "school" in text else found == after


@pytest.mark.parametrize("text", ["", "1", "0 days", "a day", "1 week", "-1 day", "1.5 days"])
def test_what_is_no_length_of_time(text: str) -> None:
    with pytest.raises(ValueError, match="length of time"):
        Lapse.parse(text)


@pytest.mark.parametrize(
    ("born", "day", "compulsory"),
    [
        ("2020-03-31", date(2025, 3, 31), False),
        ("2020-03-31", date(2025, 4, 1), True),
        ("2020-04-01", date(2025, 8, 31), False),
        ("2020-04-01", date(2025, 9, 1), True),
        ("2020-12-31", date(2026, 1, 1), True),
        ("2010-08-31", date(2026, 6, 26), True),
        ("2010-08-31", date(2026, 6, 27), False),
        ("2010-09-01", date(2026, 12, 1), True),
    ],
)
def test_who_has_to_be_in_education(born: str, day: date, compulsory: bool) -> None:
    assert is_compulsory({"birthDate": born}, day) is compulsory


def test_nobody_who_has_died_has_to_be_anywhere_and_who_has_no_birthday_may() -> None:
    assert not is_compulsory({"deceasedBoolean": True, "birthDate": "2015-01-01"}, date(2026, 1, 1))
    assert is_compulsory({}, date(2026, 1, 1))


def line(school: str, month: int, **marks: str) -> Line:
    letters = ["."] * 62
    for place, letter in marks.items():
        letters[int(place[1:])] = letter
    return Line(1, school, month, "".join(letters))


def test_a_session_at_two_schools_is_one() -> None:
    # A: present; S: ill; I: at the other school.
    both = Register.of(
        [
            line("Organization/a", 24311, p0="S", p1="S", p2="I", p4="A"),
            line("Organization/b", 24311, p0="A", p1="S", p2="A", p5="S"),
        ]
    )
    assert both.seen[:6] == "010.01"
    assert both.last == date(2025, 12, 3)
    assert both.missed(date(2025, 12, 1), date(2025, 12, 3)) == [
        (date(2025, 12, 1), "pm"),
        (date(2025, 12, 3), "pm"),
    ]
    assert both.until(date(2025, 12, 1)).seen == "01"


def test_an_empty_register_shows_nothing() -> None:
    register = Register.of([])
    assert register.last is None
    assert all(
        register.shows(each.alert.attendance, date(2025, 9, 1)) == ()
        for each in alerts()
        if each.alert.attendance
    )
