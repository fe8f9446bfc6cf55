"""https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header"""

from collections import Counter
from datetime import timedelta

import pytest

from server import clock
from tests import make
from tests.record.test_race import at_once


def test_a_repeat_is_answered_as_the_first_was_and_writes_nothing(suite):
    tag, key = make.word(), make.word()
    sent = make.patient(meta=make.tagged(tag))
    first, again = (suite.post(sent, Idempotency_Key=key) for _ in range(2))
    assert (again.status, again.text) == (201, first.text)
    for name in ("ETag", "Location", "Last-Modified"):
        assert again.headers[name] == first.headers[name]
    assert suite.search(f"Patient?_tag={tag}").ids == [first.id]


@pytest.mark.parametrize("prefer", ["return=minimal", "return=OperationOutcome", "return=representation"])
def test_a_repeat_shows_as_much_as_the_first_did(suite, prefer):
    key, sent = make.word(), make.patient()
    first, again = (suite.post(sent, Idempotency_Key=key, Prefer=prefer) for _ in range(2))
    assert (again.status, again.text) == (first.status, first.text)


def test_every_verb_that_writes_takes_a_key(suite):
    id = suite.put(make.patient(id=make.word())).id
    put, delete = make.word(), make.word()
    changed = make.patient(id=id, gender="male")
    assert [suite.put(changed, Idempotency_Key=put, If_Match='W/"1"').status for _ in range(2)] == [200, 200]
    assert [suite.delete(f"Patient/{id}", Idempotency_Key=delete).version for _ in range(2)] == ["3", "3"]
    assert len(suite.get(f"Patient/{id}/_history").entries) == 3


@pytest.mark.parametrize(
    "other",
    [
        lambda caller, key: caller.post(make.patient(gender="male"), Idempotency_Key=key),
        lambda caller, key: caller.post(make.patient(), Idempotency_Key=key, If_None_Exist="identifier=x"),
        lambda caller, key: caller.put(make.patient(id="x"), Idempotency_Key=key),
        lambda caller, key: caller.delete("Patient/x", Idempotency_Key=key),
    ],
    ids=["body", "header", "method", "resource"],
)
def test_a_key_is_for_one_request(suite, other):
    key = make.word()
    assert suite.post(make.patient(), Idempotency_Key=key).status == 201
    refused = other(suite, key)
    assert (refused.status, refused.code) == (422, "business-rule")


def test_a_key_is_its_clients_own(client_with):
    key, sent = make.word(), make.patient()
    callers = client_with("suite"), client_with("suite", other=True)
    assert len({caller.post(sent, Idempotency_Key=key).id for caller in callers}) == 2


def test_what_was_refused_may_be_sent_again_under_its_key(suite):
    key, wrong = make.word(), make.patient(nonsense=1)
    assert suite.post(wrong, Idempotency_Key=key).status == 400
    assert suite.post(wrong, Idempotency_Key=key).status == 400
    assert suite.post(make.patient(), Idempotency_Key=key).status == 201


def test_of_twenty_at_once_one_writes_and_all_are_answered_alike(suite):
    key, tag = make.word(), make.word()
    sent = make.patient(meta=make.tagged(tag))
    answers = at_once(lambda _: suite.post(sent, Idempotency_Key=key), 20)
    assert Counter(answer.status for answer in answers) == {201: 20}
    assert suite.search(f"Patient?_tag={tag}").ids == [answers[0].id]
    assert len({answer.text for answer in answers}) == 1


def test_a_transaction_is_repeated_whole(suite):
    key, tag = make.word(), make.word()
    sent = make.bundle(
        "transaction",
        make.posted(make.patient(meta=make.tagged(tag)), make.urn()),
        make.entry("GET", f"Patient?_tag={tag}"),
        make.entry("GET", "Patient?_tag=nobody"),
    )
    first, again = (suite.post(sent, Idempotency_Key=key, Prefer="return=representation") for _ in range(2))
    assert again.entries[0] == first.entries[0]
    found = [each["resource"]["entry"][0]["resource"] for each in (first.entries[1], again.entries[1])]
    assert found[0] == found[1] == first.entries[0]["resource"]
    assert len(suite.search(f"Patient?_tag={tag}").ids) == 1


def test_each_entry_of_a_batch_is_repeated_by_itself(suite):
    key, tag = make.word(), make.word()
    wrong = make.put(make.patient(id=make.word()), ifMatch='W/"1"')
    sent = make.bundle("batch", make.posted(make.patient(meta=make.tagged(tag))), wrong)
    first = suite.post(sent, Idempotency_Key=key)
    assert suite.put(make.patient(id=wrong["resource"]["id"])).status == 201
    again = suite.post(sent, Idempotency_Key=key)
    assert again.entries[0] == first.entries[0]
    assert [each.entries[1]["response"]["status"][:3] for each in (first, again)] == ["412", "200"]
    assert len(suite.search(f"Patient?_tag={tag}").ids) == 1


def test_what_a_caller_may_no_longer_see_is_not_shown_by_a_repeat(client_with, suite, child):
    school, key = client_with("school"), make.word()
    sent = make.mark(child, "school", date="2025-10-01")
    assert school.post(sent, Idempotency_Key=key).status == 201
    for episode in suite.search(f"EpisodeOfCare?patient={child}&organization=Organization/school").ids:
        assert suite.delete(f"EpisodeOfCare/{episode}").status == 204
    again = school.post(sent, Idempotency_Key=key)
    assert (again.status, again.code) == (404, "not-found")


def test_no_resource_is_kept_with_a_key(suite, app):
    key, name = make.word(), make.word("Unmistakable")
    sent = make.bundle(
        "transaction",
        make.posted(make.patient(name=[{"family": name}])),
        make.entry("GET", f"Patient?name={name}"),
    )
    assert name in suite.post(sent, Idempotency_Key=key, Prefer="return=representation").text
    with app.extensions["database"].autocommit() as connection:
        rows = connection.exec_driver_sql("SELECT answer FROM idempotency WHERE key = %s", (key,)).all()
    [(kept,)] = rows
    assert kept
    assert name not in kept


def test_a_key_is_forgotten_after_a_day(suite, app, monkeypatch):
    key, tag = make.word(), make.word()
    sent = make.patient(meta=make.tagged(tag))
    suite.post(sent, Idempotency_Key=key)
    with app.extensions["database"].begin() as connection:
        yesterday = clock.now() - timedelta(hours=24, seconds=1)
        connection.exec_driver_sql("UPDATE idempotency SET at = %s WHERE key = %s", (yesterday, key))
    assert suite.post(sent, Idempotency_Key=key).status == 201
    assert len(suite.search(f"Patient?_tag={tag}").ids) == 2


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "caf\N{LATIN SMALL LETTER E WITH ACUTE}"])
def test_what_can_be_no_key_is_refused(suite, key):
    assert suite.post(make.patient(), Idempotency_Key=key).status == 400


def test_a_key_on_a_read_means_nothing(suite):
    id, key = suite.post(make.patient()).id, make.word()
    assert suite.get(f"Patient/{id}", Idempotency_Key=key).status == 200
    assert suite.get(f"Patient?_id={id}", Idempotency_Key=key).status == 200


def test_who_may_only_write_is_told_that_it_was_done(client_with):
    key, writer = make.word(), client_with("suite", "system/Patient.c")
    first = writer.post(make.patient(), Idempotency_Key=key)
    again = writer.post(make.patient(), Idempotency_Key=key)
    assert (first.status, again.status, again.code) == (201, 201, "informational")
    assert again.headers["Location"] == first.headers["Location"]


def test_with_or_without_what_refers_to_it_is_not_the_same_delete(suite):
    key, id = make.word(), suite.post(make.patient()).id
    assert suite.delete(f"Patient/{id}", Idempotency_Key=key).status == 204
    assert suite.delete(f"Patient/{id}", Idempotency_Key=key, X_Cascade="delete").status == 422
