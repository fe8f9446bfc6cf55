"""Restricted, sealed, not shared, merged, taken out, read twice, in the wrong order, not to be dealt with."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from server import clock
from server.child.alert import engine
from server.store import tables as t
from tests import make
from tests.access.test_decision import not_shared
from tests.caller import Caller
from tests.child.alert.conftest import Alerts, ago, contact, exclusion, missing
from tests.conftest import ClientWith
from tests.operation.test_merge import merge, unmerge

NAME = "exclusion-in-care"
SC = "social-care"


def number_of(alerts: Alerts, child: str) -> int:
    with alerts.door.database.autocommit() as connection:
        number = alerts.door.library.type_number("Patient")
        found = select(t.locator.c.child).where(t.locator.c.type == number, t.locator.c.id == child)
        return int(connection.execute(found).scalar_one())


def test_who_does_not_see_the_child_is_asked_nothing(alerts: Alerts, child: str, social_care: Caller) -> None:
    alerts.change(alerts.read(f"Patient/{child}"), meta=make.labelled("V"))
    alerts.write(exclusion(child, ago(0)))
    assert alerts.all_tasks(child, NAME) == []
    assert social_care.search(f"Task?owner=Organization/{SC}&patient=Patient/{child}").matches == []


def test_who_is_named_is_asked_and_others_see_no_task(
    alerts: Alerts, child: str, social_care: Caller, school: Caller
) -> None:
    social_care.put({**alerts.read(f"Patient/{child}"), "meta": make.labelled("R")})
    alerts.write(exclusion(child, ago(0)))
    assert len(alerts.tasks(child, NAME, social_care, SC)) == 1
    [flag] = alerts.flags(child, "has-social-worker", by=school)
    assert "author" not in flag
    assert "extension" not in flag


def test_a_move_of_a_restricted_child_is_told_to_the_named_alone(
    alerts: Alerts, child: str, social_care: Caller, client_with: ClientWith
) -> None:
    alerts.write(make.episode(child, "duty"))
    home = {"use": "home", "line": ["1 High Street"], "postalCode": "AB1 2CD"}
    patient = {**alerts.read(f"Patient/{child}"), "address": [home], "meta": make.labelled("R")}
    assert social_care.put(patient).status == 200
    moved = {**social_care.get(f"Patient/{child}").json, "address": [{**home, "postalCode": "EF3 4GH"}]}
    assert social_care.put(moved).status == 200
    alerts.settle()
    assert len(alerts.all_tasks(child, "moved-address")) == 1
    assert len(alerts.tasks(child, "moved-address", social_care, SC)) == 1
    duty = client_with("duty")
    assert duty.search(f"Task?patient=Patient/{child}").matches == []


def test_what_is_sealed_raises_nothing(alerts: Alerts, child: str) -> None:
    seal = {"security": [{"system": f"{make.B}/CodeSystem/seal", "code": "sealed"}]}
    written = alerts.suite.post(exclusion(child, ago(0), meta=seal))
    alerts.settle()
    assert written.status in (201, 403)
    assert alerts.all_tasks(child, NAME) == []


def test_a_flag_does_not_tell_what_is_not_to_be_shared(alerts: Alerts, child: str) -> None:
    alerts.settle()
    assert len(alerts.flags(child, "has-social-worker")) == 1
    type_ = {"system": "http://hl7.org/fhir/resource-types", "code": "EpisodeOfCare"}
    [id] = alerts.write(not_shared(child, "school", **{"class": [type_]}))
    assert alerts.flags(child, "has-social-worker") == []
    assert alerts.suite.delete(f"Consent/{id}").status in (200, 204)
    alerts.settle()
    assert len(alerts.flags(child, "has-social-worker")) == 1


def test_it_does_not_matter_what_was_written_first(alerts: Alerts, social_care: Caller) -> None:
    child = alerts.suite.post(make.child()).id
    alerts.write(exclusion(child, ago(0)))
    assert alerts.all_tasks(child, NAME) == []
    [id] = alerts.write(make.episode(child, SC, "child-in-need", start=ago(30)))
    assert len(alerts.tasks(child, NAME, social_care, SC)) == 1
    alerts.change(alerts.read(f"EpisodeOfCare/{id}"), status="entered-in-error")
    assert [each["status"] for each in alerts.all_tasks(child, NAME)] == ["cancelled"]


def test_what_is_read_twice_changes_nothing(alerts: Alerts, child: str) -> None:
    alerts.write(exclusion(child, ago(0)), missing(child, ago(1)))
    number = number_of(alerts, child)

    def versions() -> int:
        with alerts.door.database.autocommit() as connection:
            told = select(func.count()).select_from(t.outbox).where(t.outbox.c.child == number)
            return int(connection.execute(told).scalar_one())

    before = versions()
    for kinds in (None, frozenset({8, 9, 10})):
        engine._safely(alerts.door, {number: kinds}, clock.now())
    assert versions() == before


def test_a_deleted_occasion_closes_its_task(alerts: Alerts, child: str, social_care: Caller) -> None:
    [id] = alerts.write(exclusion(child, ago(0)))
    assert alerts.suite.delete(f"Observation/{id}").status in (200, 204), "our Task is in nobody's way"
    alerts.settle()
    assert alerts.tasks(child, NAME, social_care, SC) == []


def test_who_takes_over_is_asked_and_who_did_is_asked_no_more(
    alerts: Alerts, child: str, social_care: Caller
) -> None:
    alerts.write(exclusion(child, ago(0)))
    assert len(alerts.tasks(child, NAME, social_care, SC)) == 1
    [episode] = alerts.suite.search(
        f"EpisodeOfCare?patient=Patient/{child}&type={make.EPISODE}|child-in-need"
    ).matches
    alerts.change(episode, managingOrganization=make.reference("Organization/duty"))
    owners = {each["owner"]["reference"]: each["status"] for each in alerts.all_tasks(child, NAME)}
    assert owners == {f"Organization/{SC}": "completed", "Organization/duty": "requested"}


def test_two_records_of_one_child_have_one_flag_and_part_with_their_own(
    alerts: Alerts, client_with: ClientWith
) -> None:
    source, target = (alerts.suite.post(make.child()).id for _ in range(2))
    alerts.write(*(make.episode(id, SC, "looked-after", start=ago(9)) for id in (source, target)))
    assert len(alerts.flags(source, "looked-after")) == 1
    records = client_with("records")
    assert merge(records, source, target).status == 200
    alerts.settle()
    assert len(alerts.flags(target, "looked-after")) == 1
    assert unmerge(records, source).status == 200
    alerts.settle()
    assert len(alerts.flags(target, "looked-after")) == 1
    assert len(alerts.flags(source, "looked-after")) == 1


def test_nothing_is_left_of_a_child_that_is_taken_out(alerts: Alerts, client_with: ClientWith) -> None:
    child = alerts.suite.post(make.child()).id
    alerts.write(make.episode(child, SC, "looked-after", start=ago(9)), missing(child, ago(1), ago(0)))
    number = number_of(alerts, child)
    sent = {
        "resourceType": "Parameters",
        "parameter": [{"name": "reason", "valueString": "Case 12 of the county court"}],
    }
    assert client_with("records").ask("POST", f"Patient/{child}/$expunge", sent).status == 200
    alerts.settle()
    alerts.tick(clock.now() + timedelta(days=5))
    with alerts.door.database.autocommit() as connection:
        for table in (t.alert, t.alert_due):
            assert connection.execute(select(table).where(table.c.child == number)).fetchall() == []


def test_one_child_that_cannot_be_dealt_with_keeps_nobody(
    alerts: Alerts, child: str, social_care: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = alerts.suite.post(make.child()).id
    alerts.settle()
    broken, judged = number_of(alerts, other), engine._Round._one

    def fails(self: object, keeper: object, number: int, *more: object) -> object:
        if number == broken:
            raise ZeroDivisionError
        return judged(self, keeper, number, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(engine._Round, "_one", fails)
    alerts.write(
        exclusion(child, ago(0)),
        make.episode(other, SC, "child-in-need", start=ago(3)),
        exclusion(other, ago(0)),
    )
    assert len(alerts.tasks(child, NAME, social_care, SC)) == 1
    monkeypatch.undo()
    alerts.tick(clock.now() + timedelta(hours=1, minutes=1))
    assert len(alerts.tasks(other, NAME, social_care, SC)) == 1


def test_a_new_alert_looks_at_every_child_once(
    alerts: Alerts, child: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts.tick(clock.now())
    alerts.settle()
    monkeypatch.setattr(engine, "alerts", list)
    alerts.suite.post(make.episode(child, SC, "looked-after", start=ago(400)))
    alerts.suite.post(exclusion(child, ago(200)))
    alerts.settle()
    assert alerts.flags(child, "looked-after") == [], "nobody looked"
    alerts.tick(clock.now())
    monkeypatch.undo()
    alerts.tick(clock.now())
    assert len(alerts.flags(child, "looked-after")) == 1
    assert alerts.all_tasks(child, NAME) == [], "what has passed is not raised as new"


def test_while_another_engine_reads_this_one_does_nothing(alerts: Alerts, child: str) -> None:
    from server.store import outbox

    assert alerts.suite.post(exclusion(child, ago(0))).status == 201
    with outbox.taken(alerts.door.database, engine.READER) as batch:
        assert batch is not None
        assert engine.work(alerts.door) is False
        assert alerts.all_tasks(child, NAME) == []


def test_a_school_is_told_of_no_hospital(alerts: Alerts, child: str, school: Caller) -> None:
    alerts.write(contact(child, "health", "emergency-attendance", ago(0)))
    owners = {each["owner"]["reference"] for each in alerts.all_tasks(child, "emergency-attendance")}
    assert owners == {f"Organization/{SC}"}
    assert school.get("Task").status == 403
