"""Once two records are one child, every way that led to either leads on: old ids, references, conditions.

https://hl7.org/fhir/R5/patient-operation-merge.html
"""

import pytest

from server.fhir.identifier import NHS_NUMBER
from tests import make
from tests.operation.merging import ids, merge, pair_of, unmerge

SID = "https://w3id.org/single-child-record/sid/la-child-id"


@pytest.fixture(scope="module")
def records(client_with):
    return client_with("records")


@pytest.fixture
def merged(records, suite):
    """Two records that are one child: (id of the source, of the target, of their Observations)."""
    found = pair_of(suite)
    assert merge(records, *found[:2]).status == 200
    return found


def number_of(suite, id):
    known = suite.get(f"Patient/{id}").json["identifier"]
    [number] = [e["value"] for e in known if e["system"] == NHS_NUMBER and "use" not in e]
    return f"{NHS_NUMBER}|{number}"


# ---- by either id ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", [0, 1], ids=["source", "target"])
@pytest.mark.parametrize(
    "asked",
    [
        "Observation?patient={}",
        "Observation?subject={}",
        "Observation?subject:Patient={}",
        "Observation?patient:Patient=Patient/{}",
        "Observation?subject=Patient/{}&_sort=-date",
        "Observation?patient={}&_summary=count",
        "Observation?patient={}&code:not=y",
        "Observation?_filter=subject eq Patient/{}",
        "Patient/{}/Observation",
        "Patient/{}/$everything?_type=Observation",
    ],
)
def test_both_are_found_by_either_id(suite, merged, which, asked):
    answer = suite.get(asked.format(merged[which]))
    if "count" in asked:
        assert answer.json["total"] == 2
    else:
        assert ids(answer) == set(merged[2:])


@pytest.mark.parametrize("which", [0, 1], ids=["source", "target"])
def test_a_chain_and_a_reverse_chain_lead_from_the_record_that_says_it(suite, merged, which):
    number = number_of(suite, merged[which])
    assert merged[2 + which] in ids(suite.get(f"Observation?patient.identifier={number}"))
    found = ids(suite.get(f"Patient?_has:Observation:patient:_id={merged[2 + which]}"))
    assert merged[which] in found


@pytest.mark.parametrize("which", [0, 1], ids=["source", "target"])
def test_what_is_included_is_what_is_referred_to(suite, merged, which):
    found = suite.get(f"Observation?_id={merged[2 + which]}&_include=Observation:patient")
    assert found.included == [f"Patient/{merged[which]}"]
    back = suite.get(f"Patient?_id={merged[which]}&_revinclude=Observation:patient")
    assert f"Observation/{merged[2 + which]}" in back.included


@pytest.mark.parametrize("which", [0, 1], ids=["source", "target"])
def test_every_version_is_read_where_it_was(suite, merged, which):
    patient, noted = merged[which], merged[2 + which]
    for path in (f"Patient/{patient}", f"Observation/{noted}"):
        assert suite.get(path).status == 200
        assert suite.get(f"{path}/_history/1").status == 200
        assert ids(suite.get(f"{path}/_history")) == {path.partition("/")[2]}
    assert {patient} <= ids(suite.get("Patient/_history?_count=50"))


def test_a_page_link_of_before_leads_on(records, suite):
    source, target, *_ = pair_of(suite)
    noted = {suite.post(make.observation(source)).id for _ in range(5)}
    first = suite.get(f"Observation?patient={source}&_count=2")
    assert merge(records, source, target).status == 200
    seen, answer = set(first.ids), first
    while link := answer.link("next"):
        answer = suite.get(link)
        assert answer.status == 200
        seen |= set(answer.ids)
    assert noted <= seen


def test_what_refers_to_the_source_from_anothers_record_is_found_by_either_id(records, suite):
    source, target, *_ = pair_of(suite)
    other = suite.post(make.child()).id
    kept = suite.post(make.observation(other, performer=[make.reference(f"Patient/{source}")])).id
    assert merge(records, source, target).status == 200
    for id in (source, target):
        assert ids(suite.get(f"Observation?performer=Patient/{id}")) == {kept}
    assert unmerge(records, source).status == 200
    assert ids(suite.get(f"Observation?performer=Patient/{source}")) == {kept}
    assert ids(suite.get(f"Observation?performer=Patient/{target}")) == set()


# ---- written by the old id ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_what_is_known_of_either_is_changed_at_its_old_url(suite, merged, method):
    path = f"Observation/{merged[2]}"
    if method == "PUT":
        answer = suite.put({**suite.get(path).json, "status": "amended"})
    elif method == "PATCH":
        change = [{"op": "replace", "path": "/status", "value": "amended"}]
        answer = suite.ask("PATCH", path, change, Content_Type="application/json-patch+json")
    else:
        assert suite.delete(path).status == 204
        assert ids(suite.get(f"Observation?patient={merged[1]}")) == {merged[3]}
        return
    assert answer.json["status"] == "amended"
    assert ids(suite.get(f"Observation?patient={merged[1]}")) == set(merged[2:])


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_the_source_itself_stays_as_it_is_in_words(suite, merged, method):
    path = f"Patient/{merged[0]}"
    if method == "PUT":
        answer = suite.put({**suite.get(path).json, "active": True})
    elif method == "PATCH":
        change = [{"op": "replace", "path": "/active", "value": True}]
        answer = suite.ask("PATCH", path, change, Content_Type="application/json-patch+json")
    else:
        answer = suite.delete(path)
    assert answer.status == 409
    assert "merged" in answer.issues[0][1]


# ---- by the identifier of the source -----------------------------------------------------------------------


def test_a_conditional_create_is_answered_with_the_record_in_use(suite, merged):
    source, target, *_ = merged
    number = number_of(suite, source)
    new = make.child(number.partition("|")[2])
    answer = suite.post(new, If_None_Exist=f"identifier={number}")
    assert (answer.status, answer.json["id"]) == (200, target)
    inside = make.bundle("transaction", {**make.posted(new), "request": {
        "method": "POST", "url": "Patient", "ifNoneExist": f"identifier={number}"}})  # fmt: skip
    [entry] = suite.post(inside).json["entry"]
    assert f"Patient/{target}/" in entry["response"]["location"]


def test_a_conditional_update_changes_the_record_in_use(suite, merged):
    source, target, *_ = merged
    number = number_of(suite, source)
    changed = {**suite.get(f"Patient/{target}").json, "birthDate": "2014-03-15"}
    answer = suite.ask("PUT", f"Patient?identifier={number}", changed)
    assert answer.status == 200, answer
    assert suite.get(f"Patient/{target}").json["birthDate"] == "2014-03-15"


@pytest.mark.parametrize("several", [1, 3], ids=["alone", "with others"])
def test_a_conditional_reference_leads_to_the_record_in_use(suite, merged, several):
    source, target, *_ = merged
    asked = [number_of(suite, source), *(f"{NHS_NUMBER}|{make.nhs()}" for _ in range(several - 1))]
    others = [make.posted(make.child(each.partition("|")[2])) for each in asked[1:]]
    assert not others or suite.post(make.bundle("transaction", *others)).status == 200
    entries = []
    for each in asked:
        noted = make.observation("nobody")
        noted["subject"] = make.reference(f"Patient?identifier={each}")
        entries.append(make.posted(noted))
    [first, *_] = suite.post(make.bundle("transaction", *entries)).json["entry"]
    made = suite.get(first["response"]["location"].partition("/_history")[0]).json
    assert made["subject"]["reference"] == f"Patient/{target}"


def test_an_identifier_that_only_the_source_has_leads_to_the_record_in_use(records, suite):
    source, target, *_ = pair_of(suite)
    for id, authority in ((source, "331"), (target, "330")):
        patient = suite.get(f"Patient/{id}").json
        own = {"system": f"{SID}/{authority}", "value": make.word("LA")}
        assert suite.put({**patient, "identifier": [*patient["identifier"], own]}).status == 200
    number = number_of(suite, source)
    assert merge(records, source, target).status == 200
    # The target has an NHS number of its own, and the source's is not put beside it.
    assert suite.get(f"Patient?identifier={number}").ids == [source]
    answer = suite.post(make.child(number.partition("|")[2]), If_None_Exist=f"identifier={number}")
    assert (answer.status, answer.json["id"]) == (200, target)
