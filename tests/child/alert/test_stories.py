"""Each alert told end to end: from what agencies write to the list of who has to know; and when it is
silent."""

from datetime import UTC, datetime, timedelta

import pytest

from server import clock
from server.fhir import Json
from tests import make
from tests.caller import Caller
from tests.child.alert.conftest import (
    Alerts,
    ago,
    contact,
    exclusion,
    missing,
    register,
    school_days,
)

B = make.B
SC = "social-care"


def stranger(alerts: Alerts, **more: object) -> str:
    """A child with whom the school alone works."""
    id: str = alerts.suite.post(make.child(**more)).id
    alerts.write(make.episode(id, "school"))
    return id


def at_an_hour(hours: int) -> str:
    return (clock.now() - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


# ---- suspended or excluded ---------------------------------------------------------------------------------


def test_exclusion_closes_when_it_was_entered_in_error(
    alerts: Alerts, child: str, social_care: Caller
) -> None:
    [id] = alerts.write(exclusion(child, ago(0)))
    written = alerts.read(f"Observation/{id}")
    alerts.change(written, status="entered-in-error")
    assert alerts.tasks(child, "exclusion-in-care", social_care, SC) == []
    [task] = alerts.all_tasks(child, "exclusion-in-care")
    assert task["status"] == "cancelled"
    alerts.change(written)
    [again] = alerts.tasks(child, "exclusion-in-care", social_care, SC)
    assert again["id"] == task["id"], "the same occasion asks by the same Task"


def test_exclusion_of_last_year_is_not_raised_as_new(alerts: Alerts, child: str) -> None:
    alerts.write(exclusion(child, ago(300)), exclusion(child, ago(20)))
    assert alerts.all_tasks(child, "exclusion-in-care") == []


def test_a_lunchtime_exclusion_is_not_told(alerts: Alerts, child: str) -> None:
    alerts.write(exclusion(child, ago(0), "LNCH"))
    assert alerts.all_tasks(child, "exclusion-in-care") == []


# ---- absent without a reason -------------------------------------------------------------------------------


@pytest.fixture
def protected(alerts: Alerts, child: str) -> str:
    """A child on a child protection plan."""
    alerts.write(make.episode(child, SC, "child-protection-plan", start=ago(60)))
    return child


@pytest.mark.parametrize("code", ["N", "O"])
def test_the_first_unexplained_mark_of_today_is_told(
    alerts: Alerts, protected: str, social_care: Caller, code: str
) -> None:
    [morning] = alerts.write(make.mark(protected, "school", ago(0), "am", code))
    [task] = alerts.tasks(protected, "unexplained-absence", social_care, SC)
    assert task["focus"] == {"reference": f"Observation/{morning}"}
    alerts.write(make.mark(protected, "school", ago(0), "pm", code))
    assert len(alerts.all_tasks(protected, "unexplained-absence")) == 1


def test_it_closes_when_the_reason_is_known(alerts: Alerts, protected: str, social_care: Caller) -> None:
    [id] = alerts.write(make.mark(protected, "school", ago(0), "am", "N"))
    mark = alerts.read(f"Observation/{id}")
    alerts.change(mark, valueCodeableConcept=make.concept(f"{B}/CodeSystem/attendance-code", "M"))
    assert alerts.tasks(protected, "unexplained-absence", social_care, SC) == []


@pytest.mark.parametrize(("day", "code"), [(0, "I"), (0, "/"), (3, "N")])
def test_an_explained_or_earlier_absence_is_silent(
    alerts: Alerts, protected: str, day: int, code: str
) -> None:
    alerts.write(make.mark(protected, "school", ago(day), "am", code))
    assert alerts.all_tasks(protected, "unexplained-absence") == []


def test_an_unexplained_mark_of_a_child_on_no_plan_is_silent(alerts: Alerts, child: str) -> None:
    alerts.write(make.mark(child, "school", ago(0), "am", "N"))
    assert alerts.all_tasks(child, "unexplained-absence") == []


# ---- absence -----------------------------------------------------------------------------------------------


def test_persistent_absence_is_a_flag_for_all_and_a_task_for_one(
    alerts: Alerts, child: str, social_care: Caller, school: Caller
) -> None:
    days = school_days(30)
    alerts.write(*register(child, days, set(range(54, 60))))
    [task] = alerts.tasks(child, "persistent-absence", social_care, SC)
    assert any("6 of " in each.get("valueString", "") for each in task["input"])
    [flag] = alerts.flags(child, "persistent-absence", by=school)
    assert flag["author"] == {"reference": "Organization/school"}
    assert flag["extension"][0]["valueContactDetail"]["name"] == "School"
    assert alerts.flags(child, "severe-absence") == []
    assert len([each for each in task["input"] if "valueReference" in each]) == 6


def test_just_under_a_tenth_is_silent_and_a_tenth_is_not(alerts: Alerts, child: str) -> None:
    days = school_days(31)
    alerts.write(*register(child, days[1:], set(range(5))))
    assert alerts.flags(child, "persistent-absence") == []
    [id] = alerts.write(make.mark(child, "school", f"{days[0]}", "am", "I"))
    # Older than the last sixty; and the term may reach so far.
    before = len(alerts.flags(child, "persistent-absence"))
    mark = alerts.suite.search(
        f"Observation?patient=Patient/{child}&date={days[-1]}&code={B}/CodeSystem/session|am"
    ).matches[0]
    alerts.change(mark, valueCodeableConcept=make.concept(f"{B}/CodeSystem/attendance-code", "I"))
    assert before == 0
    assert len(alerts.flags(child, "persistent-absence")) == 1
    assert id


def test_a_correction_that_makes_it_untrue_closes_flag_and_task(
    alerts: Alerts, child: str, social_care: Caller
) -> None:
    days = school_days(30)
    ids = alerts.write(*register(child, days, set(range(54, 60))))
    mark = alerts.read(f"Observation/{ids[55]}")
    alerts.change(mark, valueCodeableConcept=make.concept(f"{B}/CodeSystem/attendance-code", "P"))
    assert alerts.flags(child, "persistent-absence") == []
    [flag] = alerts.flags(child, "persistent-absence", "inactive")
    assert flag["period"]["end"] == ago(0)
    assert alerts.tasks(child, "persistent-absence", social_care, SC) == []


def test_severe_absence(alerts: Alerts, child: str, social_care: Caller) -> None:
    alerts.write(*register(child, school_days(30), set(range(30, 60)), "O"))
    [task] = alerts.tasks(child, "severe-absence", social_care, SC)
    assert task["priority"] == "urgent"
    assert len(alerts.flags(child, "severe-absence")) == 1


@pytest.mark.parametrize("code", ["X", "D", "#", "Y1", "Q"])
def test_sessions_that_are_not_possible_are_not_missed(alerts: Alerts, child: str, code: str) -> None:
    alerts.write(*register(child, school_days(30), set(range(20, 60)), code))
    assert alerts.flags(child, "persistent-absence") == []
    assert alerts.flags(child, "severe-absence") == []


def test_a_child_at_two_schools_is_absent_from_neither_while_at_the_other(alerts: Alerts, child: str) -> None:
    days = school_days(30)
    here = register(child, days, set(range(40, 60)), "C")
    there = [
        make.mark(child, "academy", f"{day}", session, "/" if session == "am" else "\\")
        for day in days[20:]
        for session in ("am", "pm")
    ]
    alerts.write(*here, *there)
    assert alerts.flags(child, "persistent-absence") == []


def test_a_year_that_is_imported_is_not_raised_as_new(alerts: Alerts, child: str) -> None:
    old = school_days(40, before=school_days(200)[0])
    alerts.write(*register(child, old, set(range(40, 80))))
    assert alerts.flags(child, "severe-absence") == []
    assert alerts.all_tasks(child, "severe-absence") == []


def test_a_falling_trend_is_told_before_a_tenth_is_reached(
    alerts: Alerts, child: str, social_care: Caller
) -> None:
    alerts.write(*register(child, school_days(60), {100, 105, 111, 116}))
    assert len(alerts.tasks(child, "falling-attendance", social_care, SC)) == 1
    assert alerts.flags(child, "persistent-absence") == []


def test_steady_attendance_is_no_trend(alerts: Alerts, child: str) -> None:
    alerts.write(*register(child, school_days(60), {10, 40, 70, 80, 116}))
    assert alerts.all_tasks(child, "falling-attendance") == []


# ---- missing -----------------------------------------------------------------------------------------------


def test_missing_back_and_no_interview(alerts: Alerts, child: str, social_care: Caller) -> None:
    [id] = alerts.write(missing(child, at_an_hour(20)))
    assert len(alerts.tasks(child, "missing-opened", social_care, SC)) == 1
    assert len(alerts.flags(child, "missing")) == 1
    episode = alerts.read(f"Observation/{id}")
    end = clock.now() - timedelta(hours=1)
    back = {"start": at_an_hour(20), "end": end.strftime("%Y-%m-%dT%H:%M:%SZ")}
    alerts.change(episode, effectivePeriod=back)
    assert alerts.tasks(child, "missing-opened", social_care, SC) == []
    assert alerts.flags(child, "missing") == []
    assert len(alerts.tasks(child, "missing-closed", social_care, SC)) == 1
    assert alerts.all_tasks(child, "no-return-interview") == []
    alerts.tick(end + timedelta(hours=71, minutes=59))
    assert alerts.all_tasks(child, "no-return-interview") == []
    alerts.tick(end + timedelta(hours=72, seconds=2))
    assert len(alerts.tasks(child, "no-return-interview", social_care, SC)) == 1
    alerts.write(contact(child, SC, "return-interview", ago(0)))
    assert alerts.tasks(child, "no-return-interview", social_care, SC) == []


def test_an_interview_within_72_hours_is_silent(alerts: Alerts, child: str) -> None:
    back = clock.now() - timedelta(hours=1)
    alerts.write(
        missing(child, at_an_hour(20), back.strftime("%Y-%m-%dT%H:%M:%SZ")),
        contact(child, SC, "return-interview", ago(0)),
    )
    alerts.tick(back + timedelta(hours=80))
    assert alerts.all_tasks(child, "no-return-interview") == []


def test_an_interview_that_was_offered_is_silent(alerts: Alerts, child: str) -> None:
    offered = {
        "code": make.concept(f"{B}/CodeSystem/observation-code", "return-interview-offered"),
        "valueBoolean": True,
    }
    back = clock.now() - timedelta(hours=80)
    alerts.write(missing(child, ago(5), back.strftime("%Y-%m-%dT%H:%M:%SZ"), component=[offered]))
    assert alerts.all_tasks(child, "no-return-interview") == []


def test_what_was_missing_last_year_is_not_told(alerts: Alerts, child: str) -> None:
    alerts.write(missing(child, ago(300), ago(299)))
    for name in ("missing-opened", "missing-closed", "no-return-interview"):
        assert alerts.all_tasks(child, name) == []


# ---- off roll ----------------------------------------------------------------------------------------------


def leaver(about: str, days: int) -> Json:
    left = {"start": "2023-09-01", "end": ago(days)}
    return make.episode(about, "school", status="finished") | {"period": left}


def test_removed_from_roll_and_registered_nowhere(alerts: Alerts, social_care: Caller) -> None:
    child = alerts.suite.post(make.child()).id
    alerts.write(make.episode(child, SC, "child-in-need"), leaver(child, 12))
    assert len(alerts.tasks(child, "removed-from-roll", social_care, SC)) == 1
    alerts.write(make.episode(child, "academy", start=ago(2)))
    assert alerts.tasks(child, "removed-from-roll", social_care, SC) == []


def test_it_is_told_when_five_school_days_have_passed(alerts: Alerts, social_care: Caller) -> None:
    child = alerts.suite.post(make.child()).id
    alerts.write(make.episode(child, SC, "child-in-need"), leaver(child, 1))
    assert alerts.all_tasks(child, "removed-from-roll") == []
    alerts.tick(clock.now() + timedelta(days=60))
    # Too late to be new: nobody looked for two months. The clock looks each second.
    alerts.tick(clock.now() + timedelta(days=12))
    assert len(alerts.all_tasks(child, "removed-from-roll")) <= 1


@pytest.mark.parametrize("born", ["2022-05-01", "2009-09-10"])
def test_who_need_not_be_in_education_is_missed_by_nobody(alerts: Alerts, born: str) -> None:
    child = alerts.suite.post({**make.child(), "birthDate": born}).id
    alerts.write(make.episode(child, SC, "child-in-need"), leaver(child, 12))
    assert alerts.all_tasks(child, "removed-from-roll") == []


def test_who_is_educated_at_home_is_missed_by_nobody(alerts: Alerts) -> None:
    child = alerts.suite.post(make.child()).id
    alerts.write(
        make.episode(child, SC, "child-in-need"),
        make.episode(child, SC, "elective-home-education", start=ago(12)),
        leaver(child, 12),
    )
    assert alerts.all_tasks(child, "removed-from-roll") == []
    assert len(alerts.flags(child, "elective-home-education")) == 1


# ---- agencies and plans ------------------------------------------------------------------------------------


def test_a_new_agency_is_told_to_who_leads(alerts: Alerts, child: str, social_care: Caller) -> None:
    alerts.write(make.episode(child, "academy", "health-service", start=ago(1)))
    assert len(alerts.tasks(child, "new-agency", social_care, SC)) == 1
    alerts.write(contact(child, "academy", "visit", ago(0)))
    assert len(alerts.all_tasks(child, "new-agency")) == 1


def test_who_was_there_before_is_no_new_agency(alerts: Alerts, child: str) -> None:
    alerts.write(contact(child, "health", "health-visit", ago(0)))
    assert alerts.all_tasks(child, "new-agency") == []


def test_a_plan_that_starts_and_ends_is_told_to_who_may_know(
    alerts: Alerts, child: str, social_care: Caller
) -> None:
    [id] = alerts.write(make.episode(child, "duty", "child-protection-plan", start=ago(1)))
    [flag] = alerts.flags(child, "child-protection-plan")
    assert flag["period"] == {"start": ago(1)}
    assert len(alerts.tasks(child, "plan-started", social_care, SC)) == 1
    # Whose plan it is knows it; the school has no right to plans, and is told of none.
    owners = {each["owner"]["reference"] for each in alerts.all_tasks(child, "plan-started")}
    assert owners == {f"Organization/{SC}", "Organization/suite"}
    plan = alerts.read(f"EpisodeOfCare/{id}")
    alerts.change(plan, status="finished", period={"start": ago(1), "end": ago(0)})
    assert alerts.tasks(child, "plan-started", social_care, SC) == []
    assert len(alerts.tasks(child, "plan-ended", social_care, SC)) == 1
    assert alerts.flags(child, "child-protection-plan") == []


def test_an_old_plan_is_no_news(alerts: Alerts, child: str) -> None:
    alerts.write(make.episode(child, SC, "child-protection-plan", start=ago(100)))
    assert alerts.all_tasks(child, "plan-started") == []
    assert len(alerts.flags(child, "child-protection-plan")) == 1


# ---- health, moves, referrals ------------------------------------------------------------------------------


def test_an_emergency_attendance_is_told(alerts: Alerts, child: str, social_care: Caller) -> None:
    alerts.write(contact(child, "health", "emergency-attendance", at_an_hour(2)))
    assert len(alerts.tasks(child, "emergency-attendance", social_care, SC)) == 1


def test_an_ordinary_visit_and_a_child_without_social_care_are_silent(alerts: Alerts, child: str) -> None:
    alerts.write(contact(child, "health", "health-visit", at_an_hour(2)))
    assert alerts.all_tasks(child, "emergency-attendance") == []
    other = stranger(alerts)
    alerts.write(contact(other, "health", "emergency-attendance", at_an_hour(2)))
    assert alerts.all_tasks(other, "emergency-attendance") == []


def address(code: str) -> list[Json]:
    return [{"use": "home", "line": ["1 High Street"], "postalCode": code}]


def test_another_address_is_told_and_another_spelling_is_not(
    alerts: Alerts, child: str, social_care: Caller
) -> None:
    patient = alerts.read(f"Patient/{child}")
    alerts.change(patient, address=address("AB1 2CD"))
    assert alerts.all_tasks(child, "moved-address") == [], "that it became known is no move"
    alerts.change(patient, address=address("ab1  2cd"))
    assert alerts.all_tasks(child, "moved-address") == []
    alerts.change(patient, address=address("EF3 4GH"))
    [task] = alerts.tasks(child, "moved-address", social_care, SC)
    assert "EF3" not in str(task)


def placement(about: str, start: str, **more: object) -> Json:
    return make.episode(about, SC, "placement", start=start, **more)


def test_another_placement_is_told_and_the_first_is_not(
    alerts: Alerts, child: str, social_care: Caller
) -> None:
    alerts.write(placement(child, ago(3)))
    assert alerts.all_tasks(child, "moved-placement") == []
    alerts.write(placement(child, ago(1)))
    assert len(alerts.tasks(child, "moved-placement", social_care, SC)) == 1


def referral(about: str, day: str) -> Json:
    return {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "proposal",
        "category": [make.concept(f"{B}/CodeSystem/referral-category", "referral")],
        "subject": make.reference(f"Patient/{about}"),
        "authoredOn": day,
        "requester": make.reference("Organization/school"),
        "performer": [make.reference(f"Organization/{SC}")],
    }


@pytest.mark.parametrize(("before", "told"), [(200, 1), (360, 1), (400, 0)])
def test_a_second_referral_within_twelve_months(
    alerts: Alerts, social_care: Caller, before: int, told: int
) -> None:
    child = stranger(alerts)
    alerts.write(referral(child, ago(before)), make.episode(child, SC, "early-help", start=ago(1)))
    alerts.write(referral(child, ago(1)))
    assert len(alerts.tasks(child, "repeated-referral", social_care, SC)) == told


def test_the_first_referral_is_silent(alerts: Alerts) -> None:
    child = stranger(alerts)
    alerts.write(referral(child, ago(1)), make.episode(child, SC, "child-in-need", start=ago(0)))
    assert alerts.all_tasks(child, "repeated-referral") == []


# ---- corrections -------------------------------------------------------------------------------------------


def test_a_corrected_mark_is_told_and_taken_back_it_is_not(
    alerts: Alerts, child: str, social_care: Caller
) -> None:
    [id] = alerts.write(make.mark(child, "school", ago(2), "am", "/"))
    assert alerts.all_tasks(child, "mark-corrected") == []
    mark = alerts.read(f"Observation/{id}")
    alerts.change(mark, valueCodeableConcept=make.concept(f"{B}/CodeSystem/attendance-code", "O"))
    assert len(alerts.tasks(child, "mark-corrected", social_care, SC)) == 1
    alerts.change(mark)
    assert alerts.tasks(child, "mark-corrected", social_care, SC) == []


def test_what_is_added_to_a_mark_is_no_correction(alerts: Alerts, child: str) -> None:
    [id] = alerts.write(make.mark(child, "school", ago(2), "am", "L"))
    alerts.change(alerts.read(f"Observation/{id}"), note=[{"text": "Came by bus."}])
    assert alerts.all_tasks(child, "mark-corrected") == []


# ---- flags -------------------------------------------------------------------------------------------------


def test_flags_follow_the_episodes(alerts: Alerts, child: str) -> None:
    alerts.settle()
    [flag] = alerts.flags(child, "has-social-worker")
    assert flag["period"] == {"start": "2024-09-02"}
    assert flag["author"] == {"reference": f"Organization/{SC}"}
    [id] = alerts.write(make.episode(child, SC, "looked-after", start=ago(3)))
    assert len(alerts.flags(child, "looked-after")) == 1
    alerts.change(alerts.read(f"EpisodeOfCare/{id}"), status="entered-in-error")
    assert alerts.flags(child, "looked-after") == []


def test_suspended_now_ends_by_the_clock(alerts: Alerts, child: str) -> None:
    alerts.write(exclusion(child, ago(0), end=ago(0)))
    assert len(alerts.flags(child, "suspended")) == 1
    alerts.tick(datetime.now(UTC) + timedelta(days=1, hours=1))
    assert alerts.flags(child, "suspended") == []


def test_what_an_agency_flags_itself_is_not_flagged_twice(alerts: Alerts) -> None:
    child = alerts.suite.post(make.child()).id
    own = {
        "resourceType": "Flag",
        "status": "active",
        "code": make.concept(f"{B}/CodeSystem/child-flag", "looked-after"),
        "subject": make.reference(f"Patient/{child}"),
        "period": {"start": ago(5)},
    }
    [id] = alerts.write(own)
    alerts.write(make.episode(child, SC, "looked-after", start=ago(5)))
    assert [each["id"] for each in alerts.flags(child, "looked-after")] == [id]
    ended = {"start": ago(5), "end": ago(0)}
    alerts.change(alerts.read(f"Flag/{id}"), status="inactive", period=ended)
    [flag] = alerts.flags(child, "looked-after")
    assert flag["id"] != id


def test_care_leavers_and_children_missing_education_are_flagged(alerts: Alerts) -> None:
    child = alerts.suite.post({**make.child(), "birthDate": "2006-02-03"}).id
    leaver = {
        "resourceType": "Observation",
        "status": "final",
        "category": [make.concept(make.CATEGORY, "care-leaver")],
        "code": make.concept(f"{B}/CodeSystem/observation-code", "care-leaver"),
        "subject": make.reference(f"Patient/{child}"),
        "effectiveDateTime": ago(10),
        "performer": [make.reference(f"Organization/{SC}")],
    }
    alerts.write(leaver, make.episode(child, SC, "children-missing-education", start=ago(4)))
    assert len(alerts.flags(child, "care-leaver")) == 1
    assert len(alerts.flags(child, "children-missing-education")) == 1
