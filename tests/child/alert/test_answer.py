"""$answer: whom an alert asks says what becomes of it."""

import pytest

from server.fhir import Json
from tests import make
from tests.caller import Answer, Caller
from tests.child.alert.conftest import Alerts, ago, exclusion
from tests.conftest import ClientWith

NAME = "exclusion-in-care"


@pytest.fixture
def task(alerts: Alerts, child: str) -> Json:
    alerts.write(make.episode(child, "duty"), exclusion(child, ago(0)))
    [found] = alerts.all_tasks(child, NAME)
    return found


def answer(caller: Caller, task: Json, status: str, note: str | None = None) -> Answer:
    sent = [{"name": "status", "valueCode": status}]
    sent += [{"name": "note", "valueString": note}] if note else []
    return caller.ask("POST", f"Task/{task['id']}/$answer", {"resourceType": "Parameters", "parameter": sent})


def test_it_is_answered_with_a_note_and_not_asked_again(
    alerts: Alerts, child: str, task: Json, social_care: Caller
) -> None:
    assert answer(social_care, task, "in-progress").json["status"] == "in-progress"
    done = answer(social_care, task, "completed", "Spoke to the school.")
    assert done.status == 200, done
    [note] = done.json["note"]
    assert note["authorReference"] == {"reference": "Organization/social-care"}
    assert answer(social_care, task, "on-hold").status == 409
    alerts.write(make.episode(child, "social-care", "child-protection-plan", start=ago(1)))
    [kept] = alerts.all_tasks(child, NAME)
    assert (kept["status"], kept["note"]) == ("completed", [note])


@pytest.mark.parametrize(
    ("agency", "status"), [("duty", 403), ("school", 403), ("academy", 403), ("suite", 403)]
)
def test_nobody_else_answers_it(client_with: ClientWith, task: Json, agency: str, status: int) -> None:
    assert answer(client_with(agency), task, "completed").status == status


def test_a_token_that_may_only_read_does_not_answer(client_with: ClientWith, task: Json) -> None:
    assert answer(client_with("social-care", "system/*.rs"), task, "completed").status == 403


def test_the_task_itself_stays_the_servers(social_care: Caller, task: Json) -> None:
    assert social_care.put({**task, "status": "completed"}).status == 403


def test_what_cannot_be_said_and_what_is_no_alert(
    alerts: Alerts, child: str, task: Json, social_care: Caller
) -> None:
    assert answer(social_care, task, "draft").status == 400
    own = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "for": make.reference(f"Patient/{child}"),
        "owner": make.reference("Organization/social-care"),
    }
    [id] = alerts.write(own)
    assert answer(social_care, {"id": id}, "completed").status == 400
    assert answer(social_care, {"id": "nothing"}, "completed").status == 404
