"""A looked-after child is suspended: what the school writes, the social worker has at once."""

import pytest

from server import clock
from server.fhir import Json
from tests.story.agency import Agencies

BASE = "https://w3id.org/single-child-record"
KIERAN = "Patient/story-suspension"
EXCLUSIONS = f"{BASE}/CodeSystem/observation-category|exclusion"
LOOKED_AFTER = f"{BASE}/CodeSystem/episode-type|looked-after"


def concept(system: str, code: str) -> Json:
    return {"coding": [{"system": f"{BASE}/CodeSystem/{system}", "code": code}]}


def suspension() -> Json:
    today = clock.now().date().isoformat()
    return {
        "resourceType": "Observation",
        "meta": {"profile": [f"{BASE}/StructureDefinition/SchoolExclusion"]},
        "status": "final",
        "category": [concept("observation-category", "exclusion")],
        "code": concept("exclusion-category", "SUSP"),
        "subject": {"reference": KIERAN},
        "effectivePeriod": {"start": today, "end": today},
        "performer": [{"reference": "Organization/kingsmead-academy"}],
        "component": [
            {"code": concept("observation-code", "sessions"), "valueInteger": 2},
            {
                "code": concept("observation-code", "reason-1"),
                "valueCodeableConcept": concept("exclusion-reason", "DB"),
            },
        ],
    }


def test_the_school_knows_that_he_is_looked_after_and_whom_to_call(agencies: Agencies) -> None:
    school = agencies["kingsmead-academy"]
    [period] = school.find("EpisodeOfCare", patient=KIERAN, type=LOOKED_AFTER)
    assert period["status"] == "active"
    assert "extension" not in period
    assert [label["code"] for label in period["meta"]["security"]] == ["REDACTED"]
    kinds = {"has-social-worker", "looked-after"}
    every = school.find("Flag", patient=KIERAN)
    flags = [flag for flag in every if flag["code"]["coding"][0]["code"] in kinds]
    assert {flag["code"]["coding"][0]["code"] for flag in flags} == kinds
    assert all(flag["extension"][0]["valueContactDetail"]["telecom"] for flag in flags)


def test_the_social_worker_sees_the_suspension_at_once(agencies: Agencies) -> None:
    social_care = agencies["wexshire-social-care"]
    before = len(social_care.find("Observation", patient=KIERAN, category=EXCLUSIONS))
    status, written = agencies["kingsmead-academy"].write(suspension())
    assert status == 201
    found = social_care.find("Observation", patient=KIERAN, category=EXCLUSIONS)
    assert len(found) == before + 1
    assert written["id"] in {each["id"] for each in found}


def test_health_sees_neither_the_suspension_nor_a_mark(agencies: Agencies) -> None:
    status, written = agencies["kingsmead-academy"].write(suspension())
    assert status == 201
    health = agencies["wexshire-health"]
    assert health.find("Observation", patient=KIERAN, category=EXCLUSIONS) == []
    assert health.ask(f"Observation/{written['id']}")[0] == 404


@pytest.mark.parametrize("agency", ["ashbourne-primary", "northmere-social-care", "wexshire-police"])
def test_to_who_is_not_involved_he_does_not_exist(agencies: Agencies, agency: str) -> None:
    assert agencies[agency].ask(KIERAN)[0] == 404
    assert agencies[agency].find("Observation", patient=KIERAN) == []
    status, _ = agencies["ashbourne-primary"].write(suspension())
    assert status in (403, 404, 422)
