"""What becomes of children whose records come together: restricted, held, asked about, unborn, moved.

https://hl7.org/fhir/R5/patient-operation-merge.html
"""

import pytest

from server.fhir.identifier import NHS_NUMBER
from tests import make
from tests.access.test_sealed import SEALED, link
from tests.identity.test_door import asked_of, robin
from tests.operation.merging import REASON, ids, merge, pair_of, told, unmerge
from tests.operation.test_expunge import expunge
from tests.operation.test_who_looked import looks

LA = f"{make.B}/sid/la-child-id"
EXPECTED = f"{make.B}/StructureDefinition/expected-birth-date"


@pytest.fixture(scope="module")
def records(client_with):
    return client_with("records")


@pytest.fixture
def pair(suite):
    return pair_of(suite)


def shown(suite, id):
    """What is said of a Patient, whichever version it is."""
    return {**suite.get(f"Patient/{id}").json, "meta": None}


# ---- chains ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["the first first", "the last first"])
def test_a_chain_of_merges_is_undone_in_any_order(records, suite, order):
    (first, second, *noted), (third, _, also, _) = pair_of(suite), pair_of(suite)
    before = [shown(suite, id) for id in (first, second, third)]
    assert merge(records, first, second).status == 200
    assert merge(records, second, third).status == 200
    for id in (first, second, third):
        assert ids(suite.get(f"Observation?patient={id}")) == {*noted, also}
    for which in order:
        assert unmerge(records, (first, second)[which]).status == 200
    assert [shown(suite, id) for id in (first, second, third)] == before
    for id, own in zip((first, second, third), (*noted, also), strict=True):
        assert ids(suite.get(f"Observation?patient={id}")) == {own}


@pytest.mark.parametrize(
    ("of", "into"), [(0, 2), (2, 0), (0, 1), (1, 0)], ids=["source", "into source", "again", "the other way"]
)
def test_what_is_merged_already_is_refused_in_words(records, suite, pair, of, into):
    source, target, *_ = pair
    ids_ = (source, target, pair_of(suite)[0])
    assert merge(records, source, target).status == 200
    answer = merge(records, ids_[of], ids_[into])
    assert answer.status == 422
    assert "merged into another Patient already" in answer.issues[0][1]


# ---- who sees them -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", [0, 1], ids=["source", "target"])
def test_the_stricter_label_holds_for_both_and_unmerge_takes_it_off(records, suite, school, which):
    found = pair_of(suite)
    labelled, plain = found[which], found[1 - which]
    for id in found[:2]:
        place = {"period": {"start": "2025-09-01"}, "postalCode": "ZZ99 3WZ"}
        assert suite.put({**suite.get(f"Patient/{id}").json, "address": [place]}).status == 200
        assert suite.post(make.episode(id, "school")).status == 201
    known = suite.get(f"Patient/{labelled}").json
    assert suite.put({**known, "meta": make.labelled("R")}).status == 200
    assert "address" in school.get(f"Patient/{plain}").json
    assert merge(records, *found[:2]).status == 200
    for id in found[:2]:
        assert "address" not in school.get(f"Patient/{id}").json
    assert "R" in {each["code"] for each in suite.get(f"Patient/{found[1]}").json["meta"]["security"]}
    assert unmerge(records, found[0]).status == 200
    assert "address" in school.get(f"Patient/{plain}").json
    assert "address" not in school.get(f"Patient/{labelled}").json
    assert "security" not in suite.get(f"Patient/{plain}").json["meta"]


@pytest.mark.parametrize("which", [0, 1], ids=["source", "target"])
def test_a_child_that_is_absent_to_the_caller_is_merged_with_none(records, suite, pair, which):
    known = suite.get(f"Patient/{pair[which]}").json
    assert suite.put({**known, "meta": make.labelled("V")}).status == 200
    assert merge(records, *pair[:2]).status == 404


def test_who_works_with_either_works_with_both_until_they_are_two_again(records, suite, school, health, pair):
    source, target, *_ = pair
    assert suite.post(make.episode(source, "school")).status == 201
    assert suite.post(make.episode(target, "health")).status == 201
    assert school.get(f"Patient/{target}").status == 404
    assert merge(records, source, target).status == 200
    for client in (school, health):
        assert client.get(f"Patient/{source}").status == client.get(f"Patient/{target}").status == 200
    assert unmerge(records, source).status == 200
    assert school.get(f"Patient/{target}").status == health.get(f"Patient/{source}").status == 404
    assert school.get(f"Patient/{source}").status == health.get(f"Patient/{target}").status == 200


def test_who_looked_at_either_is_told_by_either_id(records, client_with, suite, pair):
    source, target, *_ = pair
    one, other = (client_with("suite", other=True) for _ in range(2))
    one.get(f"Patient/{source}")
    other.get(f"Patient/{target}")
    assert merge(records, source, target).status == 200
    for id in (source, target):
        found = {each["who"] for each in looks(suite.get(f"Patient/{id}/$who-looked"))}
        assert {one.client, other.client} <= found
    for id, who in ((source, one), (target, other)):
        events = suite.get(f"AuditEvent?patient={id}&_count=50").matches
        assert who.client in {agent.get("name") for event in events for agent in event["agent"]}
    assert unmerge(records, source).status == 200
    found = {each["who"] for each in looks(suite.get(f"Patient/{target}/$who-looked"))}
    assert (one.client in found, other.client in found) == (False, True)


# ---- what is held and taken out ----------------------------------------------------------------------------


def test_a_hold_on_the_source_holds_the_child_that_both_are_and_goes_back_with_it(records, suite, pair):
    source, target, first, second = pair
    reason = {"resourceType": "Parameters", "parameter": [{"name": "reason", "valueString": REASON}]}
    assert records.ask("POST", f"Patient/{source}/$hold", reason).status == 200
    assert merge(records, source, target).status == 200
    assert expunge(records, f"Observation/{second}").status == 409
    assert unmerge(records, source).status == 200
    assert expunge(records, f"Observation/{first}").status == 409
    assert expunge(records, f"Observation/{second}").status == 200


def test_of_a_merged_child_one_resource_is_taken_out_and_the_source_is_not(records, suite, pair):
    source, target, first, second = pair
    assert merge(records, source, target).status == 200
    assert expunge(records, f"Patient/{source}").status == 409
    assert expunge(records, f"Observation/{first}").status == 200
    assert ids(suite.get(f"Observation?patient={source}")) == {second}
    assert unmerge(records, source).status == 200
    assert ids(suite.get(f"Observation?patient={source}")) == set()
    assert ids(suite.get(f"Observation?patient={target}")) == {second}


# ---- how it is asked ---------------------------------------------------------------------------------------


def identified(suite, id, which):
    [number] = suite.get(f"Patient/{id}").json["identifier"]
    return {"name": f"{which}-patient-identifier", "valueIdentifier": number}


def test_both_are_named_by_their_identifiers(records, suite, pair):
    source, target, *_ = pair
    parts = [identified(suite, source, "source"), identified(suite, target, "target")]
    answer = records.ask("POST", "Patient/$merge", {"resourceType": "Parameters", "parameter": parts})
    assert told(answer)["result"][0]["id"] == target


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [("0000000000", 422, "no Patient"), (None, 400, "a system and a value")],
)
def test_an_identifier_that_names_nobody_is_refused(records, pair, number, status, said):
    identifier = {"system": NHS_NUMBER, **({"value": number} if number else {})}
    parts = [
        {"name": "source-patient-identifier", "valueIdentifier": identifier},
        {"name": "target-patient", "valueReference": make.reference(f"Patient/{pair[1]}")},
    ]
    answer = records.ask("POST", "Patient/$merge", {"resourceType": "Parameters", "parameter": parts})
    assert answer.status == status
    assert said in answer.issues[0][1]


# ---- the review list ---------------------------------------------------------------------------------------


def test_the_pair_that_was_asked_about_is_decided_by_the_merge_and_by_its_undoing(records, client_with):
    asking, reviewing = client_with("asking"), client_with("reviewing")
    child = robin()
    first = asking.post(child).id
    second = asking.post(child).id
    [task] = asked_of(reviewing, first, second)
    for act, decision in (
        (lambda: merge(records, second, first), "same"),
        (lambda: unmerge(records, second), "different"),
    ):
        assert act().status == 200
        now = reviewing.get(f"Task/{task['id']}").json
        assert (now["status"], now["businessStatus"]["coding"][0]["code"]) == ("completed", decision)
    # It is remembered: whatever is said of either, nobody is asked again.
    assert asking.put({**child, "id": second, "gender": "male"}).status == 200
    assert [each["status"] for each in asked_of(reviewing, first, second)] == ["completed"]


# ---- unborn, adopted, moved --------------------------------------------------------------------------------


def test_an_unborn_child_becomes_the_born_one_by_update(suite):
    unborn = {
        "resourceType": "Patient", "name": [{"family": "Sample"}], "gender": "unknown",
        "identifier": [make.identifier(make.word("LA"), f"{LA}/330")],
        "extension": [{"url": EXPECTED, "valueDate": "2027-02-14"}],
    }  # fmt: skip
    id = suite.post(unborn).id
    noted = suite.post(make.observation(id)).id
    [known] = unborn["identifier"]
    born = {
        **unborn, "name": [{"family": "Sample", "given": ["Robin"]}], "gender": "female",
        "identifier": [known, make.identifier(make.nhs(), NHS_NUMBER)], "birthDate": "2027-02-10",
    }  # fmt: skip
    answer = suite.ask("PUT", f"Patient?identifier={known['system']}|{known['value']}", born)
    assert (answer.status, answer.json["id"]) == (200, id)
    assert ids(suite.get(f"Observation?patient={id}")) == {noted}
    assert "birthDate" not in suite.get(f"Patient/{id}/_history/1").json


def test_a_child_of_another_authority_keeps_its_id_there_under_its_own_system(records, suite):
    here, there = (
        make.child(id=make.word("moved-"))
        | {"identifier": [make.identifier(make.word("LA"), f"{LA}/{code}")]}
        for code in ("330", "391")
    )
    assert suite.post(make.bundle("transaction", make.put(here), make.put(there))).status == 200
    assert merge(records, there["id"], here["id"]).status == 200
    known = suite.get(f"Patient/{here['id']}").json["identifier"]
    assert [(each["system"], each.get("use")) for each in known] == [
        (f"{LA}/330", None),
        (f"{LA}/391", "old"),
    ]
    [moved] = there["identifier"]
    assert here["id"] in suite.get(f"Patient?identifier={moved['system']}|{moved['value']}").ids
    assert suite.post({**there, "id": None}).status in (400, 409)


def test_an_adopted_child_has_a_new_identity_and_the_old_number_stays_claimed(suite, client_with):
    adoption = client_with("adoption")
    before, after = make.word("before-"), make.word("after-")
    for id in (before, after):
        entries = [make.put(make.child(id=id)), make.posted(make.episode(id, "adoption", "adoption"))]
        assert suite.post(make.bundle("transaction", *entries)).status == 200
    sealed = adoption.post(link(before, after, meta=SEALED))
    assert sealed.status == 201
    assert suite.get(f"Linkage/{sealed.id}").status == 404
    [number] = suite.get(f"Patient/{before}").json["identifier"]
    assert suite.post(make.child(number["value"])).status == 409
    assert f"Linkage/{sealed.id}" not in suite.get(f"Patient/{after}/$everything").text
