"""Updates and deletes of what a search finds."""

import pytest

from tests import make


@pytest.fixture
def tag():
    return make.word()


@pytest.fixture
def new(suite, tag):
    """Makes a Patient that the condition finds."""
    return lambda **more: suite.post(make.patient(meta=make.tagged(tag), **more)).json


def put(caller, tag, resource=None, **headers):
    sent = make.patient(meta=make.tagged(tag), gender="male", **(resource or {}))
    return caller.ask("PUT", f"Patient?_tag={tag}", sent, **headers)


# ---- update ------------------------------------------------------------------------------------------------


def test_a_condition_that_finds_none_creates(suite, tag):
    made = put(suite, tag)
    assert (made.status, made.version) == (201, "1")
    assert made.headers["Location"] == f"{suite.base}/Patient/{made.id}/_history/1"
    assert suite.search(f"Patient?_tag={tag}").ids == [made.id]


def test_a_condition_that_finds_none_creates_under_the_id_that_was_sent(suite, tag):
    id = make.word()
    made = put(suite, tag, {"id": id})
    assert (made.status, made.id, made.version) == (201, id, "1")


@pytest.mark.parametrize("with_id", [True, False])
def test_a_condition_that_finds_one_updates_it(suite, tag, new, with_id):
    held = new()
    changed = put(suite, tag, {"id": held["id"]} if with_id else None, If_Match='W/"1"')
    assert (changed.status, changed.id, changed.version) == (200, held["id"], "2")
    assert changed.json["gender"] == "male"
    assert "Location" not in changed.headers
    again = put(suite, tag)
    assert (again.status, again.text) == (200, changed.text)


def test_a_condition_that_finds_another_than_was_sent_updates_neither(suite, tag, new):
    held, other = new(), suite.post(make.patient()).json
    refused = put(suite, tag, {"id": other["id"]})
    assert (refused.status, refused.json["issue"][0]["expression"]) == (400, ["Patient.id"])
    for each in (held, other):
        assert suite.get(f"Patient/{each['id']}").json == each


def test_a_condition_that_finds_none_does_not_overwrite_what_has_the_id(suite, tag):
    other = suite.post(make.patient()).json
    refused = put(suite, tag, {"id": other["id"]})
    assert (refused.status, refused.issues) == (409, [("conflict", "This id cannot be used.")])
    assert suite.get(f"Patient/{other['id']}").json == other


def test_what_was_deleted_is_created_again_and_goes_on_counting(suite, tag, new):
    held = new()
    suite.delete(f"Patient/{held['id']}")
    again = put(suite, tag, {"id": held["id"]})
    assert (again.status, again.version) == (201, "3")


def test_a_condition_that_finds_several_updates_none(suite, tag, new):
    held = [new(), new()]
    refused = put(suite, tag)
    assert (refused.status, refused.code) == (412, "multiple-matches")
    assert [suite.get(f"Patient/{each['id']}").json for each in held] == held


@pytest.mark.parametrize(
    "header", [{"If_Match": 'W/"2"'}, {"If_None_Match": "*"}, {"If_None_Match": 'W/"1"'}]
)
def test_an_update_on_condition_asks_for_the_version_too(suite, tag, new, header):
    held = new()
    assert put(suite, tag, **header).status == 412
    assert suite.get(f"Patient/{held['id']}").json == held


def test_a_version_of_what_is_not_found_cannot_be_updated(suite, tag):
    for resource in ({}, {"id": make.word()}):
        assert put(suite, tag, resource, If_Match='W/"1"').status == 412
    assert suite.search(f"Patient?_tag={tag}").ids == []


@pytest.mark.parametrize("id", ["no_id!", 7, ""])
def test_an_id_that_is_none_is_refused(suite, tag, id):
    assert put(suite, tag, {"id": id}).status == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize(
    ("query", "status"),
    [("", 412), ("?", 412), ("?_count=1", 412), ("?_sort=name", 412), ("?nonsense=1", 400), ("?_tag=", 400)],
)
def test_a_condition_that_says_nothing_changes_nothing(suite, method, query, status):
    sent = make.patient() if method == "PUT" else None
    assert suite.ask(method, f"Patient{query}", sent).status == status


def test_a_format_is_no_part_of_a_condition(suite, tag, new):
    held = new()
    sent = make.patient(meta=make.tagged(tag), gender="male")
    assert suite.ask("PUT", f"Patient?_format=json&_tag={tag}", sent).id == held["id"]


def test_what_the_caller_may_not_see_is_not_found(suite, school, tag):
    hidden = suite.post(make.child(meta=make.tagged(tag))).json
    made = put(school, tag)
    assert made.status == 201
    assert made.id != hidden["id"]
    assert suite.get(f"Patient/{hidden['id']}").json == hidden


# ---- delete ------------------------------------------------------------------------------------------------


def test_a_condition_deletes_all_that_it_finds(suite, tag, new):
    ids = [new()["id"] for _ in range(3)]
    other = suite.post(make.patient()).id
    deleted = suite.delete(f"Patient?_tag={tag}")
    assert (deleted.status, deleted.text) == (204, "")
    assert "ETag" not in deleted.headers
    assert [suite.get(f"Patient/{id}").status for id in [*ids, other]] == [410, 410, 410, 200]


def test_a_condition_that_finds_one_answers_as_a_delete_of_it(suite, tag, new):
    new()
    deleted = suite.delete(f"Patient?_tag={tag}", If_Match='W/"1"')
    assert (deleted.status, deleted.version) == (204, "2")


def test_a_condition_that_finds_none_has_nothing_to_delete(suite, tag):
    assert suite.delete(f"Patient?_tag={tag}").status == 204
    assert suite.delete(f"Patient?_tag={tag}", If_Match='W/"1"').status == 412


def test_a_delete_says_how_much_it_took_if_it_is_asked(suite, tag, new):
    for _ in range(2):
        new()
    told = suite.delete(f"Patient?_tag={tag}", Prefer="return=OperationOutcome")
    assert (told.status, told.issues) == (200, [("informational", "2 resources were deleted.")])
    again = suite.delete(f"Patient?_tag={tag}", Prefer="return=OperationOutcome")
    assert again.issues == [("informational", "There was nothing to delete.")]


def test_a_version_must_be_that_of_each(suite, tag, new):
    held = [new(), new()]
    suite.put({**held[1], "gender": "male"})
    assert suite.delete(f"Patient?_tag={tag}", If_Match='W/"1"').status == 412
    assert [suite.get(f"Patient/{each['id']}").status for each in held] == [200, 200]


def test_more_than_the_limit_is_not_deleted_at_all(suite, tag):
    sent = [make.posted(make.patient(meta=make.tagged(tag))) for _ in range(101)]
    suite.post(make.bundle("transaction", *sent))
    refused = suite.delete(f"Patient?_tag={tag}")
    assert (refused.status, refused.code) == (412, "multiple-matches")
    assert "100" in refused.text
    assert len(suite.search(f"Patient?_tag={tag}&_count=200").ids) == 101


def test_what_may_not_be_deleted_keeps_all_from_being(suite, school, child):
    marks = [make.mark(child, "school", f"2025-09-0{day}") for day in (1, 2)]
    own, others = school.post(marks[0]).id, suite.post(marks[1]).id
    refused = school.delete(f"Observation?patient={child}")
    assert (refused.status, refused.code) == (403, "forbidden")
    assert [suite.get(f"Observation/{id}").status for id in (own, others)] == [200, 200]


def test_a_delete_on_condition_is_an_entry_of_a_bundle(suite, tag, new):
    ids = [new()["id"] for _ in range(2)]
    [entry] = suite.post(make.bundle("transaction", make.entry("DELETE", f"Patient?_tag={tag}"))).entries
    assert entry["response"]["status"].startswith("204")
    assert [suite.get(f"Patient/{id}").status for id in ids] == [410, 410]


def test_what_refers_to_it_goes_with_it_if_that_is_asked(suite, client_with, child):
    inspector = client_with("inspector")
    noted = suite.post(make.observation(child)).id
    assert inspector.delete(f"Patient?_id={child}").status == 409
    assert inspector.delete(f"Patient?_id={child}&_cascade=delete").status == 204
    assert [suite.get(path).status for path in (f"Patient/{child}", f"Observation/{noted}")] == [410, 410]
