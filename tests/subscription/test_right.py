"""A subscription is no way round: what its owner may not see at this moment is none of its events."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask

from server import clock
from server.record.door import Door
from server.store import clients, grants, liveness
from server.store.database import Connection
from server.subscription import right
from server.subscription.dispatch import Dispatcher
from tests import make
from tests.caller import Caller, token
from tests.person import signed_in
from tests.subscription.conftest import TOPIC, events, ids, read_all, row, subscription

As = Callable[[str], Caller]


@pytest.fixture
def door(told: Flask) -> Door:
    return told.extensions["door"]


@pytest.fixture(scope="module")
def as_agency(told: Flask) -> As:
    known: dict[str, Caller] = {}

    def caller(agency: str) -> Caller:
        if agency not in known:
            known[agency] = Caller(told, token(told, agency, "system/*.cruds"))
        return known[agency]

    return caller


@pytest.fixture
def suite(as_agency: As) -> Caller:
    return as_agency("suite")


@pytest.fixture
def child(suite: Caller) -> str:
    """A child with whom the school works, and nobody else."""
    id = make.word("child")
    written = make.bundle("transaction", make.put(make.child(id=id)), make.posted(make.episode(id, "school")))
    assert suite.post(written).status == 200
    return id


def asked(caller: Caller, criteria: str, *filters: str) -> str:
    made = caller.post(subscription(criteria, *filters))
    assert made.status == 201, made
    return made.id


# ---- who is told -------------------------------------------------------------------------------------------


def test_only_who_works_with_the_child_is_told(door: Door, dispatcher: Dispatcher, as_agency: As, child: str):
    school, other = as_agency("school"), as_agency("academy")
    near, far = (asked(each, f"Observation?patient=Patient/{child}") for each in (school, other))
    mark = school.post(make.mark(child, "school")).id
    read_all(dispatcher)
    assert (ids(door, near), ids(door, far)) == ([mark], [])


def test_who_lost_sight_before_it_was_told_is_not_told(
    door: Door, dispatcher: Dispatcher, as_agency: As, suite: Caller, child: str
):
    health = as_agency("social-care")
    episode = suite.post(make.episode(child, "social-care", "child-in-need")).json
    made = asked(health, f"Encounter?patient=Patient/{child}")
    seen = suite.post(make.encounter(child, "social-care")).id
    read_all(dispatcher)
    suite.post(make.encounter(child, "social-care"))
    assert suite.delete(f"EpisodeOfCare/{episode['id']}").status == 204
    for encounter in suite.get(f"Encounter?patient=Patient/{child}").ids:
        assert suite.delete(f"Encounter/{encounter}").status == 204
    read_all(dispatcher)
    assert ids(door, made) == [seen]


def test_categories_of_a_right_hold(
    door: Door, dispatcher: Dispatcher, as_agency: As, suite: Caller, child: str
):
    school = as_agency("school")
    made = asked(school, f"Observation?patient=Patient/{child}")
    suite.post(make.observation(child))
    mark = suite.post(make.mark(child, "school")).id
    read_all(dispatcher)
    assert ids(door, made) == [mark]


def test_a_deletion_is_told_to_who_could_see_what_was_deleted(
    door: Door, dispatcher: Dispatcher, as_agency: As, suite: Caller, child: str
):
    school, far = as_agency("school"), as_agency("academy")
    near, other = (asked(each, f"{TOPIC}/attendance", f"patient=Patient/{child}") for each in (school, far))
    mark = suite.post(make.mark(child, "school")).id
    assert suite.delete(f"Observation/{mark}").status == 204
    read_all(dispatcher)
    assert [(each.interaction, each.id) for each in events(door, near)] == [
        ("create", mark),
        ("delete", mark),
    ]
    assert ids(door, other) == []


@pytest.mark.parametrize(("label", "seen"), [("R", True), ("V", False)])
def test_a_very_restricted_child_is_absent(
    door: Door, dispatcher: Dispatcher, as_agency: As, suite: Caller, child: str, label: str, seen: bool
):
    school = as_agency("school")
    made = asked(school, f"Observation?patient=Patient/{child}")
    patient = suite.get(f"Patient/{child}").json
    assert suite.put({**patient, "meta": make.labelled(label)}).status == 200
    mark = suite.post(make.mark(child, "school")).id
    read_all(dispatcher)
    assert ids(door, made) == ([mark] if seen else [])


# ---- by what it is told ------------------------------------------------------------------------------------


def test_nobody_is_told_by_an_element_that_is_hidden(
    door: Door, dispatcher: Dispatcher, as_agency: As, suite: Caller, child: str
):
    veiled = as_agency("veiled")
    suite.post(make.episode(child, "veiled"))
    number = suite.get(f"Patient/{child}").json["identifier"][0]["value"]
    refused = veiled.post(subscription(f"Patient?identifier={number}"))
    assert refused.status == 403
    every = asked(veiled, f"Patient?_id={child}")
    patient = suite.get(f"Patient/{child}").json
    suite.put({**patient, "gender": "female"})
    read_all(dispatcher)
    assert ids(door, every) == [child]


def test_nobody_is_told_by_what_is_withheld_of_a_restricted_child(
    door: Door, dispatcher: Dispatcher, as_agency: As, suite: Caller, child: str
):
    school, word = as_agency("school"), make.word("city")
    by_place = asked(school, f"Patient?address-city={word}")
    by_name = asked(school, f"Patient?_id={child}")
    patient = suite.get(f"Patient/{child}").json
    housed = suite.put({**patient, "address": [{"city": word}]}).json
    read_all(dispatcher)
    assert ids(door, by_place) == ids(door, by_name) == [child]
    labelled = suite.put({**housed, "meta": make.labelled("R")}).json
    suite.put({**labelled, "gender": "male"})
    read_all(dispatcher)
    assert len(ids(door, by_name)) == 3
    # Not even of the version that was shown when it was written.
    assert len(ids(door, by_place)) == 1


def test_who_sees_that_it_exists_is_not_told_by_what_it_says(
    door: Door, dispatcher: Dispatcher, as_agency: As, suite: Caller, child: str
):
    glimpse = as_agency("glimpse")
    suite.post(make.episode(child, "glimpse"))
    by_code = subscription(f"Observation?patient=Patient/{child}&value-quantity=gt5")
    assert glimpse.post(by_code).status == 403
    made = asked(glimpse, f"Observation?patient=Patient/{child}")
    written = suite.post(make.observation(child, valueQuantity={"value": 7})).id
    read_all(dispatcher)
    assert ids(door, made) == [written]


def test_who_did_not_see_what_was_before_is_not_told_by_it(
    door: Door, dispatcher: Dispatcher, as_agency: As, suite: Caller, child: str
):
    school = as_agency("school")
    made = asked(school, f"{TOPIC}/attendance-corrected", f"patient=Patient/{child}")
    other = suite.post(
        {**make.mark(child, "school"), "category": [make.concept(make.HL7_CATEGORY, "survey")]}
    ).json
    mark = make.mark(child, "school", code="N")
    first = suite.put({**mark, "id": other["id"]}).json
    assert (
        suite.put(
            {
                **mark,
                "id": other["id"],
                "valueCodeableConcept": make.mark(child, "x", code="L")["valueCodeableConcept"],
            }
        ).status
        == 200
    )
    read_all(dispatcher)
    assert first["meta"]["versionId"] == "2"
    assert [each.version for each in events(door, made)] == [3]


REFUSED = {
    "a type that it may not read": ("MedicationRequest?status=active", 403),
    "an unknown topic": (f"{TOPIC}/unheard-of", 422),
    "no search": ("whatever", 422),
    "a chain": ("Observation?patient.name=Robin", 422),
    "a reverse chain": ("Patient?_has:Observation:patient:code=x", 422),
    "words of the narrative": ("Observation?_text=robin", 422),
    "an unknown parameter": ("Observation?colour=red", 422),
    "how to answer": ("Observation?_count=5", 422),
    "nonsense for a value": ("Observation?date=someday", 422),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_asked_is_refused_in_words(as_agency: As, case: str):
    criteria, status = REFUSED[case]
    answer = as_agency("school").post(subscription(criteria))
    assert answer.status == status, answer
    assert all(len(said) > 20 for _, said in answer.issues)


@pytest.mark.parametrize(
    "text", ["colour=red", "Patient?name=x", "value-concept:in=x", "code:text=x&patient=y&has=z"]
)
def test_a_topic_is_filtered_by_what_it_can_be_filtered_by(as_agency: As, text: str):
    assert as_agency("school").post(subscription(f"{TOPIC}/attendance", text)).status == 422


# ---- whose it is -------------------------------------------------------------------------------------------


def test_a_subscription_is_its_makers_alone(told: Flask, as_agency: As, suite: Caller, child: str):
    school = as_agency("school")
    made = asked(school, f"Observation?patient=Patient/{child}")
    held = school.get(f"Subscription/{made}").json
    for other in (Caller(told, token(told, "school", "system/*.cruds")), suite):
        assert other.get(f"Subscription/{made}").status == 404
        assert made not in other.get("Subscription").ids
        assert other.get(f"Subscription/{made}/_history").status == 404
        assert other.put(held).status in (403, 409)
        assert other.delete(f"Subscription/{made}").status in (204, 404)
    assert school.get(f"Subscription/{made}").status == 200


def test_nobody_gives_a_subscription_to_another(as_agency: As, child: str):
    school = as_agency("school")
    tag = {"system": "https://w3id.org/single-child-record/sid/subscriber", "code": "0" * 32}
    made = school.post({**subscription(f"Observation?patient=Patient/{child}"), "meta": {"tag": [tag]}})
    assert [each["code"] for each in made.json["meta"]["tag"]] != [tag["code"]]
    assert school.get(f"Subscription/{made.id}").status == 200


# ---- who is admitted ---------------------------------------------------------------------------------------


def end(door: Door, act: Callable[[Connection], object]) -> None:
    with door.database.begin() as connection:
        act(connection)
    liveness.ended(door.database)


def _narrowed(connection: Connection, id: str) -> object:
    known = clients.find(connection, id)
    assert known
    return clients.replace(connection, replace(known, scope="system/Patient.rs"))


ENDS: dict[str, Callable[[Connection, str], object]] = {
    "suspended": lambda connection, id: clients.suspend(connection, id, clock.now()),
    "removed": clients.remove,
    "revoked": clients.revoke,
    "without scopes": _narrowed,
}


@pytest.mark.parametrize("how", ENDS)
def test_who_is_not_admitted_any_more_is_told_nothing_and_it_ends(
    told: Flask, door: Door, dispatcher: Dispatcher, suite: Caller, child: str, how: str
):
    caller = Caller(told, token(told, "school", "system/*.cruds"))
    made = asked(caller, f"Observation?patient=Patient/{child}")
    first = suite.post(make.mark(child, "school")).id
    read_all(dispatcher)
    end(door, lambda connection: ENDS[how](connection, caller.client))
    suite.post(make.mark(child, "school", session="pm"))
    read_all(dispatcher)
    assert ids(door, made) == [first]
    if how != "without scopes":
        held = row(door, made)
        assert held.state == "off"
        assert held.error


def test_a_user_is_told_of_its_own_caseload_for_as_long_as_the_app_may_ask(
    told: Flask, door: Door, dispatcher: Dispatcher, suite: Caller, child: str
):
    worker = make.word("worker")
    suite.put({"resourceType": "Practitioner", "id": worker})
    user = signed_in(
        told, "people", "user/*.cruds", f"Practitioner/{worker}", roles=("clerk",), caseload="own"
    )
    made = asked(user, f"Patient?_id={child}")
    patient = suite.get(f"Patient/{child}").json
    suite.post(make.episode(child, "people", "child-in-need"))
    suite.put({**patient, "gender": "male"})
    read_all(dispatcher)
    assert ids(door, made) == []
    suite.post(
        make.episode(child, "people", "child-in-need", careManager=make.reference(f"Practitioner/{worker}"))
    )
    suite.put({**patient, "gender": "female"})
    right._rights.clear()
    read_all(Dispatcher(door))
    assert ids(door, made) == [child]
    account = row(door, made).account
    assert account
    end(door, lambda connection: grants.end_of_account(connection, account))
    suite.put({**patient, "gender": "other"})
    read_all(dispatcher)
    assert ids(door, made) == [child]
    assert row(door, made).state == "off"


def test_what_was_told_is_shown_on_replay_only_as_far_as_it_may_be_seen_now(
    door: Door, dispatcher: Dispatcher, as_agency: As, suite: Caller, child: str
):
    school = as_agency("school")
    made = asked(school, f"Observation?patient=Patient/{child}")
    marks = [suite.post(make.mark(child, "school", session=each)).id for each in ("am", "pm")]
    read_all(dispatcher)
    with door.database.transaction() as transaction:
        subscription = row(door, made)
        access = right.access(door, transaction.connection, subscription)
        assert access is not None
        before = right.foci(door, transaction.connection, access, subscription, events(door, made))
    assert {number: each.id for number, each in before.items()} == {1: marks[0], 2: marks[1]}
    survey = {"category": [make.concept(make.HL7_CATEGORY, "survey")]}
    assert suite.put({**suite.get(f"Observation/{marks[0]}").json, **survey}).status == 200
    with door.database.transaction() as transaction:
        after = right.foci(door, transaction.connection, access, subscription, events(door, made))
    assert set(after) == {2}
