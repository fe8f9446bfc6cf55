"""Who listens by HTTP is told at once, in order, each number once and none left out."""

import base64
import hmac
import re
import time
from hashlib import sha256

import pytest

from tests import make
from tests.subscription.telling.listener import listening, value_of
from tests.subscription.telling.make import TOPIC, subscription

KEY = "k" * 40
SECRET = "Bearer of-a-secret-that-nobody-may-read"


def contact(child, **more):
    return make.encounter(child, "social-care", **more)


@pytest.fixture
def to_contacts(teller, social_care, listener, child):
    """Subscribes to the contacts of the child."""

    def subscribed(**more):
        asked = subscription("contact", listener.url, f"Encounter?patient=Patient/{child}", **more)
        made = social_care.post(asked)
        assert made.status == 201, made
        listener.wait(lambda found: any(each.kind == "handshake" for each in found.heard))
        wait_for(social_care, made.id, "active")
        return made.id

    return subscribed


def wait_for(client, id, status, seconds=10):
    until = time.monotonic() + seconds
    while (found := client.get(f"Subscription/{id}").json)["status"] != status:
        assert time.monotonic() < until, found
        time.sleep(0.02)
    return found


def test_it_is_requested_until_its_handshake_is_taken(teller, social_care, listener, child):
    made = social_care.post(subscription("contact", listener.url, f"Encounter?patient=Patient/{child}"))
    assert made.json["status"] == "requested"
    [heard] = listener.wait(lambda found: found.heard).heard
    assert (heard.method, heard.headers["Content-Type"]) == ("POST", "application/fhir+json; charset=utf-8")
    assert heard.status == {
        "events": [],
        "subscription": {"reference": f"{social_care.base}/Subscription/{made.id}"},
        "topic": f"{TOPIC}contact",
        "status": "requested",
        "type": "handshake",
        "events-since-subscription-start": "0",
    }
    wait_for(social_care, made.id, "active")


@pytest.mark.parametrize("answer", [404, 500, 301])
def test_a_handshake_that_is_refused_leaves_it_in_error_until_it_is_asked_for_again(
    teller, social_care, listener, child, answer
):
    listener.answer = lambda _: answer
    asked = subscription("contact", listener.url, f"Encounter?patient=Patient/{child}")
    made = social_care.post(asked)
    found = wait_for(social_care, made.id, "error")
    assert found["error"] == f"The endpoint answered {answer}."
    listener.answer = lambda _: 200
    social_care.put({**asked, "id": made.id, "status": "requested"})
    wait_for(social_care, made.id, "active")


def test_a_contact_is_told_with_the_next_number(to_contacts, listener, writer, child):
    to_contacts(content="id-only")
    ids = [writer.post(contact(child)).id for _ in range(5)]
    listener.wait(lambda found: found.numbers == [1, 2, 3, 4, 5])
    told = [each["focus"]["reference"] for one in listener.events for each in one.status["events"]]
    assert told == [f"{writer.base}/Encounter/{id}" for id in ids]


@pytest.mark.parametrize(
    ("content", "told", "shown"),
    [("empty", False, False), ("id-only", True, False), ("full-resource", True, True)],
)
def test_as_much_is_told_as_was_asked_for(to_contacts, listener, writer, child, content, told, shown):
    to_contacts(content=content)
    id = writer.post(contact(child)).id
    [heard] = listener.wait(lambda found: found.events).events
    [event] = heard.status["events"]
    assert ("focus" in event, "topic" in heard.status) == (told, told)
    entries = heard.json["entry"][1:]
    assert [each["fullUrl"] for each in entries] == ([f"{writer.base}/Encounter/{id}"] if told else [])
    assert [each.get("resource", {}).get("id") for each in entries] == (
        [id if shown else None] if told else []
    )
    for each in entries:
        assert each["request"] == {"method": "POST", "url": "Encounter"}
        assert each["response"]["status"] == "201"


def test_the_first_entry_is_the_status_as_if_it_had_been_asked_for(to_contacts, listener, writer, child):
    id = to_contacts()
    writer.post(contact(child))
    [heard] = listener.wait(lambda found: found.events).events
    assert heard.json["type"] == "history"
    profile = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-"
    assert heard.json["meta"]["profile"] == [f"{profile}notification-r4"]
    first = heard.json["entry"][0]
    assert first["resource"]["meta"]["profile"] == [f"{profile}status-r4"]
    assert first["request"] == {"method": "GET", "url": f"{writer.base}/Subscription/{id}/$status"}
    names = [each["name"] for each in first["resource"]["parameter"]]
    assert names == [
        "subscription", "topic", "status", "type", "events-since-subscription-start", "notification-event",
    ]  # fmt: skip
    assert value_of(first["resource"]["parameter"][4]) == "1"


def test_no_notification_tells_of_more_than_it_may(to_contacts, listener, writer, child):
    to_contacts(max_count=3)
    listener.stalled.set()
    writer.post(contact(child))
    listener.wait(lambda found: found.asked == 2)
    entries = [make.posted(contact(child)) for _ in range(7)]
    assert writer.post(make.bundle("transaction", *entries)).status == 200
    listener.stalled.clear()
    listener.wait(lambda found: found.numbers == list(range(1, 9)))
    assert max(len(each.numbers) for each in listener.events) == 3


def test_what_failed_is_told_again_under_the_same_number(to_contacts, listener, writer, social_care, child):
    id = to_contacts()
    listener.answer = lambda place: 503 if place < 4 else 200
    ids = [writer.post(contact(child)).id for _ in range(3)]
    assert len(ids) == 3
    wait_for(social_care, id, "error")
    listener.wait(lambda found: found.numbers == [1, 2, 3], seconds=20)
    assert "error" not in wait_for(social_care, id, "active")


def test_a_slow_listener_delays_nobody_else(to_contacts, listener, writer, social_care, child, teller):
    to_contacts()
    listener.stalled.set()
    with listening() as other:
        made = social_care.post(subscription("contact", other.url, f"Encounter?patient=Patient/{child}"))
        wait_for(social_care, made.id, "active")
        begun = time.monotonic()
        for _ in range(3):
            writer.post(contact(child))
        other.wait(lambda found: found.numbers == [1, 2, 3])
        assert time.monotonic() - begun < 2
        social_care.delete(f"Subscription/{made.id}")
    assert listener.numbers == []


def test_a_notification_takes_no_longer_than_its_subscription_says(
    to_contacts, listener, writer, social_care, child
):
    id = to_contacts(timeout=1)
    listener.stalled.set()
    writer.post(contact(child))
    assert wait_for(social_care, id, "error")["error"] == "The endpoint did not answer within 1 s."


def test_headers_are_sent_and_never_shown(to_contacts, listener, social_care, writer, child):
    id = to_contacts(header=(f"Authorization: {SECRET}", "X-School: 1"))
    assert listener.heard[0].headers["Authorization"] == SECRET
    assert listener.heard[0].headers["X-School"] == "1"
    shown = social_care.get(f"Subscription/{id}").json
    assert shown["channel"]["header"] == ["Authorization: ********", "X-School: ********"]
    for path in (f"Subscription/{id}/_history", f"Subscription?_id={id}", "Subscription?url=x"):
        assert "of-a-secret" not in social_care.get(path).text
    # Sent back as it was read, it stays what it was.
    assert social_care.put({**shown, "reason": "Still to know"}).status == 200
    wait_for(social_care, id, "active")
    writer.post(contact(child))
    [heard] = listener.wait(lambda found: found.events).events
    assert heard.headers["Authorization"] == SECRET


def test_a_masked_header_does_not_go_to_another_endpoint(to_contacts, social_care):
    id = to_contacts(header=(f"Authorization: {SECRET}",))
    shown = social_care.get(f"Subscription/{id}").json
    with listening() as other:
        shown["channel"]["endpoint"] = other.url
        assert social_care.put(shown).status == 422
        assert other.heard == []


def test_a_notification_is_signed_with_the_key_of_the_subscription(to_contacts, listener, social_care):
    id = to_contacts(key=KEY)
    heard = listener.heard[0]
    digest = f"sha-256=:{base64.b64encode(sha256(heard.body).digest()).decode()}:"
    assert heard.headers["Content-Digest"] == digest
    parameters = heard.headers["Signature-Input"].removeprefix("childrecord=")
    created = int(re.search(r"created=(\d+)", parameters)[1])
    assert abs(created - time.time()) < 60
    assert f'keyid="{id}"' in parameters
    values = {
        "@method": "POST",
        "@target-uri": listener.url,
        "content-type": heard.headers["Content-Type"],
        "content-digest": digest,
    }
    covered = re.findall(r'"([@\w-]+)"', parameters.partition(")")[0])
    assert covered == list(values)
    text = "\n".join(
        [*(f'"{name}": {values[name]}' for name in covered), f'"@signature-params": {parameters}']
    )
    expected = base64.b64encode(hmac.new(KEY.encode(), text.encode(), sha256).digest()).decode()
    assert heard.headers["Signature"] == f"childrecord=:{expected}:"
    assert KEY not in social_care.get(f"Subscription/{id}").text


def test_a_subscription_in_xml_is_told_in_xml(to_contacts, listener, writer, child):
    asked = subscription("contact", listener.url, payload="application/fhir+xml", content="full-resource")
    assert writer.post(asked).status == 201
    [heard] = listener.wait(lambda found: found.heard).heard
    assert heard.headers["Content-Type"] == "application/fhir+xml; charset=utf-8"
    assert heard.body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>')
    assert b'<code value="handshake"' in heard.body or b'value="handshake"' in heard.body


def test_a_heartbeat_comes_when_nothing_else_does(to_contacts, listener):
    to_contacts(heartbeat_period=5)
    heard = listener.wait(lambda found: any(each.kind == "heartbeat" for each in found.heard), seconds=12)
    beat = next(each for each in heard.heard if each.kind == "heartbeat")
    assert (beat.numbers, beat.status["status"]) == ([], "active")


def test_who_subscribed_by_criteria_is_sent_the_resource_itself(teller, social_care, listener, writer, child):
    criteria = f"Encounter?patient=Patient/{child}"
    made = social_care.post(subscription(criteria, listener.url, content=None))
    wait_for(social_care, made.id, "active")
    id = writer.post(contact(child)).id
    [heard] = listener.wait(lambda found: found.heard).heard
    assert (heard.method, heard.path) == ("PUT", f"/hook/Encounter/{id}")
    assert heard.json["id"] == id


def test_who_subscribed_by_criteria_without_a_payload_is_told_that_something_happened(
    teller, social_care, listener, writer, child
):
    criteria = f"Encounter?patient=Patient/{child}"
    made = social_care.post(subscription(criteria, listener.url, content=None, payload=None))
    wait_for(social_care, made.id, "active")
    writer.post(contact(child))
    [heard] = listener.wait(lambda found: found.heard).heard
    assert (heard.method, heard.path, heard.body) == ("POST", "/hook", b"")


def test_what_was_told_is_accounted_for(to_contacts, listener, writer, child, record):
    id = to_contacts()
    writer.post(contact(child))
    listener.wait(lambda found: found.events)
    looked = writer.get(f"Patient/{child}/$who-looked")
    assert "was told of a change to" in looked.text
    assert id not in looked.text
