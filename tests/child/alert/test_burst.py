"""A year of children, and the register of a morning: how long after the last mark the alerts are there.

In full (`--soak`) 5,000 children with a year of marks each; a batch of 2,000 marks is what a whole-school
closure writes at once.
"""

import logging
import random
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from server import clock
from server.child import workingday
from server.child.alert import engine
from server.child.attendance import code
from server.record import totals
from server.store import tables as t
from tests import make
from tests.caller import Caller
from tests.child.alert.conftest import Alerts, today

_SYSTEM = f"{make.B}/CodeSystem/attendance-code"


def year_of(child: int, chance: random.Random, until: date) -> list[dict[str, object]]:
    """The lines of a child's marks: most come nearly always, some less and less."""
    letters = {name: found.letter for name in "/\\IO#" if (found := code.find(_SYSTEM, name))}
    worst = chance.choice([0.02, 0.03, 0.05, 0.05, 0.08, 0.2, 0.6])
    months: dict[int, list[str]] = {}
    for back in range(365, 0, -1):
        day = until - timedelta(days=back)
        line = months.setdefault(day.year * 12 + day.month - 1, ["."] * 62)
        if not workingday.is_working_day(day) or day.month == 8:
            continue
        for session, usual in enumerate("/\\"):
            away = chance.random() < worst * (1.5 - back / 365)
            line[2 * (day.day - 1) + session] = letters[chance.choice("IIIO") if away else usual]
    return [
        {"child": child, "school": "Organization/school", "month": month, "marks": "".join(line)}
        for month, line in months.items()
    ]


def registers(
    alerts: Alerts, suite: Caller, ids: list[str], session: str, chance: random.Random
) -> Iterator[float]:
    """The seconds from the last mark of a batch to its last alert."""
    for at in range(0, len(ids), 2000):
        some = ids[at : at + 2000]
        for first in range(0, len(some), 200):
            marks = [
                make.mark(id, "school", f"{today()}", session, chance.choice("LLLLLLLLLLLLLLLLLIO"))
                for id in some[first : first + 200]
            ]
            answer = suite.post(make.bundle("batch", *map(make.posted, marks)))
            assert {each["response"]["status"][:3] for each in answer.entries} == {"201"}
        began = clock.monotonic()
        while engine.work(alerts.door):
            pass
        yield round(clock.monotonic() - began, 3)


@pytest.mark.soak
def test_a_mark_is_alerted_within_a_second(alerts: Alerts, suite: Caller, is_soak: bool) -> None:
    count, chance = 5000 if is_soak else 300, random.Random(8)
    ids = [make.word("burst-") for _ in range(count)]
    for at in range(0, count, 60):
        entries = [make.put(make.child(id=id)) for id in ids[at : at + 60]]
        entries += [make.posted(make.episode(id, "school")) for id in ids[at : at + 60]]
        entries += [
            make.posted(make.episode(id, "social-care", "child-in-need")) for id in ids[at : at + 60 : 10]
        ]
        assert suite.post(make.bundle("transaction", *entries)).status == 200
    with alerts.door.database.begin() as connection:
        number = alerts.door.library.type_number("Patient")
        found = connection.execute(
            t.locator.select().where(t.locator.c.type == number, t.locator.c.id.in_(ids))
        ).fetchall()
        for row in found:
            connection.execute(t.attendance.insert(), year_of(row.child, chance, today()))
    children = [row.child for row in found]
    try:
        _raises(alerts, suite, ids, children, chance, is_soak=is_soak)
    finally:
        # There are no marks behind the lines of the year, and others count what is behind lines.
        with alerts.door.database.begin() as connection:
            connection.execute(t.attendance.delete().where(t.attendance.c.child.in_(children)))
        totals.put_right(alerts.door, children)


def _raises(
    alerts: Alerts,
    suite: Caller,
    ids: list[str],
    children: list[int],
    chance: random.Random,
    *,
    is_soak: bool,
) -> None:
    while engine.work(alerts.door):
        pass
    # What a year has led to is raised with the marks of the morning; then come those of the afternoon.
    morning = list(registers(alerts, suite, ids, "am", chance))
    afternoon = list(registers(alerts, suite, ids, "pm", chance))
    with alerts.door.database.begin() as connection:
        raised = connection.execute(t.alert.select().where(t.alert.c.child.in_(children))).fetchall()
    names = {each.name for each in raised}
    logging.info("%d children, %d raised; rounds of %s and %s s", len(ids), len(raised), morning, afternoon)
    assert {"persistent-absence", "severe-absence", "has-social-worker"} <= names
    # In full alone, and of the rounds the one in the middle: others use this machine too.
    assert not is_soak or sorted(afternoon)[len(afternoon) // 2] <= 1.0
