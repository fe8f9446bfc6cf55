"""A Subscription in the record: the state that it is put into, who says so, and what a PUT makes of it."""

import re
from datetime import timedelta

import pytest
from flask import Flask

from server import clock
from server.job.teller import end
from server.record.door import Door
from server.store import subscriptions
from server.store.subscriptions import ACTIVE, ERROR, OFF, REQUESTED
from server.subscription import lifecycle
from tests import make
from tests.caller import Caller, token
from tests.subscription.conftest import TOPIC, row, subscription


@pytest.fixture
def door(told: Flask) -> Door:
    return told.extensions["door"]


@pytest.fixture(scope="module")
def school(told: Flask) -> Caller:
    return Caller(told, token(told, "school", "system/*.cruds"))


@pytest.fixture
def made(school: Caller) -> make.Resource:
    answer = school.post(subscription(f"{TOPIC}/attendance", "value-concept=L"))
    assert answer.status == 201, answer
    return answer.json


@pytest.mark.parametrize("status", ["requested", "active", "error"])
def test_it_begins_as_requested_whatever_its_client_says(school: Caller, status: str):
    assert school.post({**subscription(f"{TOPIC}/attendance"), "status": status}).json["status"] == REQUESTED


def test_what_the_server_says_of_it_stands_in_it_and_beside_it(
    door: Door, school: Caller, made: make.Resource
):
    assert lifecycle.become(door, made["id"], ERROR, "Nobody answers.")
    found = school.get(f"Subscription/{made['id']}")
    assert (found.json["status"], found.json["error"], found.version) == (ERROR, "Nobody answers.", "2")
    assert (row(door, made["id"]).state, row(door, made["id"]).error) == (ERROR, "Nobody answers.")
    assert lifecycle.become(door, made["id"], ACTIVE)
    assert "error" not in school.get(f"Subscription/{made['id']}").json
    # Said again it is no news.
    assert lifecycle.become(door, made["id"], ACTIVE)
    assert school.get(f"Subscription/{made['id']}").version == "3"
    assert not lifecycle.become(door, "nowhere", OFF)


def test_a_client_does_not_say_that_it_is_active_or_why_not(door: Door, school: Caller, made: make.Resource):
    lifecycle.become(door, made["id"], ERROR, "Nobody answers.")
    held = school.get(f"Subscription/{made['id']}").json
    again = school.put({**held, "status": "active", "error": "All is well."})
    assert again.json["status"] == REQUESTED
    assert "error" not in again.json


def test_a_put_of_what_was_read_changes_nothing(door: Door, school: Caller, made: make.Resource):
    lifecycle.become(door, made["id"], ACTIVE)
    held = school.get(f"Subscription/{made['id']}")
    assert school.put(held.json).version == held.version
    assert row(door, made["id"]).state == ACTIVE


def test_another_filter_is_asked_for_anew(door: Door, school: Caller, made: make.Resource):
    lifecycle.become(door, made["id"], ACTIVE)
    held = school.get(f"Subscription/{made['id']}").json
    held["_criteria"]["extension"][0]["valueString"] = "value-concept=N"
    assert school.put(held).json["status"] == REQUESTED
    assert row(door, made["id"]).filters == ("value-concept=N",)


def test_a_patch_is_held_against_the_same_rules(door: Door, school: Caller, made: make.Resource):
    patched = school.ask(
        "PATCH",
        f"Subscription/{made['id']}",
        [{"op": "replace", "path": "/criteria", "value": f"{TOPIC}/unheard-of"}],
        Content_Type="application/json-patch+json",
    )
    assert patched.status == 422
    assert row(door, made["id"]).topic == f"{TOPIC}/attendance"


def test_a_refused_one_leaves_nothing_behind(door: Door, school: Caller):
    refused = {**subscription(f"{TOPIC}/unheard-of"), "id": make.word("subscription")}
    assert school.put(refused).status == 422
    with door.database.autocommit() as connection:
        assert subscriptions.find(connection, refused["id"]) is None


def test_what_has_ended_already_is_switched_off(school: Caller):
    over = school.post({**subscription(f"{TOPIC}/attendance"), "end": "2020-01-01T00:00:00Z"})
    assert (over.status, over.json["status"]) == (201, "off")
    assert "ended" in over.json["error"]


def test_what_comes_to_its_end_is_switched_off(door: Door, school: Caller):
    ends = clock.now() + timedelta(minutes=5)
    made = school.post({**subscription(f"{TOPIC}/attendance"), "end": ends.isoformat()})
    assert made.status == 201, made
    end(door, clock.now())
    assert row(door, made.id).state == REQUESTED
    end(door, ends + timedelta(seconds=1))
    assert school.get(f"Subscription/{made.id}").json["status"] == OFF


def test_a_subscription_in_a_transaction_is_as_any_other(door: Door, school: Caller):
    sent = make.bundle("transaction", make.posted(subscription(f"{TOPIC}/attendance")))
    answer = school.post(sent)
    assert answer.status == 200, answer
    id_ = re.findall(r"Subscription/([^/]+)", answer.json["entry"][0]["response"]["location"])[0]
    assert row(door, id_).state == REQUESTED
