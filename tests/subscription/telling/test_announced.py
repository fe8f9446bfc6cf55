"""What the CapabilityStatement says of subscriptions is so, and what it does not say is refused."""

from datetime import timedelta

import pytest

from server import clock
from server.store import subscriptions
from tests.subscription.telling.make import subscription

_BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport"
HOOK = "https://hook.example.org/"


@pytest.fixture(scope="module")
def statement(writer):
    return writer.get("metadata").json


@pytest.fixture(scope="module")
def announced(statement):
    return next(each for each in statement["rest"][0]["resource"] if each["type"] == "Subscription")


def test_it_claims_to_be_a_server_of_the_backport(statement, announced):
    assert statement["instantiates"] == [f"{_BACKPORT}/CapabilityStatement/backport-subscription-server-r4"]
    assert announced["supportedProfile"] == [f"{_BACKPORT}/StructureDefinition/backport-subscription"]
    socket = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-websocket"
    urls = {each["url"]: each.get("valueUri") for each in statement["rest"][0]["extension"]}
    assert urls[socket].startswith("ws://")


def test_its_operations_are_those_of_the_backport(announced):
    known = {each["name"]: each["definition"] for each in announced["operation"]}
    for code in ("status", "events", "get-ws-binding-token"):
        assert known[code] == f"{_BACKPORT}/OperationDefinition/backport-subscription-{code}"


def test_a_subscription_is_written_read_searched_and_deleted(announced, social_care):
    assert {"read", "create", "update", "patch", "delete", "search-type"} <= {
        each["code"] for each in announced["interaction"]
    }
    assert {"url", "status"} <= {each["name"] for each in announced["searchParam"]}
    made = social_care.post(subscription("contact", HOOK)).json
    assert social_care.get(f"Subscription/{made['id']}").json["criteria"] == made["criteria"]
    assert social_care.search(f"Subscription?url={HOOK}&_id={made['id']}").ids == [made["id"]]
    assert social_care.search(f"Subscription?status=requested,error&_id={made['id']}").ids == [made["id"]]
    assert social_care.put({**made, "reason": "Another"}).status == 200
    assert social_care.delete(f"Subscription/{made['id']}").status in (200, 204)


def test_every_topic_that_is_announced_can_be_subscribed_to(announced, social_care):
    topics = [each["valueCanonical"] for each in announced["extension"]]
    assert topics
    for each in topics:
        asked = {**subscription("contact", HOOK), "criteria": each}
        made = social_care.post(asked)
        assert made.status == 201, (each, made)
        social_care.delete(f"Subscription/{made.id}")


@pytest.mark.parametrize(
    "asked",
    [
        subscription("nobody-knows-it", HOOK),
        subscription("contact", HOOK, "Encounter?length=5"),
        subscription("contact", HOOK, "Observation?code=x"),
        subscription("contact", HOOK, type="sms"),
        subscription("contact", "http://hook.example.org"),
        subscription("contact", HOOK, content="everything"),
        subscription("contact", HOOK, payload="application/fhir+json;fhirVersion=5.0"),
    ],
)
def test_what_cannot_be_done_is_refused(social_care, asked):
    answer = social_care.post(asked)
    assert answer.status == 422, answer
    assert all(told for _, told in answer.issues)


def test_no_heartbeat_comes_unless_it_is_asked_for(record, social_care):
    with_one = social_care.post(subscription("contact", None, type="websocket", heartbeat_period=60)).id
    without = social_care.post(subscription("contact", None, type="websocket")).id
    with record.extensions["database"].begin() as connection:
        for id in (with_one, without):
            subscriptions.become(connection, subscriptions.find(connection, id).rid, "active", None)
        found = {each.id for each in subscriptions.beating(connection, clock.now() + timedelta(days=365))}
    assert with_one in found
    assert without not in found
