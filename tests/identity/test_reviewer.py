"""Who decides whether two records are of one child is asked about those alone whom it sees, both of them."""

import pytest

from tests import make
from tests.access.test_decision import not_shared
from tests.identity.test_door import SAME_CHILD, compared, decided, robin
from tests.identity.test_hidden import PATIENTS


def pair(client_with, **more):
    """(one, other, the Task about them)."""
    child, client = robin(**more), client_with("asking")
    one, other = client.post(child).id, client.post(child).id
    compared(client)
    [task] = (
        client_with("reviewing").get(f"Task?code={SAME_CHILD}&patient=Patient/{one},Patient/{other}").matches
    )
    return one, other, task


def paths(client, task):
    """What each way of asking tells of the Task."""
    id, child = task["id"], task["for"]["reference"]
    yield client.get(f"Task/{id}").status == 200
    yield client.get(f"Task/{id}/_history/1").status == 200
    yield bool(client.get(f"Task?_id={id}").matches)
    yield bool(client.get(f"Task?code={SAME_CHILD}&patient={child}").matches)
    yield client.get(f"Task?_id={id}&_summary=count").json["total"] > 0
    yield bool(client.get(f"Task/{id}/_history").status == 200)
    yield decided(client, task, "unsure").status == 200


def named_for_one(suite, one, other):
    return [make.posted(make.episode(one, "half-seeing"))]


def very_restricted(suite, one, other):
    labelled = {**suite.get(f"Patient/{other}").json, "meta": make.labelled("V")}
    both = [make.posted(make.episode(each, "half-seeing")) for each in (one, other)]
    return [*both, make.put(labelled)]


def not_to_be_shared(suite, one, other):
    both = [make.posted(make.episode(each, "half-seeing")) for each in (one, other)]
    decision = not_shared(other, "asking", "half-seeing", **{"class": [PATIENTS]})
    return [*both, make.posted(decision)]


def both_known(suite, one, other):
    return [make.posted(make.episode(each, "half-seeing")) for each in (one, other)]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("around", "seen"),
    [(both_known, True), (named_for_one, False), (very_restricted, False), (not_to_be_shared, False)],
)
def test_a_reviewer_who_is_denied_one_of_the_two_is_not_asked(client_with, suite, around, seen, turned):
    one, other, task = pair(client_with)
    if turned:
        one, other = other, one
    for entry in around(suite, one, other):
        answer = suite.post(make.bundle("transaction", entry))
        assert answer.status == 200, answer
    assert list(paths(client_with("half-seeing"), task)) == [seen] * 7


def test_whose_rights_show_no_child_is_asked_about_none(client_with, suite):
    _, _, task = pair(client_with)
    assert client_with("reviewing").get(f"Task/{task['id']}").status == 200
    assert client_with("reviewing", "system/Task.cruds").get(f"Task/{task['id']}").status == 404
