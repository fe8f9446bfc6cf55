"""What rules across resources, and the Tasks of marks, tell of what may not be seen: nothing."""

import re

import pytest

from tests import make

TAG = f"{make.B}/CodeSystem/record-mark|profile-not-kept"


@pytest.fixture
def child_of(suite):
    """Makes a child with whom the academy works, born on a day and with what else is known of it."""

    def made(born="2014-03-14", *others):
        id = make.word("child-")
        sent = [
            make.put(make.patient(id=id, birthDate=born)),
            make.posted(make.episode(id, "academy")),
            *(make.posted(each(id)) for each in others),
        ]
        assert suite.post(make.bundle("transaction", *sent)).status == 200
        return id

    return made


def told(answer, child):
    text = f"{answer.status} {answer.text}".replace(child, "CHILD")
    for passing in (r"[0-9a-f]{8}-[0-9a-f-]{27}", r"\d{4}-\d\d-\d\dT[\d:.]+Z"):
        text = re.sub(passing, "…", text)
    return text


def looked_after(child):
    """Since before some of the children are born."""
    return make.episode(child, "academy", "looked-after", "2020-03-03")


def validated(caller, resource, **given):
    parts = [{"name": "resource", "resource": resource}]
    parts += [{"name": name, "valueCode": value} for name, value in given.items()]
    body = {"resourceType": "Parameters", "parameter": parts}
    return caller.ask("POST", f"{resource['resourceType']}/$validate", body)


WAYS = {
    "create": lambda caller, resource: caller.post(resource),
    "transaction": lambda caller, resource: caller.post(make.bundle("transaction", make.posted(resource))),
    "batch": lambda caller, resource: caller.post(make.bundle("batch", make.posted(resource))),
    "$validate": validated,
    "$validate of a create": lambda caller, resource: validated(caller, resource, mode="create"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_rule_is_held_only_against_what_the_writer_may_see(client_with, child_of, way):
    whole = client_with("academy")
    narrow = client_with("academy", "system/EpisodeOfCare.cruds system/Organization.rs")
    born, unborn = child_of("2014-03-14"), child_of("2021-03-14")
    assert "ssda903-302" in told(WAYS[way](whole, looked_after(unborn)), unborn)
    one, other = (told(WAYS[way](narrow, looked_after(each)), each) for each in (born, unborn))
    assert one == other


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_held_against_a_child_whom_the_writer_does_not_know(client_with, suite, way):
    """Of a child that there is not it is said that the reference leads nowhere, and of this one the same."""
    academy = client_with("academy")
    there, nowhere = make.word("child-"), make.word("child-")
    assert suite.put(make.patient(id=there, birthDate="2021-03-14")).status == 201
    assert suite.post(make.episode(there, "social-care", "looked-after")).status == 201
    one, other = (told(WAYS[way](academy, looked_after(each)), each) for each in (there, nowhere))
    assert one == other


@pytest.mark.parametrize("agency", ["school", "academy", "health"])
def test_the_task_of_a_mark_is_the_agencys_own(client_with, suite, child_of, agency):
    """Who may not read it is told of no Task, by no path; nor by the marked resource, if that is not seen."""
    child = make.word("child-")
    known = [make.put(make.child(id=child)), make.posted(make.episode(child, "legacy"))]
    known.append(make.posted(make.episode(child, agency)))
    assert suite.post(make.bundle("transaction", *known)).status == 200
    legacy, other = client_with("legacy"), client_with(agency)
    marked = legacy.post(make.mark(child, "legacy", session="pm", code="/"))
    assert marked.status == 201
    [task] = legacy.search(f"Task?patient={child}").ids
    nowhere = make.word()
    for path in ("Task/{}", "Task/{}/_history", "Task/{}/_history/1", "Task/{}/$meta", "Task?_id={}"):
        asked = [other.get(path.format(id)) for id in (task, nowhere)]
        one, another = (told(each, id) for each, id in zip(asked, (task, nowhere), strict=True))
        assert one == another, path
    everything = other.get(f"Patient/{child}/$everything")
    assert task not in everything.text
    assert task not in other.search(f"Observation?_id={marked.id}&_revinclude=Task:focus").text
