"""$diff: what changed between two versions."""

import pytest

from server.definition.library import library
from server.fhir.patch.fhirpath_patch import patched
from tests import make


@pytest.fixture(scope="module")
def path(suite):
    """A resource of four versions, of which the third is its deletion."""
    held = suite.post(make.observation(valueString="one", note=[{"text": "first"}])).json
    suite.put({**held, "valueString": "two", "note": [{"text": "first"}, {"text": "second"}]})
    suite.delete(f"Observation/{held['id']}")
    suite.put({**held, "valueString": "four"})
    return f"Observation/{held['id']}"


def operations(answer):
    assert answer.status == 200, answer
    return [
        {part["name"]: next(part[key] for key in part if key != "name") for part in each["part"]}
        for each in answer.json.get("parameter", ())
    ]


def test_each_change_says_what_was_there_before(suite, path):
    assert operations(suite.get(f"{path}/$diff?fromVersion=1&toVersion=2")) == [
        {"type": "replace", "path": "Observation.value", "value": "two", "previousValue": "one"},
        {"type": "insert", "path": "Observation.note", "index": 1, "value": {"text": "second"}},
    ]


def test_it_is_the_patch_that_makes_the_one_into_the_other(suite, path):
    first, second = (suite.get(f"{path}/_history/{version}").json for version in (1, 2))
    for before, after, query in ((first, second, "1&toVersion=2"), (second, first, "2&toVersion=1")):
        patch = suite.get(f"{path}/$diff?includeMeta=true&fromVersion={query}").json
        assert patched(before, patch, library().children) == after


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 410),
        ("?fromVersion=2", 200),
        ("?toVersion=2", 200),
        ("?fromVersion=4", 200),
        ("?fromVersion=2&toVersion=4", 200),
        ("?toVersion=1", 400),
        ("?toVersion=3", 410),
        ("?fromVersion=3", 410),
        ("?fromVersion=9", 404),
        ("?fromVersion=x", 404),
        ("?fromVersion=_", 400),
        ("?includeMeta=perhaps", 400),
    ],
)
def test_versions_are_those_that_a_vread_shows(suite, path, query, status):
    assert suite.get(f"{path}/$diff{query}").status == status


def test_what_is_the_same_has_no_operations(suite, path):
    assert operations(suite.get(f"{path}/$diff?fromVersion=4")) == []


def test_what_the_server_keeps_in_meta_is_told_on_request(suite, path):
    told = operations(suite.get(f"{path}/$diff?fromVersion=1&toVersion=2&includeMeta=true"))
    assert [each["path"] for each in told][:2] == [
        "Observation.meta.versionId",
        "Observation.meta.lastUpdated",
    ]


def test_what_a_caller_is_not_shown_is_in_no_difference(suite, social_care, child):
    known = suite.get(f"Patient/{child}").json
    hidden = {**known, "meta": make.labelled("R"), "address": [{"line": ["1 Secret Street"]}]}
    suite.put(hidden)
    suite.put({**hidden, "address": [{"line": ["2 Secret Street"]}], "gender": "other"})
    answer = social_care.get(f"Patient/{child}/$diff")
    assert "Secret" not in answer.text
    assert [each["path"] for each in operations(answer)] == ["Patient"]
    assert "Secret" in suite.get(f"Patient/{child}/$diff").text
