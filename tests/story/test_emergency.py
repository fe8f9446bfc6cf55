"""A child whom nobody may know of, found at night: the glass is broken, and who leads knows it at once.

And what social care decides not to tell a school is not told.
"""

from server.fhir import Json
from tests.story.agency import Agencies

JONAH = "Patient/story-protected"
KIERAN = "Patient/story-suspension"
B = "https://w3id.org/single-child-record"
REASON = "Found alone at the station at night, and nobody who knows him can be reached."


def text(name: str, value: str, kind: str = "valueString") -> Json:
    return {"name": name, kind: value}


def test_the_police_break_the_glass_and_social_care_is_told(agencies: Agencies) -> None:
    police, social_care = agencies["wexshire-police"], agencies["wexshire-social-care"]
    assert police.ask(JONAH)[0] == 404
    why = (text("reason", REASON), text("purpose", "BTG", "valueCode"))
    status, answer = police.call(f"{JONAH}/$break-glass", *why)
    assert status == 200, answer
    assert police.ask(JONAH)[0] == 200
    code = f"{B}/CodeSystem/worklist-code|break-glass"
    told = social_care.find("Task", patient=JONAH, code=code)
    assert [task["reasonCode"]["text"] for task in told] == [REASON]
    assert told[0]["requester"]["reference"] == "Organization/wexshire-police"


def test_a_school_cannot_break_it(agencies: Agencies) -> None:
    why = (text("reason", REASON), text("purpose", "BTG", "valueCode"))
    status, _ = agencies["kingsmead-academy"].call(f"{JONAH}/$break-glass", *why)
    assert status == 403


def test_what_is_not_to_be_shared_with_the_school_is_not_there_for_it(agencies: Agencies) -> None:
    school, social_care = agencies["kingsmead-academy"], agencies["wexshire-social-care"]
    assert school.find("EpisodeOfCare", patient=KIERAN, type=f"{B}/CodeSystem/episode-type|looked-after")
    status, made = social_care.write(decision())
    assert status == 201, made
    try:
        episodes = school.find("EpisodeOfCare", patient=KIERAN)
        kinds = {each["type"][0]["coding"][0]["code"] for each in episodes}
        assert kinds == {"registration", "health-service"}
        assert school.ask(KIERAN)[0] == 200
        assert agencies["wexshire-health"].find("EpisodeOfCare", patient=KIERAN)
    finally:
        assert social_care.change({**made, "status": "inactive"})[0] == 200
    assert school.find("EpisodeOfCare", patient=KIERAN, type=f"{B}/CodeSystem/episode-type|looked-after")


def decision() -> Json:
    """Not to share with the school that he is looked after, nor any other episode of social care."""
    scope = {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
    recipient = {"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}
    return {
        "resourceType": "Consent",
        "extension": [
            {
                "url": f"{B}/StructureDefinition/decision-reason",
                "valueString": "He asked for it.",
            }
        ],
        "status": "active",
        "scope": {"coding": [scope]},
        "category": [
            {"coding": [{"system": f"{B}/CodeSystem/sharing-category", "code": "decision-not-to-share"}]}
        ],
        "patient": {"reference": KIERAN},
        "dateTime": "2026-01-12",
        "organization": [{"reference": "Organization/wexshire-social-care"}],
        "policyRule": {"coding": [{"system": f"{B}/CodeSystem/lawful-basis", "code": "public-task"}]},
        "provision": {
            "type": "deny",
            "actor": [
                {
                    "role": {"coding": [recipient]},
                    "reference": {"reference": "Organization/kingsmead-academy"},
                }
            ],
            "code": [
                {"coding": [{"system": f"{B}/CodeSystem/episode-type", "code": code}]}
                for code in ("looked-after", "placement", "child-in-need", "child-protection-plan")
            ],
        },
    }
