"""Existence without content: that there is a plan, its kind, its dates and whom to call."""

import pytest

from tests import make
from tests.make import TEST

SHOWN = {"resourceType", "id", "meta", "status", "type", "patient", "period", "managingOrganization"}


@pytest.fixture
def glimpse(client_with):
    return client_with("glimpse")


@pytest.fixture
def plan(suite, child):
    """A child protection plan with everything that existence does not show."""
    word = make.word()
    suite.put({"resourceType": "Practitioner", "id": word})
    suite.post(make.episode(child, "glimpse"))
    secret = {
        "id": f"plan-{word}",
        "meta": make.tagged(word),
        "text": {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{word}</div>'},
        "contained": [{"resourceType": "CareTeam", "id": "p", "name": word}],
        "extension": [{"url": "https://example.org/e", "valueString": word}],
        "identifier": [make.identifier(word)],
        "careManager": make.reference(f"Practitioner/{word}"),
        "team": [{"reference": "#p"}],
        "_status": {"extension": [{"url": "https://example.org/s", "valueString": "shown"}]},
    }
    made = suite.put(make.episode(child, "social-care", "child-protection-plan", "2024-02-03", **secret))
    assert made.status == 201
    return made.json | {"word": word}


def test_existence_shows_what_kind_when_and_whom_to_call_and_says_that_more_is_held_back(glimpse, plan):
    shown = glimpse.get(f"EpisodeOfCare/{plan['id']}")
    assert set(shown.json) - {"_status"} == SHOWN
    assert all(shown.json[name] == plan[name] for name in SHOWN - {"meta"})
    assert shown.json["_status"] == plan["_status"]
    assert [label["code"] for label in shown.json["meta"]["security"]] == ["REDACTED"]
    assert plan["word"] not in shown.text.replace(plan["id"], "").replace(
        plan["meta"]["tag"][0]["code"], "", 1
    )


def test_it_is_the_same_on_every_path(glimpse, plan, child):
    shown = glimpse.get(f"EpisodeOfCare/{plan['id']}")
    path = f"EpisodeOfCare/{plan['id']}"
    assert glimpse.get(f"{path}/_history/1").json == shown.json
    assert [each["resource"] for each in glimpse.get(f"{path}/_history").entries] == [shown.json]
    for query in (
        f"_id={plan['id']}",
        f"patient={child}&status=active&date=ge2024-02-03&type=child-protection-plan",
        f"patient={child}&type={plan['type'][0]['coding'][0]['code']}",
    ):
        assert glimpse.search(f"EpisodeOfCare?{query}").matches == [shown.json]
    found = glimpse.search(f"Patient?_id={child}&_revinclude=EpisodeOfCare:patient")
    assert shown.json in [each["resource"] for each in found.entries]
    [inner] = glimpse.post(make.bundle("batch", make.entry("GET", path))).entries
    assert inner["resource"] == shown.json


def test_whose_right_is_to_the_content_sees_it(client_with, plan):
    for agency in ("social-care", "inspector"):
        whole = client_with(agency).get(f"EpisodeOfCare/{plan['id']}")
        assert {**whole.json, "word": plan["word"]} == plan


@pytest.mark.parametrize(
    "query",
    [
        "identifier={word}",
        f"identifier={TEST}|{{word}}",
        "care-manager=Practitioner/{word}",
        "care-manager:missing=false&patient={child}&type=child-protection-plan",
        "identifier:not=x&patient={child}&type=child-protection-plan",
        "_tag={word}",
        "patient={child}&type=child-protection-plan&_sort=identifier",
        "patient={child}&type=child-protection-plan&_sort=-care-manager",
        "patient={child}&type=child-protection-plan&identifier={word}&_count=0",
    ],
)
def test_what_is_not_shown_is_not_searched_or_sorted_by(glimpse, social_care, plan, child, query):
    asked = f"EpisodeOfCare?{query.format(word=plan['word'], child=child)}"
    assert glimpse.search(asked).json["total"] == 0
    assert social_care.search(asked).json["total"] == 1


def test_what_is_not_shown_is_not_followed(glimpse, social_care, plan):
    forward = f"EpisodeOfCare?_id={plan['id']}&_include=EpisodeOfCare:care-manager"
    back = f"Practitioner?_id={plan['word']}&_revinclude=EpisodeOfCare:care-manager"
    assert (glimpse.search(forward).included, social_care.search(forward).included) == (
        [],
        [f"Practitioner/{plan['word']}"],
    )
    assert (glimpse.search(back).included, social_care.search(back).included) == (
        [],
        [f"EpisodeOfCare/{plan['id']}"],
    )


def test_a_condition_on_what_is_not_shown_finds_nothing(glimpse, social_care, plan, child):
    sent = make.episode(child, "glimpse")
    assert glimpse.post(sent, If_None_Exist=f"identifier={plan['word']}").status == 201
    assert social_care.post(sent, If_None_Exist=f"identifier={plan['word']}").status == 200
    reference = make.posted(make.linkage(f"EpisodeOfCare?identifier={plan['word']}"))
    assert glimpse.post(make.bundle("transaction", reference)).status == 412
    assert social_care.post(make.bundle("transaction", reference)).status == 200


def test_existence_is_no_right_to_change(glimpse, plan):
    refused = glimpse.put({name: plan[name] for name in SHOWN})
    assert refused.status == 403
    assert glimpse.delete(f"EpisodeOfCare/{plan['id']}").status == 403


def test_what_must_be_there_by_fhir_is_masked_where_it_is_held_back(glimpse, plan, child):
    """What is left of a resource is still a resource; who may write it may not read it afterwards."""
    made = glimpse.post(make.observation(child, "secret", note=[{"text": "x"}]))
    assert made.status == 201
    shown = glimpse.get(f"Observation/{made.id}").json
    assert "note" not in shown
    [extension] = shown["code"]["extension"]
    assert extension["valueCode"] == "masked"
    assert glimpse.search("Observation?code=secret").ids == []


def test_a_plan_of_a_child_whom_it_does_not_work_with_does_not_exist(glimpse, suite):
    child = suite.post(make.child()).id
    id = suite.post(make.episode(child, "social-care", "child-protection-plan")).id
    assert glimpse.get(f"EpisodeOfCare/{id}").status == 404
