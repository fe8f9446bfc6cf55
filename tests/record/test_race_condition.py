"""What twenty clients at once may rely on where much hangs on a condition: one winner, nothing lost."""

from collections import Counter

import pytest

from tests import make
from tests.record.test_race import at_once

TWENTY = 20


def versions(caller, path):
    """What each version says, oldest first."""
    entries = caller.get(f"{path}/_history?_count=100").entries
    return [each.get("resource") for each in reversed(entries)]


def add_telecom(at):
    """A JSON Patch that adds one, and fails where there is no list yet."""
    return [{"op": "add", "path": "/telecom/-", "value": {"system": "phone", "value": str(at)}}]


@pytest.fixture
def tag():
    return make.word()


@pytest.fixture
def held(suite, tag):
    return suite.post(make.patient(meta=make.tagged(tag), telecom=[{"system": "phone", "value": "x"}])).json


@pytest.mark.parametrize("with_id", [True, False])
def test_of_twenty_updates_of_what_is_not_there_one_creates_and_the_others_update(suite, tag, with_id):
    id = {"id": make.word()} if with_id else {}
    answers = at_once(
        lambda at: suite.ask(
            "PUT",
            f"Patient?_tag={tag}",
            make.patient(meta=make.tagged(tag), multipleBirthInteger=at, **id),
        ),
        TWENTY,
    )
    assert Counter(answer.status for answer in answers) == {201: 1, 200: TWENTY - 1}
    [found] = suite.search(f"Patient?_tag={tag}").ids
    said = [each["multipleBirthInteger"] for each in versions(suite, f"Patient/{found}")]
    assert sorted(said) == list(range(TWENTY))


def test_an_update_on_condition_and_a_create_of_one_child_make_one_record(suite):
    sent = make.child()
    query = f"identifier={sent['identifier'][0]['system']}|{sent['identifier'][0]['value']}"
    answers = at_once(
        lambda at: (
            suite.ask("PUT", f"Patient?{query}", {**sent, "multipleBirthInteger": at})
            if at % 2
            else suite.post(sent)
        ),
        TWENTY,
    )
    assert Counter(answer.status for answer in answers)[201] == 1
    assert {answer.status for answer in answers[1::2]} <= {200, 201}
    assert {answer.status for answer in answers[::2]} <= {201, 409}
    assert len(suite.search(f"Patient?{query}").ids) == 1


def test_of_twenty_updates_of_one_version_on_condition_one_is_carried_out(suite, tag, held):
    answers = at_once(
        lambda at: suite.ask(
            "PUT",
            f"Patient?_tag={tag}",
            make.patient(meta=make.tagged(tag), multipleBirthInteger=at),
            If_Match='W/"1"',
        ),
        TWENTY,
    )
    assert Counter(answer.status for answer in answers) == {200: 1, 412: TWENTY - 1}
    assert suite.get(f"Patient/{held['id']}").version == "2"


def test_what_no_longer_fulfils_the_condition_is_not_updated(suite):
    """Twenty take one task that is open: who comes second finds it taken, by whatever condition."""
    word = make.word()
    task = {
        "resourceType": "Task", "id": make.word(), "status": "requested", "intent": "order",
        "meta": make.tagged(word), "identifier": [make.identifier(f"{word}-{at}") for at in range(TWENTY)],
    }  # fmt: skip
    suite.put(task)
    take = [{"op": "replace", "path": "/status", "value": "accepted"}]
    answers = at_once(
        lambda at: suite.ask(
            "PATCH",
            f"Task?_tag={word}&status=requested&identifier={word}-{at}",
            take,
            Content_Type="application/json-patch+json",
        ),
        TWENTY,
    )
    assert Counter(answer.status for answer in answers) == {200: 1, 404: TWENTY - 1}
    assert suite.get(f"Task/{task['id']}").version == "2"


@pytest.mark.parametrize("conditional", [True, False])
def test_of_twenty_patches_none_is_lost(suite, tag, held, conditional):
    path = f"Patient?_tag={tag}" if conditional else f"Patient/{held['id']}"
    answers = at_once(
        lambda at: suite.ask("PATCH", path, add_telecom(at), Content_Type="application/json-patch+json"),
        TWENTY,
    )
    assert {answer.status for answer in answers} == {200}
    now = suite.get(f"Patient/{held['id']}")
    assert now.version == str(TWENTY + 1)
    assert {each["value"] for each in now.json["telecom"]} == {"x", *map(str, range(TWENTY))}


def test_of_twenty_patches_of_one_version_one_is_carried_out(suite, held):
    answers = at_once(
        lambda at: suite.ask(
            "PATCH",
            f"Patient/{held['id']}",
            add_telecom(at),
            Content_Type="application/json-patch+json",
            If_Match='W/"1"',
        ),
        TWENTY,
    )
    assert Counter(answer.status for answer in answers) == {200: 1, 412: TWENTY - 1}


def test_of_twenty_equal_updates_one_is_a_version(suite, held):
    sent = {**held, "gender": "male"}
    answers = at_once(lambda _: suite.put(sent), TWENTY)
    assert {(answer.status, answer.version) for answer in answers} == {(200, "2")}
    assert len(versions(suite, f"Patient/{held['id']}")) == 2


def test_of_twenty_deletes_on_condition_one_is_a_version(suite, tag):
    ids = [suite.post(make.patient(meta=make.tagged(tag))).id for _ in range(3)]
    answers = at_once(lambda _: suite.delete(f"Patient?_tag={tag}"), TWENTY)
    assert {answer.status for answer in answers} == {204}
    assert [len(versions(suite, f"Patient/{id}")) for id in ids] == [2, 2, 2]


def test_what_was_changed_in_time_is_not_deleted_by_the_condition_it_fulfilled(suite, tag):
    """Ten delete what has a tag while ten take the tag away: each resource is deleted or without it."""
    ids = [suite.post(make.patient(meta=make.tagged(tag))).id for _ in range(10)]

    def act(at):
        if at % 2:
            return suite.delete(f"Patient?_tag={tag}")
        return suite.put(make.patient(id=ids[at // 2]), If_Match='W/"1"')

    answers = at_once(act, TWENTY)
    assert {answer.status for answer in answers[1::2]} == {204}
    for id, answer in zip(ids, answers[::2], strict=True):
        history = versions(suite, f"Patient/{id}")
        assert len(history) == 2
        assert (answer.status, history[1] is None) in {(200, False), (412, True)}


def test_of_twenty_creates_on_different_conditions_that_mean_one_child_one_is_stored(suite):
    sent = make.child()
    number = sent["identifier"][0]["value"]
    conditions = (f"identifier={make.NHS_NUMBER}|{number}", f"identifier={number}")
    answers = at_once(lambda at: suite.post(sent, If_None_Exist=conditions[at % 2]), TWENTY)
    assert Counter(answer.status for answer in answers) == {201: 1, 200: TWENTY - 1}
    assert len({answer.id for answer in answers}) == 1
