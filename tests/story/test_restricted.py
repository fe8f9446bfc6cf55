"""A restricted child: where she lives is for the named only; and one whom nobody else may know to exist."""

import pytest

from server.fhir import Json
from tests.story.agency import Agencies

CLARA = "Patient/story-restricted"
JONAH = "Patient/story-protected"
SECRETS = ("Quarry Rise", "XW3 6LD", "07700 900003", "st-aldhelms")
TYPES = ("RelatedPerson", "EpisodeOfCare", "Encounter", "Observation", "CareTeam", "Flag", "CarePlan")


def labels(resource: Json) -> set[str]:
    return {label["code"] for label in resource["meta"].get("security", ())}


@pytest.mark.parametrize("agency", ["st-aldhelms-primary", "wexshire-social-care"])
def test_who_is_named_sees_where_she_lives(agencies: Agencies, agency: str) -> None:
    status, clara = agencies[agency].ask(CLARA)
    assert status == 200
    assert labels(clara) == {"R"}
    assert clara["address"][0]["postalCode"] == "XW3 6LD"


def test_who_is_involved_and_not_named_sees_the_child_without_the_place(agencies: Agencies) -> None:
    status, clara = agencies["wexshire-health"].ask(CLARA)
    assert status == 200
    assert labels(clara) == {"R", "REDACTED"}
    assert clara["name"][0]["family"] == "Marsh"
    assert "address" not in clara


@pytest.mark.parametrize("type_", TYPES)
def test_no_resource_tells_the_place_instead(agencies: Agencies, type_: str) -> None:
    found = agencies["wexshire-health"].find(type_, patient=CLARA)
    told = [secret for secret in SECRETS if secret in str(found)]
    assert told == []


@pytest.mark.parametrize(
    "agency", ["wexshire-health", "st-aldhelms-primary", "wexshire-education", "conformance"]
)
def test_a_very_restricted_child_is_absent_to_all_but_the_named(agencies: Agencies, agency: str) -> None:
    assert agencies[agency].ask(JONAH)[0] == 404
    for type_ in TYPES:
        assert agencies[agency].find(type_, patient=JONAH) == []


def test_the_one_who_is_named_has_the_whole_record(agencies: Agencies) -> None:
    status, jonah = agencies["wexshire-social-care"].ask(JONAH)
    assert status == 200
    assert labels(jonah) == {"V"}
    episodes = agencies["wexshire-social-care"].find("EpisodeOfCare", patient=JONAH)
    assert {each["type"][0]["coding"][0]["code"] for each in episodes} >= {"looked-after", "adoption"}


def test_tracing_finds_a_very_restricted_child_as_little_as_searching(agencies: Agencies) -> None:
    _, jonah = agencies["wexshire-social-care"].ask(JONAH)
    number = jonah["identifier"][0]
    query = {"identifier": f"{number['system']}|{number['value']}", "birthdate": jonah["birthDate"]}
    assert agencies["wexshire-health"].find("Patient", **query) == []
