"""`Patient/$match`: candidates graded, and limited to what the caller may see or trace."""

import pytest

from server.fhir.identifier import NHS_NUMBER
from tests import make
from tests.identity.test_door import SAME_CHILD, asked_of, robin

GRADE = "http://hl7.org/fhir/StructureDefinition/match-grade"


@pytest.fixture
def asking(client_with):
    return client_with("asking")


@pytest.fixture
def reviewing(client_with):
    return client_with("reviewing")


def match(client, patient, **more):
    parts = [{"name": "resource", "resource": patient}]
    parts += [
        {"name": name, ("valueBoolean" if value is True else "valueInteger"): value}
        for name, value in more.items()
    ]
    return client.ask("POST", "Patient/$match", {"resourceType": "Parameters", "parameter": parts})


def grades(answer):
    return {
        each["resource"]["id"]: next(e["valueCode"] for e in each["search"]["extension"] if e["url"] == GRADE)
        for each in answer.entries
    }


def test_a_child_is_found_by_what_is_known_of_it(asking):
    child = robin()
    id = asking.post(child).id
    found = match(asking, child)
    assert grades(found) == {id: "certain"}
    [entry] = found.entries
    assert 0.9 < entry["search"]["score"] <= 1
    assert entry["fullUrl"].endswith(f"Patient/{id}")
    assert found.json["type"] == "searchset"


def test_the_patient_alone_is_a_question_too(asking):
    child = robin()
    id = asking.post(child).id
    assert list(grades(asking.ask("POST", "Patient/$match", child))) == [id]


def test_a_stranger_is_nobody(asking):
    assert match(asking, robin()).entries == []


def test_the_best_come_first_and_no_more_than_are_wanted(asking):
    child = robin()
    best = asking.post(child).id
    worse = asking.post(
        {**child, "birthDate": "2014-01-01", "address": []} | {"address": [{"postalCode": "ZZ99 3VZ"}]}
    ).id
    found = match(asking, child)
    assert next(iter(grades(found))) == best
    scores = [each["search"]["score"] for each in found.entries]
    assert scores == sorted(scores, reverse=True)
    assert list(grades(match(asking, child, count=1))) == [best]
    assert worse != best


def test_only_certain_matches_is_the_one_or_none(asking):
    child = robin()
    id = asking.post(child).id
    assert list(grades(match(asking, child, onlyCertainMatches=True))) == [id]
    asking.post(child)
    assert match(asking, child, onlyCertainMatches=True).entries == []


def test_who_is_not_seen_is_not_found_and_people_are_asked(asking, school, reviewing):
    child = robin()
    hidden = school.post(child).id
    assert match(asking, child).entries == []
    assert match(asking, child).entries == []
    [task] = asked_of(reviewing, hidden)
    assert task["contained"][0]["name"] == child["name"]
    assert task["requester"]["reference"] == "Organization/asking"


def test_who_may_trace_finds_by_identifier_and_birth_date_whom_it_does_not_see(asking, school):
    number = make.nhs()
    child = robin(identifier=[make.identifier(number, NHS_NUMBER)])
    id = school.post(child).id
    found = match(asking, child)
    assert grades(found) == {id: "certain"}
    assert "address" not in found.entries[0]["resource"]
    assert match(asking, {**child, "birthDate": "2001-01-01"}).entries == []


def test_a_score_tells_nothing_of_what_is_withheld(asking, suite):
    """An address is withheld of a restricted child: whoever guesses it right is told no more."""
    child = robin()
    id = make.word("child-")
    assert suite.put({**child, "id": id, "meta": make.labelled("R")}).status == 201
    assert suite.post(make.episode(id, "asking")).status == 201
    right = match(asking, child)
    wrong = match(asking, {**child, "address": [{"line": ["7 Wrong Street"], "postalCode": "ZZ99 3CZ"}]})
    assert grades(right).keys() == {id}
    assert [e["search"] for e in right.entries] == [e["search"] for e in wrong.entries]


def test_a_very_restricted_child_is_nobody(asking, suite):
    child = robin()
    id = make.word("child-")
    assert suite.put({**child, "id": id, "meta": make.labelled("V")}).status == 201
    assert suite.post(make.episode(id, "asking")).status == 201
    assert match(asking, child).entries == []
    assert asking.get(f"Task?code={SAME_CHILD}&patient={id}").matches == []


@pytest.mark.parametrize("patient", [{}, {"gender": "male"}, {"name": [{"family": "Sample"}]}])
def test_too_little_is_refused(asking, patient):
    assert match(asking, {"resourceType": "Patient", **patient}).status == 422


def test_another_resource_is_no_question(asking):
    assert match(asking, {"resourceType": "Basic"}).status == 400


def test_without_a_right_to_patients_there_is_no_match(client_with):
    assert match(client_with("asking", "system/Task.rs"), robin()).status == 403
