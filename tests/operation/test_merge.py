"""$merge and $unmerge: two records of one child become one, and are two again as if they had never been one.

https://hl7.org/fhir/R5/patient-operation-merge.html
"""

import pytest

from tests import make
from tests.operation.merging import ids, merge, pair_of, told, unmerge


@pytest.fixture(scope="module")
def records(client_with):
    return client_with("records")


@pytest.fixture
def pair(suite):
    return pair_of(suite)


def test_the_source_goes_out_of_use_and_the_target_takes_its_place(records, suite, pair):
    source, target, *_ = pair
    found = told(merge(records, source, target))
    [result] = found["result"]
    assert result["link"] == [{"other": {"reference": f"Patient/{source}"}, "type": "replaces"}]
    was = suite.get(f"Patient/{source}").json
    assert was["active"] is False
    assert was["link"] == [{"other": {"reference": f"Patient/{target}"}, "type": "replaced-by"}]
    assert suite.get(f"Patient/{target}").json == result


@pytest.mark.parametrize("asked", ["source", "target"])
def test_searches_by_either_id_find_all(records, suite, pair, asked):
    source, target, *noted = pair
    assert merge(records, source, target).status == 200
    id = source if asked == "source" else target
    assert ids(suite.get(f"Observation?patient={id}")) == set(noted)
    assert ids(suite.get(f"Observation?subject=Patient/{id}&code=x")) == set(noted)
    assert set(noted) <= ids(suite.get(f"Patient/{id}/$everything"))
    assert ids(suite.get(f"Patient/{id}/Observation")) == set(noted)


@pytest.mark.parametrize("named", ["source", "target"])
def test_what_is_written_afterwards_is_found_by_either_id(records, suite, pair, named):
    source, target, *noted = pair
    assert merge(records, source, target).status == 200
    new = suite.post(make.observation(source if named == "source" else target)).json["id"]
    for id in (source, target):
        assert ids(suite.get(f"Observation?patient={id}")) == {*noted, new}


def test_every_old_url_and_page_of_history_goes_on_resolving(records, suite, pair):
    source, target, first, _ = pair
    changed = make.observation(source, id=first, code="y")
    assert suite.put(changed).status == 200
    assert merge(records, source, target).status == 200
    assert suite.get(f"Observation/{first}").json["subject"] == {"reference": f"Patient/{source}"}
    assert suite.get(f"Observation/{first}/_history/1").status == 200
    assert len(suite.get(f"Observation/{first}/_history").json["entry"]) == 2
    assert len(suite.get(f"Patient/{source}/_history").json["entry"]) == 2


def test_unmerge_restores_both(records, suite, pair):
    source, target, *noted = pair
    before = [suite.get(f"Patient/{id}").json for id in (source, target)]
    assert merge(records, source, target).status == 200
    told(unmerge(records, source))
    after = [suite.get(f"Patient/{id}").json for id in (source, target)]
    for was, is_ in zip(before, after, strict=True):
        assert {**was, "meta": None} == {**is_, "meta": None}
    for id, own in zip((source, target), noted, strict=True):
        assert ids(suite.get(f"Observation?patient={id}")) == {own}


def test_what_was_written_meanwhile_goes_where_it_says_and_is_listed(records, suite, pair):
    source, target, first, second = pair
    assert merge(records, source, target).status == 200
    new = suite.post(make.observation(source)).json["id"]
    found = told(unmerge(records, source))
    assert found["written"] == [{"reference": f"Observation/{new}"}]
    assert ids(suite.get(f"Observation?patient={source}")) == {first, new}
    assert ids(suite.get(f"Observation?patient={target}")) == {second}
    task = suite.get(found["task"][0]["reference"]).json
    assert [each["valueReference"] for each in task["input"]] == found["written"]


def test_a_preview_changes_nothing(records, suite, pair):
    source, target, *_ = pair
    found = told(merge(records, source, target, preview={"valueBoolean": True}))
    assert found["result"][0]["link"]
    assert "link" not in suite.get(f"Patient/{target}").json
    assert suite.get(f"Patient/{source}").json["meta"]["versionId"] == "1"


def test_an_identifier_of_either_is_taken_and_leads_to_the_target(records, suite, pair):
    source, target, *_ = pair
    number = suite.get(f"Patient/{source}").json["identifier"][0]["value"]
    assert merge(records, source, target).status == 200
    assert suite.post(make.child(number)).status == 409
    kept = suite.get(f"Patient/{target}").json
    assert suite.put(kept).status == 200
    assert suite.post(make.child(number)).status == 409


@pytest.mark.parametrize("path", ["source", "target"])
def test_a_merged_record_is_neither_deleted_nor_is_the_source_changed(records, suite, pair, path):
    source, target, *_ = pair
    assert merge(records, source, target).status == 200
    id = source if path == "source" else target
    assert suite.delete(f"Patient/{id}").status == 409
    changed = suite.put({**suite.get(f"Patient/{source}").json, "birthDate": "2014-03-15"})
    assert changed.status == 409


def test_who_has_no_right_that_names_it_merges_nothing(suite, pair):
    source, target, *_ = pair
    assert merge(suite, source, target).status == 403
