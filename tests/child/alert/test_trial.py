"""`childrecord alert try`: what an alert would have raised over the past year, how often, for whom."""

import pytest

from server import clock
from server.child.alert.definition import alerts as shipped
from server.child.alert.trial import Would, by_month, trial
from tests import make
from tests.child.alert.conftest import Alerts, ago, exclusion, missing, register, school_days, today

SC = "social-care"


def tried(alerts: Alerts, name: str, child: str) -> list[Would]:
    [asked] = [each for each in shipped() if each.name == name]
    return [each for each in trial(alerts.door, asked, clock.now()) if each.child == child]


@pytest.fixture
def known(alerts: Alerts) -> str:
    child: str = alerts.suite.post(make.child()).id
    alerts.write(make.episode(child, "school"), make.episode(child, SC, "child-in-need", start=ago(500)))
    return child


def test_each_occasion_of_the_year_is_told_once(alerts: Alerts, known: str) -> None:
    alerts.write(
        exclusion(known, ago(200), end=ago(198)), exclusion(known, ago(2)), exclusion(known, ago(400))
    )
    found = tried(alerts, "exclusion-in-care", known)
    assert [(f"{each.on}", each.lasted) for each in found] == [(ago(200), 14), (ago(2), None)]
    assert found[0].owners[0] == f"Organization/{SC}"
    assert sum(by_month(found).values()) == 2
    # Nothing is raised by trying.
    assert len(alerts.all_tasks(known, "exclusion-in-care")) == 1


def test_what_ended_had_begun(alerts: Alerts, known: str) -> None:
    alerts.write(missing(known, ago(100), ago(97)))
    [opened] = tried(alerts, "missing-opened", known)
    assert (f"{opened.on}", opened.lasted) == (ago(100), 4)  # to the end of the last day
    [late] = tried(alerts, "no-return-interview", known)
    assert (today() - late.on).days in (93, 94)
    assert late.lasted is None


def test_a_state_is_told_when_it_begins(alerts: Alerts, known: str) -> None:
    days = school_days(60)
    alerts.write(*register(known, days, set(range(100, 120)), "O")[:])
    [found] = tried(alerts, "persistent-absence", known)
    assert days[49] < found.on <= days[55]
    assert found.lasted is None


def test_what_was_so_before_the_year_is_not_told(alerts: Alerts, known: str) -> None:
    assert tried(alerts, "has-social-worker", known) == []
    alerts.write(make.episode(known, SC, "looked-after", start=ago(30)))
    [found] = tried(alerts, "looked-after", known)
    assert f"{found.on}" == ago(30)
