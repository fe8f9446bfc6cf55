"""A new child is compared with all that are known: stored and asked about, or refused, as its agency says."""

from datetime import date, timedelta
from hashlib import sha256

import pytest

from server.job.comparer import Comparer
from tests import make

SAME_CHILD = "https://w3id.org/single-child-record/CodeSystem/worklist-code|same-child"


@pytest.fixture
def asking(client_with):
    return client_with("asking")


@pytest.fixture
def refusing(client_with):
    return client_with("refusing")


@pytest.fixture
def reviewing(client_with):
    return client_with("reviewing")


def coined(seed, syllables=3):
    """A name that resembles no other one."""
    digits = int(sha256(seed.encode()).hexdigest(), 16)
    parts = []
    for _ in range(syllables):
        digits, at = divmod(digits, 15 * 5)
        parts.append("bdfgklmnprstvxz"[at // 5] + "aeiou"[at % 5])
    return "".join(parts).capitalize()


def robin(**more):
    """A child whom no other test knows, without an identifier."""
    word = make.word("")
    days = int(sha256(word.encode()).hexdigest()[:4], 16) % 4000
    known = {
        "name": [{"family": coined(f"{word}f", 4), "given": [coined(f"{word}g"), coined(f"{word}m")]}],
        "birthDate": (date(2008, 1, 1) + timedelta(days)).isoformat(),
        "gender": "female",
        "address": [{"line": [f"{int(word)} {coined(word)} Road"], "postalCode": "ZZ99 3WZ"}],
    }
    return {"resourceType": "Patient", **known, **more}


def compared(client):
    """Everybody who was left to be compared is."""
    comparer = Comparer(client._app.extensions["door"])
    while comparer.work():
        pass


def asked_of(client, *ids):
    """The Tasks about these children, once all are compared."""
    compared(client)
    found = client.get(f"Task?code={SAME_CHILD}&patient={','.join(ids)}")
    return found.matches


def test_a_new_child_that_resembles_a_known_one_is_stored_and_put_on_the_list(asking, reviewing):
    child = robin()
    first, second = asking.post(child).id, asking.post(child).id
    assert first != second
    [task] = asked_of(reviewing, second)
    assert {task["for"]["reference"], task["focus"]["reference"]} == {f"Patient/{first}", f"Patient/{second}"}
    assert task["status"] == "requested"


def test_who_is_asked_about_is_had_side_by_side_in_one_search(asking, reviewing):
    child = robin()
    first, second = asking.post(child).id, asking.post(child).id
    compared(asking)
    found = reviewing.get(
        f"Task?code={SAME_CHILD}&patient={second}&_include=Task:patient&_include=Task:focus"
    )
    assert sorted(found.included) == sorted([f"Patient/{first}", f"Patient/{second}"])


def test_the_evidence_is_told_a_comparison_each_and_adds_up(asking, reviewing):
    child = robin()
    asking.post(child)
    [task] = asked_of(reviewing, asking.post(child).id)
    weight, share, *evidence = task["input"]
    assert weight["valueDecimal"] > 0
    assert share["valueDecimal"] > 0.5
    codes = [each["type"]["coding"][0]["code"] for each in evidence]
    assert {"given-name", "family-name", "birth-date", "address"} <= set(codes)
    assert all(each["type"]["text"] for each in evidence)


def _named(child, **name):
    return {**child, "name": [{**child["name"][0], **name}]}


SLIPS = {
    "another order": lambda c: _named(c, given=c["name"][0]["given"][::-1]),
    "one given name": lambda c: _named(c, given=c["name"][0]["given"][:1]),
    "a hyphen": lambda c: _named(c, family=f"{c['name'][0]['family']}-Sample"),
    "a letter": lambda c: _named(c, family=f"{c['name'][0]['family']}e"),
    "no address": lambda c: {name: value for name, value in c.items() if name != "address"},
    "moved": lambda c: {**c, "address": [{"line": ["1 Elsewhere Lane"], "postalCode": "ZZ99 3VZ"}]},
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_does_not_hide_who_it_is(asking, reviewing, slip):
    child = robin()
    asking.post(child)
    assert asked_of(reviewing, asking.post(SLIPS[slip](child)).id)


@pytest.mark.parametrize("agency", ["asking", "refusing"])
def test_twins_are_two(client_with, reviewing, agency):
    client, child = client_with(agency), robin()
    twin = {**child, "name": [{**child["name"][0], "given": ["Oliver"]}]}
    client.post(child)
    assert asked_of(reviewing, client.post(twin).id) == []


def test_two_who_are_alike_meet_in_one_transaction_too(asking, reviewing):
    child = robin()
    found = asking.post(make.bundle("transaction", make.posted(child), make.posted(child)))
    ids = [each["response"]["location"].split("/")[-3] for each in found.entries]
    assert len(asked_of(reviewing, *ids)) == 1


def test_what_is_corrected_is_compared_again(asking, reviewing):
    child, other = robin(), robin()
    asking.post(child)
    second = asking.post(other).id
    assert asked_of(reviewing, second) == []
    assert asking.put({**child, "id": second}).status == 200
    assert len(asked_of(reviewing, second)) == 1


def test_nothing_is_asked_about_a_patient_that_is_deleted(asking, reviewing):
    child = robin()
    first, second = asking.post(child).id, asking.post(child).id
    assert len(asked_of(reviewing, second)) == 1
    assert asking.delete(f"Patient/{second}").status == 204
    [task] = asked_of(reviewing, first, second)
    assert task["status"] == "cancelled"


# ---- refused -----------------------------------------------------------------------------------------------


def test_a_new_child_that_resembles_one_whom_the_caller_sees_is_refused_and_the_two_are_named(refusing):
    child = robin()
    first = refusing.post(child).id
    refused = refusing.post(child)
    assert refused.status == 409
    assert {code for code, _ in refused.issues} == {"duplicate"}
    assert "X-Confirm-New" in refused.issues[0][1]
    assert f"Patient/{first}" in refused.issues[1][1]
    assert len(refusing.get(f"Patient?family={child['name'][0]['family']}").ids) == 1


def test_who_confirms_that_it_is_another_may_store_it_and_it_is_reviewed(refusing, reviewing):
    child = robin()
    refusing.post(child)
    reason = "Her cousin, of the same name; both mothers were here."
    second = refusing.post(child, X_Confirm_New=reason)
    assert second.status == 201
    [task] = asked_of(reviewing, second.id)
    assert task["reasonCode"]["text"] == reason


@pytest.mark.parametrize("reason", ["", "yes", "x" * 501])
def test_a_reason_says_something(refusing, reason):
    assert refusing.post(robin(), X_Confirm_New=reason).status == 400


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_in_a_bundle_it_is_refused_and_confirmed_as_by_itself(refusing, kind):
    child = robin()
    refusing.post(child)
    bundle = make.bundle(kind, make.posted(child))
    refused = refusing.post(bundle)
    assert refused.status == 409 or refused.entries[0]["response"]["status"].startswith("409")
    confirmed = refusing.post(bundle, X_Confirm_New="Her cousin, of the same name.")
    assert confirmed.entries[0]["response"]["status"].startswith("201")


def test_of_whom_the_caller_does_not_see_it_learns_nothing_and_people_are_asked(asking, refusing, reviewing):
    child = robin()
    hidden = asking.post(child).id
    stored = refusing.post(child)
    assert stored.status == 201
    assert asked_of(refusing, stored.id) == []
    [task] = asked_of(reviewing, stored.id)
    assert task["focus"]["reference"] == f"Patient/{hidden}"


# ---- decided -----------------------------------------------------------------------------------------------


def decided(client, task, decision, reason="Both families were asked."):
    parts = [{"name": "decision", "valueCode": decision}, {"name": "reason", "valueString": reason}]
    return client.ask(
        "POST", f"Task/{task['id']}/$decide", {"resourceType": "Parameters", "parameter": parts}
    )


@pytest.mark.parametrize(
    ("decision", "status"), [("same", "completed"), ("different", "completed"), ("unsure", "on-hold")]
)
def test_a_decision_is_kept_with_who_made_it_and_why(asking, reviewing, decision, status):
    child = robin()
    asking.post(child)
    [task] = asked_of(reviewing, asking.post(child).id)
    answer = decided(reviewing, task, decision)
    assert answer.status == 200, answer
    [now] = asked_of(reviewing, task["for"]["reference"].partition("/")[2])
    assert now["status"] == status
    assert now["businessStatus"]["coding"][0]["code"] == decision
    assert now["note"][0]["text"] == "Both families were asked."


def test_two_who_are_different_are_never_asked_about_again(asking, reviewing):
    child = robin()
    asking.post(child)
    second = asking.post(child).id
    [task] = asked_of(reviewing, second)
    decided(reviewing, task, "different")
    assert asking.put({**child, "id": second, "gender": "male"}).status == 200
    assert asking.put({**child, "id": second}).status == 200
    [now] = asked_of(reviewing, second)
    assert now["status"] == "completed"


def test_a_decision_may_be_made_otherwise_later(asking, reviewing):
    child = robin()
    asking.post(child)
    [task] = asked_of(reviewing, asking.post(child).id)
    for decision in ("unsure", "different", "same"):
        assert decided(reviewing, task, decision).json["businessStatus"]["coding"][0]["code"] == decision


def test_only_who_may_decides(asking, reviewing):
    child = robin()
    asking.post(child)
    [task] = asked_of(reviewing, asking.post(child).id)
    assert asked_of(asking, task["for"]["reference"].partition("/")[2]) == []
    assert decided(asking, task, "same").status == 403
    assert decided(reviewing, {"id": "nowhere"}, "same").status == 404
    assert decided(reviewing, task, "perhaps").status == 400
    assert decided(reviewing, task, "same", " ").status == 400
    assert reviewing.put(task).status == 403
