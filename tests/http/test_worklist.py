"""What an agreement accepts though it breaks a rule is tagged, and on the worklist until it is right."""

import pytest

from tests import make

TAG = {"system": f"{make.B}/CodeSystem/record-mark", "code": "profile-not-kept"}
ASKED = f"code={make.B}/CodeSystem/worklist-code|correct"


@pytest.fixture
def legacy(client_with):
    """A client of a school whose marks are taken as they come."""
    return client_with("legacy")


@pytest.fixture
def pupil(suite):
    """The id of a child with whom the school works."""
    id = make.word("child-")
    known = make.bundle("transaction", make.put(make.child(id=id)), make.posted(make.episode(id, "legacy")))
    assert suite.post(known).status == 200
    return id


def good_mark(pupil, **more):
    return make.mark(pupil, "legacy", **more)


def bad_mark(pupil, **more):
    """A mark of an afternoon with the code of a morning."""
    return good_mark(pupil, session="pm", code="/", **more)


def tasks(caller, pupil):
    return [entry["resource"] for entry in caller.search(f"Task?{ASKED}&patient={pupil}").entries]


def tags(answer):
    return answer.json["meta"].get("tag", [])


def test_a_mark_that_breaks_a_rule_is_kept_tagged_and_on_the_worklist(legacy, pupil):
    written = legacy.post(bad_mark(pupil))
    assert written.status == 201
    assert tags(written) == tags(legacy.get(f"Observation/{written.id}")) == [TAG]
    [task] = tasks(legacy, pupil)
    assert task["status"] == "requested"
    assert task["focus"] == {"reference": f"Observation/{written.id}"}
    assert task["owner"] == {"reference": "Organization/legacy"}
    [outcome] = task["contained"]
    assert [issue["details"]["coding"][0]["code"] for issue in outcome["issue"]] == ["attendance-2"]
    assert task["input"][0]["valueReference"] == {"reference": f"#{outcome['id']}"}


def test_the_task_is_closed_when_the_mark_is_corrected_and_opened_when_it_is_wrong_again(legacy, pupil):
    held = legacy.post(bad_mark(pupil))
    right = {**held.json, "code": make.concept(f"{make.B}/CodeSystem/session", "am")}
    corrected = legacy.put(right)
    assert tags(corrected) == []
    [task] = tasks(legacy, pupil)
    assert task["status"] == "completed"
    assert tags(legacy.put(held.json)) == [TAG]
    [again] = tasks(legacy, pupil)
    assert (again["id"], again["status"]) == (task["id"], "requested")
    assert legacy.get(f"Task/{task['id']}").version == "3"


def test_a_mark_that_is_deleted_is_no_longer_to_be_corrected(legacy, pupil):
    held = legacy.post(bad_mark(pupil))
    assert legacy.delete(f"Observation/{held.id}").status == 204
    [task] = tasks(legacy, pupil)
    assert task["status"] == "cancelled"


def test_the_tag_is_not_for_a_client_to_set_or_to_take_away(legacy, pupil):
    own = {"system": make.TEST, "code": "own"}
    honest = legacy.post(good_mark(pupil, meta={"tag": [TAG, own]}))
    assert tags(honest) == [own]
    held = legacy.post(bad_mark(pupil, meta={"tag": [own]}))
    assert tags(held) == [own, TAG]
    without = {**held.json, "meta": {"tag": [own]}}
    assert tags(legacy.put(without)) == [own, TAG]
    assert legacy.get(f"Observation/{held.id}").version == "1"


def test_what_is_marked_can_be_found(legacy, pupil):
    legacy.post(good_mark(pupil))
    held = legacy.post(bad_mark(pupil))
    found = legacy.search(f"Observation?patient={pupil}&_tag={TAG['system']}|{TAG['code']}")
    assert found.ids == [f"Observation/{held.id}"] or found.ids == [held.id]


def test_only_what_the_agreement_names_is_marked(legacy, pupil):
    bad = make.episode(pupil, "legacy", status="finished")
    assert legacy.post(bad).status == 422
    assert legacy.post({**bad_mark(pupil), "colour": "red"}).status == 400
    assert tasks(legacy, pupil) == []


def test_each_of_a_bundle_has_its_own_task(legacy, pupil):
    days = ("2025-09-08", "2025-09-09")
    marks = (make.posted(bad_mark(pupil, date=day)) for day in days)
    good = make.posted(good_mark(pupil, date="2025-09-10"))
    answer = legacy.post(make.bundle("transaction", *marks, good), Prefer="return=representation")
    assert answer.status == 200
    assert [entry["resource"]["meta"].get("tag", []) for entry in answer.entries] == [[TAG], [TAG], []]
    assert len(tasks(legacy, pupil)) == 2


def test_the_worklist_is_seen_by_the_agency_alone(legacy, school, social_care, pupil):
    legacy.post(bad_mark(pupil))
    assert len(tasks(legacy, pupil)) == 1
    [task] = tasks(legacy, pupil)
    assert school.get(f"Task/{task['id']}").status in (403, 404)
    assert social_care.get(f"Task/{task['id']}").status in (403, 404)


def test_validate_tells_what_is_wrong_whatever_the_agreement_accepts(legacy, pupil):
    answer = legacy.ask("POST", "Observation/$validate?mode=create", bad_mark(pupil))
    assert answer.status == 200
    assert any(issue["severity"] == "error" for issue in answer.json["issue"])
    assert "marked" in answer.json["issue"][-1]["diagnostics"]
    assert tasks(legacy, pupil) == []
