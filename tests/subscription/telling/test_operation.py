"""$status, $events and $get-ws-binding-token: for who made the subscription, by the rights of now."""

import pytest

from server import clock
from server.store import websockets
from server.store.fingerprint import fingerprint
from tests import make
from tests.caller import Caller, token
from tests.subscription.telling.listener import Heard
from tests.subscription.telling.make import subscription


def contact(child, **more):
    return make.encounter(child, "social-care", **more)


@pytest.fixture
def made(teller, social_care, listener, child):
    """The id of a subscription to a child's contacts that is active."""
    asked = subscription(
        "contact", listener.url, f"Encounter?patient=Patient/{child}", content="full-resource"
    )
    id = social_care.post(asked).id
    listener.wait(lambda found: found.heard)
    return id


def of(answer):
    """A notification that came as an answer."""
    return Heard("", "", {}, answer.text.encode())


def told(answer):
    """The numbers with what each is about."""
    return [
        (int(each["event-number"]), each.get("focus", {}).get("reference", "").rpartition("/")[2])
        for each in of(answer).status["events"]
    ]


def test_status_tells_of_one_subscription(made, social_care, listener, writer, child):
    writer.post(contact(child))
    listener.wait(lambda found: found.numbers == [1])
    answer = social_care.get(f"Subscription/{made}/$status?id=ignored&status=off")
    assert answer.json["type"] == "searchset"
    [entry] = answer.entries
    assert entry["search"] == {"mode": "match"}
    status = Heard("", "", {}, answer.text.encode()).status
    assert (status["status"], status["type"]) == ("active", "query-status")
    assert status["events-since-subscription-start"] == "1"


def test_status_tells_of_all_that_the_caller_made_or_of_some(made, social_care, listener, child):
    other = social_care.post(subscription("contact", listener.url, type="rest-hook")).id
    every = [named(entry) for entry in social_care.get("Subscription/$status").entries]
    assert sorted(every) == sorted([made, other])
    both = social_care.get(f"Subscription/$status?id={made}&id={other}").entries
    assert len(both) == 2
    assert [named(each) for each in social_care.get(f"Subscription/$status?id={made}").entries] == [made]
    assert social_care.get("Subscription/$status?status=off").entries == []
    assert len(social_care.get("Subscription/$status?status=off&status=active&status=requested").entries) == 2
    assert social_care.get("Subscription/$status?status=odd").status == 400


def named(entry):
    parameters = entry["resource"]["parameter"]
    return next(
        each["valueReference"]["reference"] for each in parameters if each["name"] == "subscription"
    ).rpartition("/")[2]


def test_events_are_told_again_from_any_number(made, social_care, listener, writer, child):
    ids = [writer.post(contact(child)).id for _ in range(4)]
    listener.wait(lambda found: found.numbers == [1, 2, 3, 4])
    every = social_care.get(f"Subscription/{made}/$events")
    assert (every.json["type"], of(every).kind) == ("history", "query-event")
    assert told(every) == [(number, id) for number, id in enumerate(ids, 1)]
    assert [each["resource"]["id"] for each in every.json["entry"][1:]] == ids
    some = social_care.get(
        f"Subscription/{made}/$events?eventsSinceNumber=2&eventsUntilNumber=3&content=id-only"
    )
    assert told(some) == [(2, ids[1]), (3, ids[2])]
    assert ["resource" in each for each in some.json["entry"][1:]] == [False, False]
    nothing = social_care.get(f"Subscription/{made}/$events?eventsSinceNumber=2&content=empty")
    assert told(nothing) == [(2, ""), (3, ""), (4, "")]
    assert len(nothing.entries) == 1


@pytest.mark.parametrize("asked", ["eventsSinceNumber=one", "eventsUntilNumber=-1", "content=all"])
def test_what_is_no_number_and_no_content_is_refused(made, social_care, asked):
    assert social_care.get(f"Subscription/{made}/$events?{asked}").status == 400


def test_no_more_is_told_again_than_the_subscription_asks_for(teller, social_care, listener, writer, child):
    asked = subscription("contact", listener.url, f"Encounter?patient=Patient/{child}", content="id-only")
    id = social_care.post(asked).id
    writer.post(contact(child))
    listener.wait(lambda found: found.numbers == [1])
    answer = social_care.get(f"Subscription/{id}/$events?content=full-resource")
    assert ["resource" in each for each in answer.json["entry"][1:]] == [False]


def test_an_event_that_was_lost_sight_of_keeps_its_number_and_names_nothing(
    made, social_care, listener, writer, child
):
    seen = [writer.post(contact(child)).id for _ in range(2)]
    listener.wait(lambda found: found.numbers == [1, 2])
    assert told(social_care.get(f"Subscription/{made}/$events")) == [(1, seen[0]), (2, seen[1])]
    patient = writer.get(f"Patient/{child}").json
    assert writer.put({**patient, "meta": make.labelled("V")}).status == 200
    answer = social_care.get(f"Subscription/{made}/$events")
    assert told(answer) == [(1, ""), (2, "")]
    assert len(answer.entries) == 1
    assert not any(id in answer.text for id in (*seen, child))
    # What happens from here on is no event of who may not see it.
    writer.post(contact(child))
    status = of(social_care.get(f"Subscription/{made}/$events")).status
    assert status["events-since-subscription-start"] == "2"


def test_who_did_not_make_it_is_told_nothing(made, record, social_care, child):
    colleague = Caller(record, token(record, "social-care", "system/*.cruds"))
    for path in ("$events", "$get-ws-binding-token"):
        answer = colleague.ask("POST", f"Subscription/{made}/{path}", {"resourceType": "Parameters"})
        assert answer.status in (403, 404), path
    stranger = Caller(record, token(record, "school", "system/*.cruds"))
    for path in ("$status", "$events"):
        assert stranger.get(f"Subscription/{made}/{path}").status in (403, 404), path
    assert stranger.get("Subscription/$status").entries == []


def test_who_has_no_right_to_subscriptions_is_told_nothing(record, made):
    other = Caller(record, token(record, "social-care", "system/Patient.rs"))
    assert other.get(f"Subscription/{made}/$status").status == 403
    assert other.get("Subscription/$status").status == 403


def test_a_token_binds_once_and_only_a_hash_of_it_is_kept(teller, record, social_care):
    id = social_care.post(subscription("contact", type="websocket")).id
    answer = social_care.ask(
        "POST", f"Subscription/{id}/$get-ws-binding-token", {"resourceType": "Parameters"}
    )
    given = {
        each["name"]: next(v for k, v in each.items() if k != "name") for each in answer.json["parameter"]
    }
    assert given["subscription"] == f"{social_care.base}/Subscription/{id}"
    assert given["websocket-url"].startswith("ws://127.0.0.1:")
    assert answer.headers["Cache-Control"] == "no-store"
    with record.extensions["database"].begin() as connection:
        assert websockets.use(connection, fingerprint(given["token"]), clock.now()) == ()
        assert websockets.use(connection, given["token"], clock.now()) == (id,)
        assert websockets.use(connection, given["token"], clock.now()) == ()


def test_a_token_is_for_websockets_alone(made, social_care):
    answer = social_care.ask(
        "POST", f"Subscription/{made}/$get-ws-binding-token", {"resourceType": "Parameters"}
    )
    assert answer.status == 400
