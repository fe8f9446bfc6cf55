"""Topics are files: what cannot be understood stops the start; each is announced, and read as R4 has it."""

import json
import re

import pytest
from flask import Flask

from server.record.door import Door
from server.subscription import rule, topic
from server.subscription.topic import BadTopic
from tests.caller import Caller, token

GOOD = {
    "resourceType": "SubscriptionTopic",
    "id": "good",
    "url": "https://example.org/SubscriptionTopic/good",
    "status": "active",
    "resourceTrigger": [{"resource": "Encounter", "supportedInteraction": ["create"]}],
}


def triggered(**trigger: object) -> dict[str, object]:
    return {**GOOD, "resourceTrigger": [{"resource": "Encounter", **trigger}]}


def asking(*interactions: str, **criteria: object) -> dict[str, object]:
    return triggered(supportedInteraction=list(interactions), queryCriteria=criteria)


BAD = {
    "no topic": {**GOOD, "resourceType": "Subscription"},
    "nothing triggers it": {**GOOD, "resourceTrigger": []},
    "no url": {name: value for name, value in GOOD.items() if name != "url"},
    "an unknown type": triggered(resource="Encounters"),
    "an unknown interaction": triggered(supportedInteraction=["read"]),
    "a misspelt part": triggered(querycriteria={}),
    "a create whose past is not said": asking("create", previous="status=planned"),
    "a delete whose present is not said": asking("delete", current="status=planned"),
    "a result that is none": asking("create", previous="status=planned", resultForCreate="passes"),
    "an unknown event": {
        **GOOD,
        "eventTrigger": [{"event": {"coding": [{"system": "x", "code": "y"}]}, "resource": "Encounter"}],
    },
}

UNDECIDED = {
    "a chain": asking("update", current="patient.name=Robin"),
    "an unknown parameter": asking("update", current="colour=red"),
    "a value that is none": asking("update", current="date=someday"),
    "no FHIRPath": triggered(supportedInteraction=["update"], fhirPathCriteria="%current.status = ("),
}


@pytest.mark.parametrize("case", BAD)
def test_a_topic_that_cannot_be_understood_is_refused(case: str):
    with pytest.raises(BadTopic, match=r"here: "):
        topic.read(BAD[case], "here")


@pytest.mark.parametrize("case", UNDECIDED)
def test_a_topic_that_cannot_be_decided_is_refused(told: Flask, case: str):
    with pytest.raises(BadTopic):
        rule.rules(topic.read(UNDECIDED[case], "here"), told.extensions["door"])


def test_a_file_that_cannot_be_read_stops_the_start_and_is_named(tmp_path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "broken.json").write_text('{"resourceType": ')
    monkeypatch.setattr(topic, "folder", lambda: tmp_path)
    topic.topics.cache_clear()
    try:
        with pytest.raises(BadTopic, match=re.escape("broken.json")):
            topic.topics()
        (tmp_path / "broken.json").write_text(json.dumps(GOOD))
        (tmp_path / "twice.json").write_text(json.dumps(GOOD))
        with pytest.raises(BadTopic, match="there is another"):
            topic.topics()
    finally:
        topic.topics.cache_clear()


def test_every_topic_that_ships_can_be_decided_and_says_what_it_is(told: Flask):
    door: Door = told.extensions["door"]
    for each in topic.topics().values():
        assert rule.rules(each, door)
        assert each.title
        assert each.resource["description"]
        for kept in each.filters:
            for type_ in (kept.type,) if kept.type else each.types:
                assert kept.parameter in door.registry.supported(type_), (each.url, kept)


def test_topics_are_announced_as_the_backport_says(told: Flask):
    statement = told.test_client().get("/fhir/metadata").json
    assert statement
    [found] = [each for each in statement["rest"][0]["resource"] if each["type"] == "Subscription"]
    url = "subscriptions-backport/StructureDefinition/capabilitystatement-subscriptiontopic-canonical"
    announced = [each["valueCanonical"] for each in found["extension"] if each["url"].endswith(url)]
    assert announced == list(topic.topics())
    assert any(each.endswith("backport-subscription") for each in found["supportedProfile"])


def test_topics_are_read_as_basic(told: Flask):
    suite = Caller(told, token(told, "suite", "system/*.cruds"))
    found = suite.get("Basic?code=http://hl7.org/fhir/fhir-types|SubscriptionTopic&_count=100")
    said = {
        part["valueUri"]
        for each in found.matches
        for part in each["extension"]
        if part["url"].endswith("extension-SubscriptionTopic.url")
    }
    assert said == set(topic.topics())
