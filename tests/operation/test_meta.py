"""$meta, $meta-add and $meta-delete.

https://hl7.org/fhir/R4/resource-operation-meta.html
"""

import pytest

from tests import make

A, B_, C = ({"system": make.TEST, "code": code} for code in "abc")


def called(caller, path, operation, meta, **headers):
    sent = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": meta}]}
    return caller.ask("POST", f"{path}/${operation}", sent, **headers)


def meta_of(answer):
    [returned] = answer.json["parameter"]
    assert returned["name"] == "return"
    return returned["valueMeta"]


@pytest.fixture
def path(suite):
    return (
        f"Observation/{suite.post(make.observation(meta={'tag': [A], 'source': 'https://example.org'})).id}"
    )


def test_meta_is_that_of_a_read(suite, path):
    answer = suite.get(f"{path}/$meta")
    assert meta_of(answer) == suite.get(path).json["meta"]
    assert answer.headers["ETag"] == suite.get(path).headers["ETag"]


def test_meta_of_a_version_is_that_of_the_version(suite, path):
    called(suite, path, "meta-add", {"tag": [B_]})
    assert meta_of(suite.get(f"{path}/_history/1/$meta"))["tag"] == [A]
    assert meta_of(suite.get(f"{path}/_history/2/$meta"))["tag"] == [A, B_]


@pytest.mark.parametrize(
    ("operation", "given", "left"),
    [
        ("meta-add", {"tag": [B_]}, {"tag": [A, B_]}),
        ("meta-add", {"tag": [{**A, "display": "other", "version": "2"}]}, {"tag": [A]}),
        ("meta-add", {"tag": [B_, C, B_]}, {"tag": [A, B_, C]}),
        ("meta-add", {"security": [B_]}, {"tag": [A], "security": [B_]}),
        ("meta-add", {"profile": ["https://x.org/p"]}, {"tag": [A], "profile": ["https://x.org/p"]}),
        ("meta-add", {"versionId": "7", "source": "https://other.org", "tag": [B_]}, {"tag": [A, B_]}),
        ("meta-delete", {"tag": [A]}, {}),
        ("meta-delete", {"tag": [{**A, "display": "other"}]}, {}),
        ("meta-delete", {"tag": [B_]}, {"tag": [A]}),
        ("meta-delete", {"tag": [{"code": "a"}]}, {"tag": [A]}),
        ("meta-delete", {"profile": ["https://x.org/p"]}, {"tag": [A]}),
    ],
)
def test_profiles_tags_and_labels_are_sets(suite, path, operation, given, left):
    answer = called(suite, path, operation, given)
    assert answer.status == 200
    meta = meta_of(answer)
    assert meta == suite.get(path).json["meta"]
    sets = {name: meta[name] for name in ("profile", "security", "tag") if name in meta}
    assert sets == left
    assert meta["source"] == "https://example.org"


def test_what_changes_nothing_makes_no_version(suite, path):
    assert called(suite, path, "meta-add", {"tag": [A]}).version == "1"
    assert called(suite, path, "meta-delete", {"tag": [C]}).version == "1"
    assert called(suite, path, "meta-add", {"tag": [C]}).version == "2"


def test_it_holds_only_for_the_version_that_if_match_names(suite, path):
    assert called(suite, path, "meta-add", {"tag": [B_]}, If_Match='W/"2"').status == 412
    assert called(suite, path, "meta-add", {"tag": [B_]}, If_Match='W/"1"').status == 200


@pytest.mark.parametrize(
    "label",
    [
        {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"},
        {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "REDACTED"},
    ],
)
def test_no_one_marks_a_resource_as_a_part_of_one(suite, path, label):
    for name in ("tag", "security"):
        if (name, label["code"]) != ("security", "SUBSETTED"):
            assert called(suite, path, "meta-add", {name: [label]}).status == 422


@pytest.mark.parametrize("operation", ["meta-add", "meta-delete"])
def test_it_needs_the_right_to_update_and_to_read(suite, client_with, path, operation):
    for scopes in ("system/Observation.rs", "system/Observation.us"):
        assert called(client_with("suite", scopes), path, operation, {"tag": [B_]}).status == 403
    assert called(client_with("suite", "system/Observation.ru"), path, operation, {"tag": [B_]}).status == 200


def test_what_is_written_once_has_its_meta_read_and_not_changed(suite):
    event = {
        "resourceType": "AuditEvent",
        "type": {"system": make.TEST, "code": "x"},
        "recorded": "2025-09-01T10:00:00Z",
        "agent": [{"requestor": True}],
        "source": {"observer": {"display": "x"}},
    }
    path = f"AuditEvent/{suite.post(event).id}"
    assert suite.get(f"{path}/$meta").status == 200
    for operation in ("meta-add", "meta-delete"):
        assert called(suite, path, operation, {"tag": [B_]}).status == 404
        assert called(suite, "AuditEvent/nobody", operation, {"tag": [B_]}).status == 404


def test_a_label_that_hides_a_child_hides_it_at_once(suite, social_care, child):
    label = make.labelled("V")
    assert social_care.get(f"Patient/{child}").status == 200
    assert called(suite, f"Patient/{child}", "meta-add", label).status == 200
    assert social_care.get(f"Patient/{child}").status == 404
    assert called(suite, f"Patient/{child}", "meta-delete", label).status == 200
    assert social_care.get(f"Patient/{child}").status == 200
