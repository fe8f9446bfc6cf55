"""What forty clients at once may rely on, over connections of their own."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests import make
from tests.make import TEST

FORTY = 40


def at_once(act, count=FORTY):
    """The answers of so many calls that begin together; each is told its number."""
    ready = Barrier(count)

    def one(at):
        ready.wait(30)
        return act(at)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))


def test_of_forty_posts_of_one_number_one_is_stored(suite):
    sent = make.child()
    answers = at_once(lambda _: suite.post(sent))
    assert Counter(answer.status for answer in answers) == {201: 1, 409: FORTY - 1}
    assert {answer.code for answer in answers if answer.status == 409} == {"duplicate"}
    assert len(suite.search(f"Patient?identifier={sent['identifier'][0]['value']}").ids) == 1


@pytest.mark.parametrize("claimed", [True, False])
def test_forty_conditional_creates_of_one_child_make_one_record(suite, claimed):
    sent = make.child() if claimed else make.patient(identifier=[make.identifier(make.word())])
    system, value = sent["identifier"][0]["system"], sent["identifier"][0]["value"]
    answers = at_once(lambda _: suite.post(sent, If_None_Exist=f"identifier={system}|{value}"))
    assert Counter(answer.status for answer in answers) == {201: 1, 200: FORTY - 1}
    assert len({answer.id for answer in answers}) == 1
    assert len(suite.search(f"Patient?identifier={system}|{value}").ids) == 1


def test_conditional_and_plain_creates_of_one_child_make_one_record(suite):
    sent = make.child()
    condition = f"identifier={sent['identifier'][0]['system']}|{sent['identifier'][0]['value']}"
    answers = at_once(lambda at: suite.post(sent, **({"If_None_Exist": condition} if at % 2 else {})))
    assert Counter(answer.status for answer in answers)[201] == 1
    assert {answer.status for answer in answers[1::2]} <= {200, 201}
    assert {answer.status for answer in answers[::2]} <= {201, 409}
    assert len(suite.search(f"Patient?{condition}").ids) == 1


def test_forty_transactions_that_create_one_child_on_condition_all_speak_of_it(suite):
    number, tag = make.nhs(), make.word()
    condition = f"identifier={make.NHS_NUMBER}|{number}"

    def enrol(at):
        child = make.urn()
        visit = make.observation(code=f"c{at}", meta=make.tagged(tag)) | {"subject": make.reference(child)}
        return suite.post(
            make.bundle(
                "transaction",
                make.posted(make.child(number), child, ifNoneExist=condition),
                make.posted(visit),
            )
        )

    answers = at_once(enrol, 12)
    assert [answer.status for answer in answers] == [200] * 12
    [id] = suite.search(f"Patient?{condition}").ids
    found = suite.search(f"Observation?patient={id}&_tag={tag}&_count=100").matches
    assert {each["code"]["coding"][0]["code"] for each in found} == {f"c{at}" for at in range(12)}


def test_forty_puts_of_one_new_id_are_forty_versions(suite):
    id = make.word()
    answers = at_once(lambda at: suite.put(make.patient(id=id, multipleBirthInteger=at)))
    assert Counter(answer.status for answer in answers) == {201: 1, 200: FORTY - 1}
    assert sorted(int(answer.version) for answer in answers) == list(range(1, FORTY + 1))
    history = suite.get(f"Patient/{id}/_history?_count=100").entries
    assert [int(each["resource"]["meta"]["versionId"]) for each in history] == list(range(FORTY, 0, -1))
    assert sorted(each["resource"]["multipleBirthInteger"] for each in history) == list(range(FORTY))
    by_version = {answer.version: answer.json for answer in answers}
    assert [each["resource"] for each in history] == [by_version[str(at)] for at in range(FORTY, 0, -1)]


def test_of_forty_updates_of_one_version_one_is_carried_out(suite):
    id = suite.post(make.patient()).id
    answers = at_once(lambda at: suite.put(make.patient(id=id, multipleBirthInteger=at), If_Match='W/"1"'))
    assert Counter(answer.status for answer in answers) == {200: 1, 412: FORTY - 1}
    assert suite.get(f"Patient/{id}").version == "2"


def test_of_forty_creates_under_one_id_one_is_carried_out(suite):
    id = make.word()
    answers = at_once(lambda at: suite.put(make.patient(id=id), If_None_Match="*"))
    assert Counter(answer.status for answer in answers) == {201: 1, 412: FORTY - 1}


def test_of_forty_deletes_one_is_a_version(suite):
    id = suite.post(make.patient()).id
    answers = at_once(lambda _: suite.delete(f"Patient/{id}"))
    assert {answer.status for answer in answers} == {204}
    assert len(suite.get(f"Patient/{id}/_history").entries) == 2


def test_of_forty_marks_of_one_session_one_is_stored(school, child):
    sent = make.mark(child, "school")
    answers = at_once(lambda _: school.post(sent))
    assert Counter(answer.status for answer in answers) == {201: 1, 409: FORTY - 1}
    assert len(school.search(f"Observation?patient={child}").ids) == 1


def test_transactions_that_write_the_same_resources_in_opposite_order_are_all_carried_out(suite):
    ids = [make.word() for _ in range(5)]

    def write(at):
        order = ids if at % 2 else ids[::-1]
        return suite.post(
            make.bundle(
                "transaction", *(make.put(make.patient(id=id, multipleBirthInteger=at)) for id in order)
            )
        )

    answers = at_once(write, 20)
    assert {answer.status for answer in answers} == {200}
    assert {suite.get(f"Patient/{id}").version for id in ids} == {"20"}
    last = {suite.get(f"Patient/{id}").json["multipleBirthInteger"] for id in ids}
    assert len(last) == 1


def test_what_one_has_committed_the_next_sees(suite, client_with):
    """A write that is answered is found by every other client at once."""
    other, tag = client_with("inspector"), make.word()

    def write_and_look(at):
        made = suite.post(make.patient(meta=make.tagged(tag), identifier=[make.identifier(f"{tag}-{at}")]))
        return (
            made.id,
            other.get(f"Patient/{made.id}").status,
            other.search(f"Patient?identifier={TEST}|{tag}-{at}").ids,
        )

    for id, status, found in at_once(write_and_look, 20):
        assert (status, found) == (200, [id])
