"""Attendance slides while nobody acts: each agency knows a part, and the one that asks sees the whole."""

from collections import Counter

from server import clock
from server.fhir import Json
from tests.story.agency import Agencies

BASE = "https://w3id.org/single-child-record"
MAISIE = "Patient/story-attendance"
MARKS = f"{BASE}/CodeSystem/observation-category|attendance"


def code(mark: Json) -> str:
    return str(mark["valueCodeableConcept"]["coding"][0]["code"])


def test_the_register_shows_how_each_fortnight_is_worse_than_the_last(agencies: Agencies) -> None:
    marks = agencies["ashbourne-primary"].find("Observation", patient=MAISIE, category=MARKS, _sort="date")
    missed = [code(mark) in "ION" for mark in marks]
    fortnights = [sum(missed[at : at + 20]) for at in range(0, len(missed), 20)]
    assert fortnights == sorted(set(fortnights))
    assert fortnights[-1] > 10
    assert Counter(map(code, marks))["I"] > 0


def test_each_agency_knows_a_part(agencies: Agencies) -> None:
    health = agencies["wexshire-health"]
    assert health.find("Observation", patient=MAISIE, category=MARKS) == []
    [attendance] = health.find("Encounter", patient=MAISIE)
    assert attendance["class"]["code"] == "EMER"
    social_care = agencies["wexshire-social-care"]
    [closed] = social_care.find("EpisodeOfCare", patient=MAISIE)
    assert closed["status"] == "finished"
    assert social_care.find("Observation", patient=MAISIE, category=MARKS) == []
    assert agencies["ashbourne-primary"].find("Encounter", patient=MAISIE) == []


def test_the_attendance_service_traces_her_and_then_sees_what_it_may(agencies: Agencies) -> None:
    service = agencies["wexshire-education"]
    assert service.ask(MAISIE)[0] == 404
    _, known = agencies["ashbourne-primary"].ask(MAISIE)
    number = known["identifier"][0]
    [traced] = service.find(
        "Patient", identifier=f"{number['system']}|{number['value']}", birthdate=known["birthDate"]
    )
    assert f"Patient/{traced['id']}" == MAISIE
    assert "address" not in traced
    assert service.find("Observation", patient=MAISIE, category=MARKS) == []
    today = clock.now().date().isoformat()
    status, _ = service.write(
        {
            "resourceType": "Encounter",
            "status": "finished",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR"},
            "type": [{"coding": [{"system": f"{BASE}/CodeSystem/encounter-type", "code": "phone-call"}]}],
            "subject": {"reference": MAISIE},
            "period": {"start": today, "end": today},
            "serviceProvider": {"reference": "Organization/wexshire-education"},
        }
    )
    assert status == 201
    assert "address" in service.ask(MAISIE)[1]
    assert len(service.find("Observation", patient=MAISIE, category=MARKS)) == 80
    [referral] = [
        each
        for each in service.find("EpisodeOfCare", patient=MAISIE)
        if each["type"][0]["coding"][0]["code"] == "child-in-need"
    ]
    assert "extension" not in referral
