"""JSON Patch: HL7's own cases, RFC 6902, and what a patch may not cost."""

import json as plain
from decimal import Decimal
from pathlib import Path

import pytest

from server.fhir import json
from server.fhir.issue import Inapplicable, Malformed
from server.fhir.patch.json_patch import patched

CASES = json.decode_array(
    (Path(__file__).parents[2] / "data/fhir-test-cases/patch/json-patch-tests.json").read_bytes()
)


def kept(document):
    """The order of properties says nothing, that of items everything."""
    return plain.dumps(document, sort_keys=True, default=str)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["comment"])
def test_hl7s_own_cases(case):
    before = kept(case["doc"])
    if "error" in case:
        with pytest.raises(Inapplicable):
            patched(case["doc"], case["patch"])
    else:
        assert kept(patched(case["doc"], case["patch"])) == kept(case["expected"])
    assert kept(case["doc"]) == before


def op(name, path, **more):
    return {"op": name, "path": path, **more}


DOCUMENT = {"a": {"b": [1, 2, 3]}, "n": Decimal("1.50"), "": {"": 0}, "t": True, "~/": "x"}


@pytest.mark.parametrize(
    ("operation", "changed"),
    [
        (op("add", "/a/b/3", value=4), {"a": {"b": [1, 2, 3, 4]}}),
        (op("add", "/a/b/0", value=4), {"a": {"b": [4, 1, 2, 3]}}),
        (op("add", "/n", value=None), {"n": None}),
        (op("replace", "/a/b/1", value=[]), {"a": {"b": [1, [], 3]}}),
        (op("replace", "/", value=1), {"": 1}),
        (op("replace", "//", value=1), {"": {"": 1}}),
        (op("remove", "/~0~1"), {"~/": ...}),
        (op("move", "/m", **{"from": "/a/b/0"}), {"a": {"b": [2, 3]}, "m": 1}),
        (op("move", "/a", **{"from": "/a"}), {}),
        (op("copy", "/a/b/-", **{"from": "/n"}), {"a": {"b": [1, 2, 3, Decimal("1.50")]}}),
        (op("test", "/n", value=Decimal("1.5")), {}),
        (op("test", "/a", value={"b": [1, 2, Decimal("3.0")]}), {}),
    ],
)
def test_an_operation_changes_what_it_names_and_nothing_else(operation, changed):
    expected = {name: value for name, value in {**DOCUMENT, **changed}.items() if value is not ...}
    assert kept(patched(DOCUMENT, [operation])) == kept(expected)


@pytest.mark.parametrize(
    "operation",
    [
        op("add", "/a/b/4", value=0),
        op("add", "/a/b/01", value=0),
        op("add", "/a/b/+1", value=0),
        op("add", "/a/b/x", value=0),
        op("add", "/n/x", value=0),
        op("replace", "/x", value=0),
        op("replace", "/a/b/-", value=0),
        op("replace", "/a/b/3", value=0),
        op("replace", "", value=0),
        op("remove", ""),
        op("remove", "/x"),
        op("remove", "/a/b/3"),
        op("move", "/a/b", **{"from": "/a"}),
        op("move", "/x", **{"from": "/y"}),
        op("copy", "/x", **{"from": "/y"}),
        op("test", "/t", value=1),
        op("test", "/a/b/0", value=True),
        op("test", "/x", value=None),
        op("test", "/a/b", value=[1, 3, 2]),
    ],
)
def test_what_does_not_fit_says_which_operation_it_was(operation):
    with pytest.raises(Inapplicable) as refused:
        patched(DOCUMENT, [op("test", "/t", value=True), operation])
    if operation["path"] or operation["op"] == "remove":
        assert f"Operation 1 of the patch, '{operation['op']}' at '{operation['path']}'" in str(refused.value)


@pytest.mark.parametrize(
    "operation",
    [
        "x",
        {},
        {"op": "add"},
        {"op": "delete", "path": "/a"},
        {"op": ["add"], "path": "/a", "value": 1},
        {"op": "add", "path": 1, "value": 1},
        {"op": "add", "path": "/a"},
        {"op": "add", "path": "a", "value": 1},
        {"op": "add", "path": "/~2", "value": 1},
        {"op": "add", "path": "/~", "value": 1},
        {"op": "move", "path": "/a"},
        {"op": "copy", "path": "/a", "from": "b"},
        {"op": "copy", "path": "/a", "from": 1},
        {"op": "add", "path": "/a" * 101, "value": 1},
    ],
)
def test_what_is_no_patch_is_refused_before_anything_is_done(operation):
    with pytest.raises(Malformed):
        patched({"a": 1}, [op("test", "/a", value=2), operation])


def test_what_is_given_and_what_is_patched_stay_as_they_were():
    document, value = {"a": []}, {"x": []}
    found = patched(document, [op("add", "/a/-", value=value), op("add", "/a/0/x/-", value=1)])
    assert found == {"a": [{"x": [1]}]}
    assert (document, value) == ({"a": []}, {"x": []})


def test_copies_of_copies_come_to_an_end():
    doubling = [op("copy", f"/x{at}", **{"from": ""}) for at in range(60)]
    with pytest.raises(Inapplicable, match="copies"):
        patched({"a": "x" * 1000}, doubling)


def test_a_patch_has_a_limited_number_of_operations():
    with pytest.raises(Malformed, match="1001 operations"):
        patched({"a": 1}, [op("test", "/a", value=1)] * 1001)
