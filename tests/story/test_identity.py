"""Two agencies write of one child who has no number yet: people are asked, and make one record of two."""

import pytest

from server.fhir import Json
from server.job.comparer import Comparer
from tests.story.agency import Agencies

B = "https://w3id.org/single-child-record"
QUESTION = f"{B}/CodeSystem/worklist-code|same-child"


def child(**more: Json) -> Json:
    return {
        "resourceType": "Patient",
        "meta": {"profile": [f"{B}/StructureDefinition/Child"]},
        "birthDate": "2021-05-09",
        "gender": "female",
        **more,
    }


SCHOOL = child(
    name=[{"family": "Abdelrahman", "given": ["Mariam", "Noor"]}],
    address=[{"line": ["14 Weir Cottages"], "postalCode": "XW1 3AB"}],
)
HEALTH = child(
    name=[{"family": "Abdel-Rahman", "given": ["Maryam"]}],
    address=[{"line": ["Flat 2", "3 Quay Street"], "postalCode": "XW2 4CD"}, {"postalCode": "XW1 3AB"}],
)


@pytest.fixture(scope="module")
def written(agencies: Agencies) -> tuple[str, str]:
    """The ids that the two agencies were given."""
    ids = []
    for code, patient in (("ashbourne-primary", SCHOOL), ("wexshire-health", HEALTH)):
        status, stored = agencies[code].write(patient)
        assert status == 201, stored
        ids.append(stored["id"])
    comparer = Comparer(agencies.door)
    while comparer.work():
        pass
    return ids[0], ids[1]


def test_neither_agency_learns_of_the_others(agencies: Agencies, written: tuple[str, str]) -> None:
    one, other = written
    assert agencies["ashbourne-primary"].ask(f"Patient/{other}")[0] == 404
    assert agencies["wexshire-health"].ask(f"Patient/{one}")[0] == 404
    for code in ("ashbourne-primary", "wexshire-health"):
        status, _ = agencies[code].ask("Task", code=QUESTION)
        assert status in (200, 403)
        assert status == 403 or agencies[code].find("Task", code=QUESTION) == []


def test_who_reviews_sees_both_side_by_side_decides_and_makes_them_one(
    agencies: Agencies, written: tuple[str, str]
) -> None:
    one, other = written
    council = agencies["wexshire-council"]
    found = council.find("Task", code=QUESTION, patient=other, status="requested", _include="Task:focus")
    [task] = [each for each in found if each["resourceType"] == "Task"]
    assert {each["id"] for each in found if each["resourceType"] == "Patient"} == {one}
    assert task["owner"]["reference"] == "Organization/wexshire-council"
    told = {each["type"]["coding"][0]["code"] for each in task["input"] if "coding" in each["type"]}
    assert {"given-name", "family-name", "birth-date"} <= told
    status, done = council.call(
        f"Task/{task['id']}/$decide",
        {"name": "decision", "valueCode": "same"},
        {
            "name": "reason",
            "valueString": "The mother was asked: they moved in June.",
        },
    )
    assert (status, done["status"]) == (200, "completed")
    pair = [
        {"name": "source-patient", "valueReference": {"reference": f"Patient/{other}"}},
        {"name": "target-patient", "valueReference": {"reference": f"Patient/{one}"}},
    ]
    status, _ = council.call("Patient/$merge", *pair, {"name": "preview", "valueBoolean": True})
    assert status == 200
    assert agencies["wexshire-health"].ask(f"Patient/{one}")[0] == 404
    status, _ = council.call("Patient/$merge", *pair)
    assert status == 200
    # Both work with the one child now, and the number that each was given goes on leading to it.
    for code in ("ashbourne-primary", "wexshire-health"):
        assert agencies[code].ask(f"Patient/{one}")[0] == 200
        assert agencies[code].ask(f"Patient/{other}")[0] == 200


def test_what_the_council_sees_of_children_is_who_they_are(agencies: Agencies) -> None:
    council = agencies["wexshire-council"]
    kieran = "Patient/story-suspension"
    assert council.ask(kieran)[0] == 200
    for type_ in ("EpisodeOfCare", "Observation", "Flag", "Encounter"):
        assert council.ask(type_, patient=kieran)[0] == 403
    assert council.ask("Patient/story-protected")[0] == 404
