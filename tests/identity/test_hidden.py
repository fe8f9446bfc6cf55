"""Of a child whom a caller does not see nothing is learned by resembling it, whatever the reason."""

import re

import pytest

from tests import make
from tests.access.test_decision import not_shared
from tests.identity.test_door import SAME_CHILD, asked_of, compared, robin
from tests.identity.test_match import match

PATIENTS = {"system": "http://hl7.org/fhir/resource-types", "code": "Patient"}

WHY = {
    "it does not work with it": lambda suite, id: [],
    "it is very restricted": lambda suite, id: [
        make.put(make.patient(**suite.get(f"Patient/{id}").json | {"meta": make.labelled("V")})),
        make.posted(make.episode(id, "refusing")),
        make.posted(make.episode(id, "asking")),
    ],
    "it was decided so": lambda suite, id: [
        make.posted(make.episode(id, "refusing")),
        make.posted(make.episode(id, "asking")),
        make.posted(not_shared(id, "asking", "refusing", **{"class": [PATIENTS]})),
    ],
}


def written(client, child):
    return client.post(child)


def confirmed(client, child):
    return client.post(child, X_Confirm_New="Her cousin, of the same name.")


def in_a_transaction(client, child):
    return client.post(make.bundle("transaction", make.posted(child)))


def in_a_batch(client, child):
    return client.post(make.bundle("batch", make.posted(child)))


def validated(client, child):
    parts = [{"name": "mode", "valueCode": "create"}, {"name": "resource", "resource": child}]
    return client.ask("POST", "Patient/$validate", {"resourceType": "Parameters", "parameter": parts})


def matched(client, child):
    return match(client, child)


def listed(client, child):
    """What the review list has of the child that was written."""
    stored = client.post(child).id
    compared(client)
    return client.get(f"Task?code={SAME_CHILD}&patient={stored}")


def everything(client, child):
    return client.get(f"Patient/{client.post(child).id}/$everything")


WAYS = [written, confirmed, in_a_transaction, in_a_batch, validated, matched, listed, everything]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("agency", ["asking", "refusing"])
@pytest.mark.parametrize("why", WHY)
def test_a_hidden_child_is_answered_as_one_who_is_not_there(client_with, suite, why, agency, way):
    child, stranger = robin(), robin()
    hidden = suite.post(child).id
    for entry in WHY[why](suite, hidden):
        assert suite.post(make.bundle("transaction", entry)).status == 200
    client = client_with(agency)
    assert told(way(client, child), child) == told(way(client, stranger), stranger)


def test_what_was_not_told_stands_on_the_list(client_with, suite):
    child = robin()
    hidden = suite.post(child).id
    client_with("refusing").post(child)
    assert asked_of(client_with("reviewing"), hidden) == []
    [task] = client_with("reviewing").get(f"Task?code={SAME_CHILD}&focus=Patient/{hidden}").matches
    assert task["focus"]["reference"] == f"Patient/{hidden}"


def test_the_evidence_about_a_restricted_child_is_withheld_from_those_not_named(client_with, suite):
    """Whether the addresses agree would tell where a child lives whose whereabouts are withheld."""
    child, id = robin(), make.word("child-")
    assert suite.put({**child, "id": id, "meta": make.labelled("R")}).status == 201
    assert suite.post(make.team(id, "asking")).status == 201
    first = client_with("asking").post(child).id
    compared(client_with("asking"))
    [task] = client_with("reviewing").get(f"Task?code={SAME_CHILD}&patient={first}").matches
    assert "input" not in task


def told(answer, child):
    """An answer without what differs between two children anyway."""
    text = f"{answer.status} {answer.text}"
    for name in child["name"][0]["given"] + [child["name"][0]["family"], child["birthDate"]]:
        text = text.replace(name, "…")
    text = text.replace(child["address"][0]["line"][0], "…")
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "…", text)
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "…", text)
