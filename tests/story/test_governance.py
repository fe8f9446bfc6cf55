"""Who answers for the record asks why a school sees what it sees, who looked; holds, and takes out."""

from collections.abc import Callable

import pytest

from server.access.scope import parse
from server.access.user import User
from server.child.demonstration.accounts import people
from server.fhir import Json, json
from server.fhir.exchange import FhirRequest
from server.fhir.issue import FhirError
from server.interaction.opening import access
from server.interaction.router import respond
from tests.story.agency import Agencies

KIERAN = "Patient/story-suspension"
B = "https://w3id.org/single-child-record"
LOOKED_AFTER = f"{B}/CodeSystem/episode-type|looked-after"

Asked = Callable[..., tuple[int, Json]]


@pytest.fixture
def officer(agencies: Agencies) -> Asked:
    """The information governance officer of the demonstration, as she signs in."""
    [person] = [each for each in people() if each.username == "information-governance"]
    user = User("officer", person.reference, person.name, person.roles, person.caseload)
    scope = parse("user/*.cruds")
    assert scope is not None
    caller = access(agencies.door, "demonstration-app", person.agency, (scope,), user=user)

    def asked(method: str, path: str, /, *parameters: Json, **query: str) -> tuple[int, Json]:
        body = {"resourceType": "Parameters", "parameter": list(parameters)} if parameters else None
        try:
            answer = respond(FhirRequest(method, path, tuple(query.items()), {}, body), agencies.door, caller)
        except FhirError as error:
            return error.status, {}
        assert answer.body is not None
        return answer.status, json.decode(answer.body)

    return asked


def part(answer: Json, name: str) -> list[Json]:
    return [each for each in answer["parameter"] if each["name"] == name]


def test_she_is_told_why_a_school_sees_that_there_is_an_episode_and_no_more(
    agencies: Agencies, officer: Asked
) -> None:
    [episode] = agencies["kingsmead-academy"].find("EpisodeOfCare", patient=KIERAN, type=LOOKED_AFTER)
    path = f"EpisodeOfCare/{episode['id']}"
    status, told = officer("GET", f"{path}/$why", agency="kingsmead-academy")
    assert status == 200
    assert part(told, "degree")[0]["valueCode"] == "existence"
    # It is no way to see it herself.
    assert officer("GET", path)[0] in (403, 404)
    assert "Kieran" not in str(told)


def test_she_sees_who_looked(agencies: Agencies, officer: Asked) -> None:
    assert agencies["kingsmead-academy"].ask(KIERAN)[0] == 200
    status, found = officer("GET", "AuditEvent", patient=KIERAN, subtype="read")
    assert status == 200
    assert found["entry"]
    status, found = officer("GET", f"{KIERAN}/$who-looked")
    assert status == 200


def test_she_holds_what_then_is_not_taken_out(agencies: Agencies, officer: Asked) -> None:
    reason = {"name": "reason", "valueString": "Claim 77 before the county court"}
    preview = {"name": "preview", "valueBoolean": True}
    status, held = officer("POST", f"{KIERAN}/$hold", reason)
    assert status == 200
    try:
        assert officer("POST", f"{KIERAN}/$expunge", reason)[0] == 409
        status, told = officer("POST", f"{KIERAN}/$expunge", reason, preview)
        assert status == 200
        assert part(told, "hold")
    finally:
        [id] = [each for each in part(held, "hold")[0]["part"] if each["name"] == "id"]
        lift = {"name": "hold", "valueString": id["valueId"]}
        assert officer("POST", f"{KIERAN}/$hold-lift", reason, lift)[0] == 200
