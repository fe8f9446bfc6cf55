"""Breaking the glass: one child, a reason, a limited time, and who leads is told at once."""

from datetime import timedelta

import pytest

from server import clock
from server.fhir.identifier import NHS_NUMBER
from server.fhir.meta import instant
from tests import make
from tests.person import signed_in

TASK = f"{make.B}/CodeSystem/worklist-code|break-glass"
TEAM_ROLE = f"{make.B}/CodeSystem/team-role"
REASON = "Brought to A&E at night, nobody can be reached."


@pytest.fixture
def duty(client_with):
    return client_with("duty")


@pytest.fixture
def secret(suite, client_with):
    """A child labelled V whom social care is named for, and leads the work with."""
    social_care = client_with("social-care")
    patient = social_care.post(make.child(meta=make.labelled("V"), address=[{"city": "Exampleton"}])).json
    team = make.team(patient["id"], "social-care")
    team["participant"][0]["role"] = [make.concept(TEAM_ROLE, "lead-professional")]
    assert social_care.post(team).status == 201
    assert social_care.post(make.episode(patient["id"], "duty", "child-in-need")).status == 201
    return patient


def called(client, path, **given):
    asked = {"reason": ("valueString", REASON), "purpose": ("valueCode", "ETREAT")}
    asked |= given
    parts = [{"name": name, key: value} for name, (key, value) in asked.items() if key]
    return client.ask("POST", path, {"resourceType": "Parameters", "parameter": parts})


def broken(client, id, **given):
    return called(client, f"Patient/{id}/$break-glass", **given)


def answered(answer):
    found = {}
    for part in answer.json["parameter"]:
        [value] = [value for key, value in part.items() if key.startswith("value")]
        found.setdefault(part["name"], []).append(value)
    return found


def test_the_glass_opens_one_child_and_no_other(duty, social_care, secret):
    other = social_care.post(make.child(meta=make.labelled("V"))).id
    assert duty.get(f"Patient/{secret['id']}").status == 404
    answer = broken(duty, secret["id"])
    assert answer.status == 200
    assert answered(answer)["patient"] == [{"reference": f"Patient/{secret['id']}"}]
    assert duty.get(f"Patient/{secret['id']}").json["address"] == [{"city": "Exampleton"}]
    assert duty.search(f"EpisodeOfCare?patient={secret['id']}").ids
    assert duty.get(f"Patient/{other}").status == 404


def test_it_ends_by_itself(app, duty, secret):
    until = answered(broken(duty, secret["id"], minutes=("valuePositiveInt", 5)))["until"][0]
    assert instant(clock.now()) < until < instant(clock.now() + timedelta(minutes=6))
    with app.extensions["database"].begin() as connection:
        connection.exec_driver_sql("UPDATE sight SET valid_until = now() WHERE degree = 4")
    assert duty.get(f"Patient/{secret['id']}").status == 404


def test_who_leads_is_told_by_a_task_that_stays(duty, social_care, secret):
    answer = broken(duty, secret["id"])
    assert answered(answer)["told"] == [{"reference": "Organization/social-care"}]
    [task] = social_care.search(f"Task?code={TASK}&patient={secret['id']}").matches
    assert task["owner"] == make.reference("Organization/social-care")
    assert task["requester"] == make.reference("Organization/duty")
    assert task["reasonCode"]["text"] == REASON
    assert task["reasonCode"]["coding"][0]["code"] == "ETREAT"
    assert task["executionPeriod"]["end"] == answered(answer)["until"][0]
    assert task["status"] == "requested"


def test_where_nobody_leads_the_named_are_told_or_those_who_work_with_the_child(suite, duty, child):
    told = {each["reference"] for each in answered(broken(duty, child))["told"]}
    assert told >= {f"Organization/{each}" for each in ("school", "social-care", "health")}


def test_a_child_is_found_by_identifier_and_birth_date(duty, secret):
    identifier = {"system": NHS_NUMBER, "value": secret["identifier"][0]["value"]}
    asked = {"identifier": ("valueIdentifier", identifier), "birthDate": ("valueDate", secret["birthDate"])}
    wrong = called(duty, "Patient/$break-glass", **asked | {"birthDate": ("valueDate", "2014-03-15")})
    assert wrong.status == 404
    assert called(duty, "Patient/$break-glass", **asked).status == 200
    assert duty.get(f"Patient/{secret['id']}").status == 200


def test_whereabouts_and_what_was_not_to_be_shared_open_too_and_what_is_sealed_does_not(
    suite, duty, client_with, child
):
    from tests.access.test_decision import not_shared
    from tests.access.test_sealed import SEALED, link

    suite.post(make.episode(child, "duty", "child-in-need"))
    suite.put({**suite.get(f"Patient/{child}").json, "meta": make.labelled("R"), "address": [{"city": "Y"}]})
    suite.post(not_shared(child, "duty"))
    visit = suite.post(make.encounter(child, "health")).id
    suite.post(make.episode(child, "adoption", "adoption"))
    assert client_with("adoption").post(link(child, child, meta=SEALED)).status == 201
    assert duty.get(f"Encounter/{visit}").status == 404
    assert "address" not in duty.get(f"Patient/{child}").json
    assert broken(duty, child).status == 200
    assert "serviceProvider" in duty.get(f"Encounter/{visit}").json
    assert "address" in duty.get(f"Patient/{child}").json
    assert duty.search(f"Linkage?item=Patient/{child}").ids == []


def test_who_broke_the_glass_does_not_lift_the_label_nor_name_anybody(duty, social_care, secret):
    broken(duty, secret["id"])
    shown = duty.get(f"Patient/{secret['id']}").json
    for meta in ({}, make.labelled("R"), make.labelled("N")):
        assert duty.put({**shown, "meta": meta}).status == 403
    assert duty.put({**shown, "gender": "female"}).status == 200
    assert social_care.get(f"Patient/{secret['id']}").json["meta"]["security"] == shown["meta"]["security"]


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"reason": ("", None)}, 400),
        ({"reason": ("valueString", "because")}, 400),
        ({"reason": ("valueString", "x              ")}, 400),
        ({"purpose": ("", None)}, 400),
        ({"purpose": ("valueCode", "HRESCH")}, 400),
        ({"minutes": ("valuePositiveInt", 121)}, 400),
        ({"minutes": ("valuePositiveInt", 0)}, 400),
        ({"birthDate": ("valueDate", "2014-03-14")}, 400),
    ],
)
def test_a_glass_is_not_broken_for_no_reason_no_purpose_or_for_long(duty, secret, given, status):
    assert broken(duty, secret["id"], **given).status == status
    assert duty.get(f"Patient/{secret['id']}").status == 404


@pytest.mark.parametrize("agency", ["school", "social-care", "suite"])
def test_who_has_no_right_to_it_learns_nothing(client_with, secret, agency):
    client = client_with(agency)
    refused = [broken(client, id) for id in (secret["id"], "nobody")]
    assert [each.status for each in refused] == [403, 403]
    assert refused[0].json["issue"] == refused[1].json["issue"]


def test_a_child_that_is_not_there_is_not_found(duty):
    assert broken(duty, "nobody").status == 404


def test_it_is_called_by_post(duty, secret):
    assert duty.get(f"Patient/{secret['id']}/$break-glass?reason={REASON}&purpose=BTG").status == 405


def test_every_attempt_is_in_the_account(app, duty, school, secret):
    broken(duty, secret["id"])
    broken(duty, "nobody")
    broken(school, secret["id"])
    lines = "SELECT outcome, purpose, reason FROM audit WHERE interaction = 'break-glass' ORDER BY at DESC"
    with app.extensions["database"].autocommit() as connection:
        found = connection.exec_driver_sql(f"{lines} LIMIT 3").all()
    assert [row[0] for row in found] == [403, 404, 200]
    assert {(row[1], row[2]) for row in found} == {("ETREAT", REASON)}


def test_it_is_no_way_to_guess_who_is_known(client_with, monkeypatch):
    from server.record import glass

    monkeypatch.setattr(glass, "_AN_HOUR", 0)
    assert broken(client_with("duty"), "nobody").status == 429


def test_a_user_breaks_it_for_nobody_else_at_the_agency(app, suite, social_care, duty, secret):
    me, colleague = (
        suite.put({"resourceType": "Practitioner", "id": make.word("worker-")}).id for _ in range(2)
    )
    mine, other = (
        signed_in(app, "duty", "user/*.cruds", f"Practitioner/{id}", roles=("duty",), caseload="own")
        for id in (me, colleague)
    )
    assert mine.get(f"Patient/{secret['id']}").status == 404
    assert broken(mine, secret["id"]).status == 200
    assert mine.get(f"Patient/{secret['id']}").json["address"] == [{"city": "Exampleton"}]
    assert mine.search(f"EpisodeOfCare?patient={secret['id']}").ids
    assert [each.get(f"Patient/{secret['id']}").status for each in (other, duty)] == [404, 404]
    [task] = social_care.search(f"Task?code={TASK}&patient={secret['id']}").matches
    assert task["input"][0]["valueReference"]["reference"] == f"Practitioner/{me}"


@pytest.mark.parametrize("roles", [(), ("system",), ("nonsense",)], ids=str)
def test_a_user_needs_the_role(app, suite, secret, roles):
    me = suite.put({"resourceType": "Practitioner", "id": make.word("worker-")}).id
    user = signed_in(app, "duty", "user/*.cruds", f"Practitioner/{me}", roles=roles, caseload="all")
    assert broken(user, secret["id"]).status == 403


def test_it_is_broken_by_way_of_one_agency_and_for_no_other(app, suite, duty):
    child = suite.put(make.child(id=make.word("child-"))).id
    me = suite.put({"resourceType": "Practitioner", "id": make.word("worker-")}).id
    here, there, own = (
        signed_in(app, agency, "user/*.cruds", f"Practitioner/{me}", roles=("duty",), caseload=caseload)
        for agency, caseload in (("duty", "all"), ("people", "all"), ("people", "own"))
    )
    assert broken(here, child).status == 200
    assert [each.get(f"Patient/{child}").status for each in (here, there)] == [200, 404]
    assert there.search(f"Patient?_id={child}").ids == []
    assert suite.post(make.episode(child, "people", "child-in-need")).status == 201
    # Nor does it make the child one of those with whom the same worker works elsewhere.
    assert [each.get(f"Patient/{child}").status for each in (there, own)] == [200, 404]


def test_an_app_that_is_open_for_one_child_breaks_it_for_no_other(app, suite):
    mine, other = (suite.put(make.child(id=make.word("child-"))).id for _ in range(2))
    assert suite.post(make.episode(mine, "duty", "child-in-need")).status == 201
    me = suite.put({"resourceType": "Practitioner", "id": make.word("worker-")}).id
    opened = signed_in(app, "duty", "patient/*.cruds", f"Practitioner/{me}", roles=("duty",), patient=mine)
    assert opened.get(f"Patient/{mine}").status == 200
    # And it does not learn who is there.
    assert [broken(opened, id).status for id in (other, "nobody")] == [403, 403]
