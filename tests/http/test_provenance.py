"""https://hl7.org/fhir/R4/http.html#provenance"""

import json

import pytest

from tests import make

REASON = {
    "resourceType": "Provenance",
    "recorded": "2025-01-01T00:00:00Z",
    "activity": {"text": "correction"},
    "agent": [{"who": {"display": "A worker"}}],
}


def header(**more):
    return {"X_Provenance": json.dumps({**REASON, **more})}


def told(caller, tag):
    """The targets of the Provenances that carry a tag."""
    found = caller.search(f"Provenance?_tag={tag}").matches
    return [[target["reference"] for target in each["target"]] for each in found]


def test_the_reason_of_a_write_is_stored_with_it_and_names_the_version(suite):
    tag = make.word()
    id = suite.post(make.patient(), **header(meta=make.tagged(tag))).id
    assert told(suite, tag) == [[f"Patient/{id}/_history/1"]]


def test_a_reason_may_be_sent_as_the_utf8_that_json_is(suite):
    tag, text = make.word(), "M\N{LATIN SMALL LETTER U WITH DIAERESIS}ller \N{SNOWMAN}"
    sent = {**REASON, "activity": {"text": text}, "meta": make.tagged(tag)}
    # What a header holds is handed over as Latin-1, whatever it is.
    raw = json.dumps(sent, ensure_ascii=False).encode().decode("latin-1")
    assert suite.post(make.patient(), X_Provenance=raw).status == 201
    [kept] = suite.search(f"Provenance?_tag={tag}").matches
    assert kept["activity"]["text"] == text


@pytest.mark.parametrize("write", ["put", "delete"])
def test_every_verb_that_writes_takes_a_reason(client_with, write):
    caller, tag = client_with("keeper"), make.word()
    id = caller.post(make.patient()).id
    reason = header(meta=make.tagged(tag))
    if write == "put":
        assert caller.put(make.patient(id=id, gender="male"), **reason).status == 200
    else:
        assert caller.delete(f"Patient/{id}", **reason).status == 204
    assert told(caller, tag) == [[f"Patient/{id}/_history/2"]]


def test_a_transaction_has_one_reason_and_a_batch_one_for_each_entry(suite):
    tag, sent = make.word(), [make.posted(make.patient()), make.posted(make.patient())]
    for type_ in ("transaction", "batch"):
        assert suite.post(make.bundle(type_, *sent), **header(meta=make.tagged(tag))).status == 200
    assert sorted(map(len, told(suite, tag))) == [1, 1, 2]


def test_of_what_was_not_written_there_is_no_provenance(suite):
    tag, word = make.word(), make.word()
    sent = make.patient(identifier=[make.identifier(word)])
    suite.post(sent)
    found = suite.post(sent, If_None_Exist=f"identifier={make.TEST}|{word}", **header(meta=make.tagged(tag)))
    assert found.status == 200
    assert suite.post(make.patient(nonsense=1), **header(meta=make.tagged(tag))).status == 400
    assert suite.get(f"Patient/{found.id}", **header(meta=make.tagged(tag))).status == 200
    assert told(suite, tag) == []


@pytest.mark.parametrize(
    "text",
    [
        "not JSON",
        json.dumps(make.patient()),
        json.dumps({**REASON, "target": [make.reference("Patient/1")]}),
        json.dumps({**REASON, "nonsense": 1}),
    ],
)
def test_a_reason_that_is_none_stops_the_write(suite, text):
    tag = make.word()
    assert suite.post(make.patient(meta=make.tagged(tag)), X_Provenance=text).status == 400
    assert suite.search(f"Patient?_tag={tag}").ids == []


def test_who_may_write_no_provenance_writes_nothing_with_one(client_with, suite):
    caller, tag = client_with("suite", "system/Patient.cruds"), make.word()
    assert caller.post(make.patient(meta=make.tagged(tag)), **header()).status == 403
    assert suite.search(f"Patient?_tag={tag}").ids == []
