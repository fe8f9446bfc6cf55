"""`$attendance-summary`: the sessions of a school and of a child, exact, and of nothing that is not seen."""

from datetime import date

import pytest
from sqlalchemy import text

from server.child.attendance import total
from server.record import totals
from server.store import locator
from tests import make
from tests.child.attendance import naive
from tests.child.attendance.ask import by_child, by_school, line, made, parts, send
from tests.child.attendance.test_generated import differing
from tests.operation.test_merge import merge, unmerge

YEAR = "term=2025-26"


@pytest.fixture
def pupil(suite):
    """A child who is registered at the school, and whom social care works with."""
    id = make.word("pupil-")
    suite.post(
        make.bundle(
            "transaction",
            make.put(make.child(id=id)),
            make.posted(make.episode(id, "school")),
            make.posted(make.episode(id, "social-care", "child-in-need")),
        )
    )
    return id


def of_child(caller, id, query=YEAR):
    [total] = parts(caller.get(f"Patient/{id}/$attendance-summary?{query}"), "total")
    return naive.told(total)


def of_school(caller, id, school="school", query=YEAR):
    """What a school's summary says of one child."""
    found = by_child(caller.get(f"Organization/{school}/$attendance-summary?{query}"))
    return naive.told(found[id]) if id in found else naive.NOTHING


def counts(possible, attended, authorised, unauthorised):
    return {
        "possible": possible, "attended": attended, "authorised": authorised, "unauthorised": unauthorised
    }  # fmt: skip


def but_codes(told):
    return {name: value for name, value in told.items() if name != "codes"}


EACH = {
    "present": ("/", (1, 1, 0, 0)),
    "an approved activity": ("B", (1, 1, 0, 0)),
    "provision of the authority": ("K", (1, 1, 0, 0)),
    "ill": ("I", (1, 0, 1, 0)),
    "a part-time timetable": ("C2", (1, 0, 1, 0)),
    "after the register closed": ("U", (1, 0, 0, 1)),
    "no reason yet": ("N", (1, 0, 0, 1)),
    "at the other school": ("D", (0, 0, 0, 0)),
    "not of compulsory age": ("X", (0, 0, 0, 0)),
    "unable to attend": ("Y1", (0, 0, 0, 0)),
    "closed": ("#", (0, 0, 0, 0)),
    "not on roll": ("Z", (0, 0, 0, 0)),
}


@pytest.mark.parametrize("name", EACH)
def test_a_code_counts_as_the_regulations_say(school, pupil, name):
    code, expected = EACH[name]
    send(school, line(pupil, code))
    assert but_codes(of_child(school, pupil)) == counts(*expected)
    assert of_school(school, pupil) == of_child(school, pupil)


def test_of_a_hundred_possible_sessions_how_many_were_missed(school, pupil):
    for day, code in (("08", "/"), ("09", "I"), ("10", "N"), ("11", "D")):
        send(school, line(pupil, code), day=f"2025-09-{day}")
    [total] = parts(school.get(f"Patient/{pupil}/$attendance-summary?{YEAR}"), "total")
    assert [str(part["valueDecimal"]) for part in total if part["name"] == "absence"] == ["66.67"]


def test_a_summary_is_exact_to_the_day(school, pupil):
    for day in ("2025-09-30", "2025-10-01", "2025-10-31", "2025-11-03"):
        send(school, line(pupil), day=day)
    assert of_child(school, pupil, "start=2025-10-01&end=2025-10-31")["possible"] == 2
    assert of_child(school, pupil, "start=2025-10-02&end=2025-10-30")["possible"] == 0
    assert of_child(school, pupil, "start=2025-09-30&end=2025-11-03")["possible"] == 4
    assert of_school(school, pupil, query="start=2025-10-01&end=2025-11-02")["possible"] == 2


def test_a_summary_is_told_by_term(school, pupil):
    for day in ("2025-12-31", "2026-01-05", "2026-04-03", "2026-04-13"):
        send(school, line(pupil), day=day)
    found = parts(school.get(f"Patient/{pupil}/$attendance-summary?{YEAR}"), "term")
    said = {part["valueString"]: naive.told(each)["possible"] for each in found for part in each[:1]}
    assert said == {"2025-26 autumn": 1, "2025-26 spring": 2, "2025-26 summer": 1}
    assert of_child(school, pupil, "term=2025-26%20spring")["possible"] == 2


def test_a_mark_posted_by_itself_counts_as_well(school, pupil):
    path = school.post(make.mark(pupil, "school", code="N"))
    assert of_child(school, pupil)["unauthorised"] == 1
    mark = path.json | {"valueCodeableConcept": make.concept(naive.NOW, "I")}
    assert school.put(mark).status == 200
    assert but_codes(of_child(school, pupil)) == counts(1, 0, 1, 0)
    assert school.put(mark | {"effectiveDateTime": "2025-10-08"}).status == 200
    assert of_child(school, pupil, "start=2025-09-01&end=2025-09-30") == naive.NOTHING
    assert school.put(mark | {"status": "entered-in-error"}).status == 200
    assert of_child(school, pupil) == naive.NOTHING
    assert school.put(mark).status == 200
    assert of_child(school, pupil)["authorised"] == 1
    assert school.delete(f"Observation/{mark['id']}").status == 204
    assert of_child(school, pupil) == naive.NOTHING


def test_a_month_of_marks_in_one_bundle_counts_as_well(school, pupil):
    days = [f"2025-09-{day:02d}" for day in range(8, 27)]
    marks = [make.mark(pupil, "school", day, each) for day in days for each in ("am", "pm")]
    marks = [each | {"valueCodeableConcept": make.concept(naive.NOW, "B")} for each in marks]
    assert school.post(make.bundle("transaction", *map(make.posted, marks))).status == 200
    assert of_child(school, pupil)["codes"] == {(naive.NOW, "B"): len(marks)}


def test_what_is_rolled_back_counts_for_nothing(school, pupil):
    good, same = make.posted(make.mark(pupil, "school")), make.posted(make.mark(pupil, "school"))
    assert school.post(make.bundle("transaction", good, same)).status == 409
    assert of_child(school, pupil) == naive.NOTHING


def test_a_mark_in_the_place_of_another_is_the_one_that_counts(school, pupil):
    first = school.post(make.mark(pupil, "school", code="N")).json
    assert school.put(first | {"status": "entered-in-error"}).status == 200
    assert school.post(make.mark(pupil, "school", code="I")).status == 201
    assert of_child(school, pupil)["codes"] == {(naive.NOW, "I"): 1}
    assert school.put(first | {"status": "entered-in-error", "language": "en"}).status == 200
    assert school.delete(f"Observation/{first['id']}").status == 204
    assert of_child(school, pupil)["codes"] == {(naive.NOW, "I"): 1}


def test_at_two_schools_each_has_its_own(school, suite, pupil):
    send(school, line(pupil, "D"))
    suite.post(make.mark(pupil, "academy", code="/"))
    found = by_school(suite.get(f"Patient/{pupil}/$attendance-summary?{YEAR}"))
    assert {name: naive.told(each)["possible"] for name, each in found.items()} == {
        "Organization/school": 0, "Organization/academy": 1,
    }  # fmt: skip
    assert of_child(suite, pupil)["possible"] == 1
    assert of_school(suite, pupil, "academy")["possible"] == 1


def test_a_group_is_of_its_children_alone(suite, school, pupil):
    other = make.word("pupil-")
    suite.post(
        make.bundle("transaction", make.put(make.child(id=other)), make.posted(make.episode(other, "school")))
    )
    send(school, line(pupil), line(other))
    members = [{"entity": make.reference(f"Patient/{pupil}")}]
    group = suite.post({"resourceType": "Group", "type": "person", "actual": True, "member": members}).id
    found = by_child(suite.get(f"Organization/school/$attendance-summary?{YEAR}&children=true"))
    assert {pupil, other} <= set(found)
    asked = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "term", "valueString": "2025-26"},
            {"name": "group", "valueReference": make.reference(f"Group/{group}")},
        ],
    }
    found = by_child(suite.ask("POST", "Organization/school/$attendance-summary", asked))
    assert set(found) == {pupil}


# ---- what is not seen --------------------------------------------------------------------------------------


def test_a_child_that_the_caller_may_not_see_counts_for_nothing(school, health, social_care, pupil):
    send(school, line(pupil))
    assert of_school(school, pupil)["possible"] == 1
    assert of_school(health, pupil) == naive.NOTHING
    assert health.get(f"Patient/{pupil}/$attendance-summary").status in (403, 404)


def test_a_summary_without_the_right_to_marks_is_refused(client_with, pupil):
    assert (
        client_with("school", "system/Patient.rs").get(f"Patient/{pupil}/$attendance-summary").status == 403
    )


def test_where_a_restricted_child_goes_to_school_is_not_told(school, suite, social_care, pupil):
    send(school, line(pupil))
    assert of_school(social_care, pupil)["possible"] == 1
    patient = suite.get(f"Patient/{pupil}").json
    assert suite.put(patient | {"meta": make.labelled("R")}).status == 200
    assert suite.post(make.team(pupil, "school")).status == 201
    assert of_school(school, pupil)["possible"] == 1
    assert of_school(social_care, pupil) == naive.NOTHING
    answer = social_care.get(f"Patient/{pupil}/$attendance-summary?{YEAR}")
    assert "Organization/school" not in answer.text
    assert of_child(social_care, pupil)["possible"] == 1


def test_a_sealed_mark_counts_for_nobody_who_may_not_unseal(app, suite, school, pupil):
    send(school, line(pupil), day="2025-09-08")
    [path] = made(send(school, line(pupil), day="2025-09-09"))
    door = app.extensions["door"]
    with door.database.begin() as connection:
        seal = text("UPDATE resource_observation SET restriction = 8 WHERE id = :id RETURNING child")
        child = connection.execute(seal, {"id": path.partition("/")[2]}).scalar_one()
    [wrong] = totals.put_right(door, [child])
    assert wrong.child == child
    assert of_child(suite, pupil)["possible"] == of_school(school, pupil)["possible"] == 1


def test_a_right_to_some_marks_counts_those(client_with, suite, school, pupil):
    send(school, line(pupil, "I"), day="2025-09-08")
    send(school, line(pupil, "/"), day="2025-09-09")
    narrow = client_with(
        "suite", f"system/Observation.rs?value-concept={naive.NOW}|I system/Patient.rs system/Organization.rs"
    )
    assert of_child(narrow, pupil)["codes"] == {(naive.NOW, "I"): 1}
    assert of_school(narrow, pupil)["codes"] == {(naive.NOW, "I"): 1}
    by_date = client_with(
        "suite", "system/Observation.rs?date=ge2025-09-09 system/Patient.rs system/Organization.rs"
    )
    assert of_child(by_date, pupil)["codes"] == {(naive.NOW, "/"): 1}


@pytest.fixture
def twice(suite, school, pupil):
    """The id of a second record of the pupil, with two marks, one of a session that both have."""
    other = make.word("pupil-")
    known = make.put(make.child(id=other)), make.posted(make.episode(other, "school"))
    assert suite.post(make.bundle("transaction", *known)).status == 200
    send(school, line(pupil, "N"))
    send(school, line(other, "I"))
    send(school, line(other, "/"), day="2025-09-09")
    return other


def test_two_records_that_are_one_child_have_a_session_once(app, suite, school, client_with, pupil, twice):
    records = client_with("records")
    assert merge(records, twice, pupil).status == 200
    later = {(naive.NOW, "I"): 1, (naive.NOW, "/"): 1}
    assert of_child(suite, pupil)["codes"] == later
    assert of_school(suite, pupil)["codes"] == later
    assert differing(app) == []
    send(school, line(twice, "B"), day="2025-09-10")
    assert of_child(suite, pupil)["possible"] == 3
    assert unmerge(records, twice).status == 200
    assert of_child(suite, pupil)["codes"] == {(naive.NOW, "N"): 1}
    assert of_child(suite, twice)["codes"] == {**later, (naive.NOW, "B"): 1}
    assert differing(app) == []


def test_what_is_taken_out_for_good_counts_for_nothing(app, suite, school, client_with, pupil):
    [path, _] = [made(send(school, line(pupil), day=f"2025-09-{day}"))[0] for day in ("08", "09")]
    reason = {"resourceType": "Parameters", "parameter": [{"name": "reason", "valueString": "A test."}]}
    assert client_with("records").ask("POST", f"{path}/$expunge", reason).status == 200
    assert of_child(suite, pupil)["possible"] == 1
    assert differing(app) == []


# ---- as the server asks ------------------------------------------------------------------------------------


def test_the_server_itself_is_told_the_same(app, suite, school, client_with, pupil, twice):
    assert merge(client_with("records"), twice, pupil).status == 200
    suite.post(make.mark(pupil, "academy", "2025-09-10", code="U"))
    door, start, end = app.extensions["door"], date(2025, 9, 1), date(2025, 9, 30)
    with door.database.autocommit() as connection:
        number = door.library.type_number("Patient")
        [child] = {place[0] for place in locator.places(connection, [(number, pupil)]).values()}
        given = (door, connection, [child], start, end)
        assert (total.counts(*given)[child].possible, total.counts(*given)[child].missed) == (3, 2)
        assert total.by_school(*given)[child, "Organization/academy"].unauthorised == 1
        marks = [(each.day.day, each.session, each.code.code) for each in total.series(*given)[child]]
        assert marks == [(8, "am", "I"), (9, "am", "/"), (10, "am", "U")]
        of_academy = total.of_school(door, connection, "Organization/academy", start, end)
        assert of_academy[child].percent == 100


FAULTS = (
    "term=2025", "term=2025-26%20winter", "start=2025-09", "start=2025-10-01&end=2025-09-01",
    "term=2025-26&start=2025-09-01", "start=2000-01-01&end=2025-01-01",
)  # fmt: skip


@pytest.mark.parametrize("query", FAULTS)
def test_a_time_that_is_none_is_refused(school, pupil, query):
    assert school.get(f"Patient/{pupil}/$attendance-summary?{query}").status == 400
