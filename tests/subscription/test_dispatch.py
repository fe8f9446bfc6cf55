"""From what is written to numbered events: who is told of what, in which order, under which numbers."""

import pytest
from flask import Flask

from server.record.door import Door
from server.subscription.dispatch import Dispatcher
from tests import make
from tests.caller import Caller, token
from tests.subscription.conftest import OWN, TOPIC, events, ids, read_all, row, subscription


@pytest.fixture
def door(told: Flask) -> Door:
    return told.extensions["door"]


@pytest.fixture(scope="module")
def suite(told: Flask) -> Caller:
    return Caller(told, token(told, "suite", "system/*.cruds"))


@pytest.fixture(scope="module")
def school(told: Flask) -> Caller:
    return Caller(told, token(told, "school", "system/*.cruds"))


@pytest.fixture
def child(suite: Caller) -> str:
    """A child on the school's roll."""
    id = make.word("child")
    written = make.bundle("transaction", make.put(make.child(id=id)), make.posted(make.episode(id, "school")))
    assert suite.post(written).status == 200
    return id


def test_a_mark_is_an_event_of_who_subscribed_to_it(
    door: Door, dispatcher: Dispatcher, school: Caller, child: str
):
    made = school.post(subscription(f"{TOPIC}/attendance", f"Observation?patient=Patient/{child}"))
    assert made.status == 201, made.json
    assert made.json["status"] == "requested"
    mark = school.post(make.mark(child, "school"))
    assert mark.status == 201, mark.json
    read_all(dispatcher)
    [event] = events(door, made.id)
    assert (event.number, event.id, event.version, event.interaction) == (1, mark.id, 1, "create")
    assert row(door, made.id).numbered == 1


def test_events_are_numbered_without_gaps_in_the_order_of_the_versions(
    door: Door, dispatcher: Dispatcher, school: Caller, child: str
):
    made = school.post(subscription(f"{TOPIC}/attendance", f"patient=Patient/{child}")).id
    mark = school.post(make.mark(child, "school")).json
    for code in ("L", "I", "M"):
        mark = school.put(
            {**mark, "valueCodeableConcept": make.concept(f"{OWN}/CodeSystem/attendance-code", code)}
        ).json
    assert school.delete(f"Observation/{mark['id']}").status == 204
    read_all(dispatcher)
    found = events(door, made)
    assert [each.number for each in found] == [1, 2, 3, 4, 5]
    assert [each.version for each in found] == [1, 2, 3, 4, 5]
    assert [each.interaction for each in found] == ["create", "update", "update", "update", "delete"]


def test_what_was_written_before_is_none_of_its_events(
    door: Door, dispatcher: Dispatcher, school: Caller, child: str
):
    early = school.post(make.mark(child, "school", session="am")).id
    made = school.post(subscription(f"{TOPIC}/attendance", f"patient=Patient/{child}")).id
    late = school.post(make.mark(child, "school", session="pm")).id
    read_all(dispatcher)
    assert early not in ids(door, made)
    assert ids(door, made) == [late]


FILTERED = {
    "patient": lambda child: (f"patient=Patient/{child}", True),
    "another patient": lambda child: ("patient=Patient/another", False),
    "of the type": lambda child: (f"Observation?patient=Patient/{child}", True),
    "two, both met": lambda child: (f"patient=Patient/{child}&value-concept=L", True),
    "two, one met": lambda child: (f"patient=Patient/{child}&value-concept=N", False),
    "alternatives": lambda child: (f"patient=Patient/{child}&value-concept=N,L", True),
    "not": lambda child: (f"patient=Patient/{child}&value-concept:not=L", False),
    "not another": lambda child: (f"patient=Patient/{child}&value-concept:not=N", True),
    "a date that hashes do not tell": lambda child: (f"patient=Patient/{child}&date=2025-09-08", True),
    "a later date": lambda child: (f"patient=Patient/{child}&date=gt2025-09-08", False),
    "a span of dates": lambda child: (f"patient=Patient/{child}&date=ge2025-09&date=lt2025-10", True),
}


@pytest.mark.parametrize("case", FILTERED)
def test_filters_decide_as_a_search_would(
    door: Door, dispatcher: Dispatcher, school: Caller, child: str, case: str
):
    text, is_met = FILTERED[case](child)
    made = school.post(subscription(f"{TOPIC}/attendance", text))
    assert made.status == 201, made
    mark = school.post(make.mark(child, "school", code="L")).id
    read_all(dispatcher)
    assert ids(door, made.id) == ([mark] if is_met else [])


def test_several_filters_have_all_to_be_met(door: Door, dispatcher: Dispatcher, school: Caller, child: str):
    both = school.post(subscription(f"{TOPIC}/attendance", f"patient=Patient/{child}", "value-concept=L")).id
    one = school.post(subscription(f"{TOPIC}/attendance", f"patient=Patient/{child}", "value-concept=N")).id
    mark = school.post(make.mark(child, "school", code="L")).id
    read_all(dispatcher)
    assert (ids(door, both), ids(door, one)) == ([mark], [])


def test_criteria_of_r4_are_met_by_what_is_written(
    door: Door, dispatcher: Dispatcher, school: Caller, child: str
):
    made = school.post(subscription(f"Observation?patient=Patient/{child}&value-concept=L")).id
    mark = school.post(make.mark(child, "school", code="/")).json
    read_all(dispatcher)
    assert ids(door, made) == []
    late = {**mark, "valueCodeableConcept": make.concept(f"{OWN}/CodeSystem/attendance-code", "L")}
    assert school.put(late).status == 200
    assert school.delete(f"Observation/{mark['id']}").status == 204
    read_all(dispatcher)
    assert [(each.id, each.version) for each in events(door, made)] == [(mark["id"], 2)]


def test_previous_and_current_queries_tell_a_change_from_a_state(
    door: Door, dispatcher: Dispatcher, suite: Caller, child: str
):
    made = suite.post(subscription(f"{TOPIC}/contact-ended", f"patient=Patient/{child}")).id
    begun = suite.post(make.encounter(child, "school", status="in-progress")).json
    ended = suite.put({**begun, "status": "finished"}).json
    again = suite.put({**ended, "reasonCode": [{"text": "More"}]}).json
    at_once = suite.post(make.encounter(child, "school")).id
    read_all(dispatcher)
    assert again["meta"]["versionId"] == "3"
    assert [(each.id, each.version) for each in events(door, made)] == [(begun["id"], 2), (at_once, 1)]


def test_an_expression_compares_what_was_with_what_is(
    door: Door, dispatcher: Dispatcher, school: Caller, child: str
):
    made = school.post(subscription(f"{TOPIC}/attendance-corrected", f"patient=Patient/{child}")).id
    mark = school.post(make.mark(child, "school", code="N")).json
    same = school.put({**mark, "note": [{"text": "Seen"}]}).json
    assert (
        school.put(
            {**same, "valueCodeableConcept": make.concept(f"{OWN}/CodeSystem/attendance-code", "L")}
        ).status
        == 200
    )
    read_all(dispatcher)
    assert [(each.id, each.version) for each in events(door, made)] == [(mark["id"], 3)]


def test_an_event_of_the_record_triggers_a_topic(
    door: Door, dispatcher: Dispatcher, suite: Caller, child: str
):
    made = suite.post(subscription(f"{TOPIC}/registration", f"patient=Patient/{child}")).id
    entered = suite.post(make.episode(child, "academy")).json
    other = suite.post(make.episode(child, "social-care", "child-in-need")).json
    ended = {**entered, "status": "finished", "period": {"start": "2024-09-02", "end": "2025-01-06"}}
    assert suite.put(ended).status == 200
    assert suite.put({**other, "status": "finished"}).status == 200
    read_all(dispatcher)
    assert [(each.id, each.version) for each in events(door, made)] == [
        (entered["id"], 1),
        (entered["id"], 2),
    ]


def test_a_transaction_of_many_rows_is_read_in_pieces(
    door: Door, dispatcher: Dispatcher, suite: Caller, child: str
):
    made = suite.post(subscription(f"{TOPIC}/attendance", f"patient=Patient/{child}")).id
    marks = [
        make.posted(make.mark(child, "school", f"2025-{month:02}-{day:02}", session))
        for month in (1, 2) for day in range(1, 28) for session in ("am", "pm")
    ]  # fmt: skip
    assert suite.post(make.bundle("transaction", *marks)).status == 200
    while dispatcher.work(limit=7).more:
        pass
    read_all(dispatcher)
    found = events(door, made)
    assert [each.number for each in found] == list(range(1, len(marks) + 1))
    assert len({each.id for each in found}) == len(marks)


def test_a_turn_that_fails_numbers_nothing_and_the_next_numbers_all(
    door: Door, dispatcher: Dispatcher, school: Caller, child: str, monkeypatch: pytest.MonkeyPatch
):
    made = school.post(subscription(f"{TOPIC}/attendance", f"patient=Patient/{child}")).id
    mark = school.post(make.mark(child, "school")).id
    with monkeypatch.context() as failing:
        failing.setattr("server.store.outbox._keep", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            dispatcher.work()
    assert ids(door, made) == []
    assert row(door, made).numbered == 0
    read_all(dispatcher)
    assert ids(door, made) == [mark]


def test_another_dispatcher_waits_while_one_reads(door: Door, told: Flask):
    from server.store import outbox
    from server.subscription.dispatch import READER

    with outbox.taken(door.database, READER) as held:
        assert held is not None
        assert Dispatcher(door).work().rows == 0


def test_a_subscription_that_is_off_has_no_events_until_it_is_asked_for_again(
    door: Door, dispatcher: Dispatcher, school: Caller, child: str
):
    made = school.post(subscription(f"{TOPIC}/attendance", f"patient=Patient/{child}")).json
    assert school.put({**made, "status": "off"}).json["status"] == "off"
    school.post(make.mark(child, "school", session="am"))
    read_all(dispatcher)
    found = school.get(f"Subscription/{made['id']}").json
    assert school.put({**found, "status": "active"}).json["status"] == "requested"
    late = school.post(make.mark(child, "school", session="pm")).id
    read_all(dispatcher)
    assert ids(door, made["id"]) == [late]


def test_a_deleted_subscription_leaves_nothing(
    door: Door, dispatcher: Dispatcher, school: Caller, child: str
):
    from server.store import subscriptions

    made = school.post(subscription(f"{TOPIC}/attendance", f"patient=Patient/{child}")).id
    school.post(make.mark(child, "school"))
    read_all(dispatcher)
    rid = row(door, made).rid
    assert school.delete(f"Subscription/{made}").status == 204
    with door.database.autocommit() as connection:
        assert subscriptions.find(connection, made) is None
        assert subscriptions.events(connection, rid, 0, 10, 10) == []


def test_a_row_of_which_nothing_can_be_made_does_not_keep_the_others(
    door: Door, dispatcher: Dispatcher, school: Caller, child: str, monkeypatch: pytest.MonkeyPatch, caplog
):
    made = school.post(subscription(f"{TOPIC}/attendance", f"patient=Patient/{child}")).id
    read_all(dispatcher)
    bad = school.post(make.mark(child, "school", session="am")).id
    good = school.post(make.mark(child, "school", session="pm")).id
    whole = Dispatcher._events

    def failing(self, batch):
        events = whole(self, batch)
        if any(line[1] == bad for lines in events.values() for line in lines):
            raise ZeroDivisionError
        return events

    monkeypatch.setattr(Dispatcher, "_events", failing)
    for _ in range(6):
        with pytest.raises(ZeroDivisionError):
            dispatcher.work()
    read_all(dispatcher)
    assert ids(door, made) == [good]
    assert "nothing can be made of this row" in caplog.text


def test_what_is_taken_out_for_good_keeps_its_number_and_loses_its_name(
    told: Flask, door: Door, dispatcher: Dispatcher, school: Caller, child: str
):
    keeper = Caller(told, token(told, "records", "system/*.cruds"))
    made = school.post(subscription(f"{TOPIC}/attendance", f"patient=Patient/{child}")).id
    marks = [school.post(make.mark(child, "school", session=each)).id for each in ("am", "pm")]
    read_all(dispatcher)
    reason = {
        "resourceType": "Parameters",
        "parameter": [{"name": "reason", "valueString": "The wrong child"}],
    }
    answer = keeper.ask("POST", f"Observation/{marks[0]}/$expunge", reason)
    assert answer.status == 200, answer
    assert [(each.number, each.id) for each in events(door, made)] == [(1, None), (2, marks[1])]
