import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import Any

import pytest

from server.child.demonstration import attendance, calendar
from server.child.demonstration.accounts import people
from server.child.demonstration.agencies import AGENCIES
from server.child.demonstration.batches import batches
from server.child.demonstration.child import Child
from server.child.demonstration.population import population
from server.child.demonstration.submission import Batch
from server.definition.library import library
from server.fhir import Json, identifier, json
from server.fhir.reference import references
from server.validation.validate import validate

BASE = "https://w3id.org/single-child-record"
TODAY = date(2026, 11, 22)
OTHER_DAYS = [
    date(2026, 8, 14),
    date(2026, 9, 3),
    date(2027, 1, 1),
    date(2028, 2, 29),
    date(2027, 4, 5),
    date(2031, 6, 30),
]

EPISODES = {
    "registration",
    "child-in-need",
    "child-protection-plan",
    "looked-after",
    "placement",
    "early-help",
    "elective-home-education",
    "children-missing-education",
    "youth-justice",
    "adoption",
    "deprivation-of-liberty",
    "pre-proceedings",
    "health-service",
}


@cache
def everything(today: date = TODAY) -> list[Batch]:
    return list(batches(today))


def entries(today: date = TODAY) -> Iterator[tuple[str, Json]]:
    return ((agency, entry) for agency, bundle in everything(today) for entry in bundle["entry"])


def resources(type_: str, today: date = TODAY) -> list[Json]:
    return [entry["resource"] for _, entry in entries(today) if entry["resource"]["resourceType"] == type_]


def codes(element: Any) -> list[str]:
    concepts = element if isinstance(element, list) else [element]
    return [coding["code"] for concept in concepts for coding in concept["coding"]]


def objects(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(each)


def marks(today: date = TODAY) -> list[Json]:
    return [r for r in resources("Observation", today) if codes(r["category"]) == ["attendance"]]


def subject(resource: Json) -> str:
    found = resource.get("subject") or resource["patient"]
    return str(found["reference"])


def test_the_same_day_gives_the_same_authority() -> None:
    assert list(batches(TODAY)) == everything()


def test_there_are_three_hundred_children_and_as_many_rows_as_load_in_a_minute() -> None:
    assert len(resources("Patient")) == 300
    assert 15_000 < sum(1 for _ in entries()) < 25_000


@pytest.mark.parametrize("today", [TODAY, *OTHER_DAYS], ids=str)
def test_every_resource_is_valid(today: date) -> None:
    wrong = [issue for _, entry in entries(today) for issue in validate(entry["resource"])]
    assert wrong == []


@pytest.mark.parametrize("today", [TODAY, *OTHER_DAYS], ids=str)
def test_nothing_has_happened_after_today(today: date) -> None:
    for _, entry in entries(today):
        for each in objects(entry["resource"]):
            for name in (
                "start",
                "end",
                "effectiveDateTime",
                "occurrenceDateTime",
                "authoredOn",
                "recordedDate",
            ):
                assert str(each.get(name, ""))[:10] <= str(today), entry["resource"]


@pytest.mark.parametrize("today", [TODAY, *OTHER_DAYS], ids=str)
def test_no_period_ends_before_it_starts(today: date) -> None:
    for _, entry in entries(today):
        for each in objects(entry["resource"]):
            if "end" in each:
                assert each["start"] <= each["end"], entry["resource"]


def test_identifiers_pass_their_checks_and_belong_to_one_child() -> None:
    found = [each for child in resources("Patient") for each in child["identifier"]]
    assert [each for each in found if identifier.fault(each["system"], each["value"])] == []
    assert max(Counter((each["system"], each["value"]) for each in found).values()) == 1
    numbers = [each["value"] for each in found if each["system"] == identifier.NHS_NUMBER]
    assert len(numbers) > 290
    assert all(number.startswith("999") for number in numbers)


def test_codes_extensions_and_profiles_are_defined() -> None:
    unknown = set()
    for _, entry in entries():
        for each in objects(entry["resource"]):
            system, url = str(each.get("system", "")), str(each.get("url", ""))
            if system.startswith(f"{BASE}/CodeSystem/") and each["code"] not in defined(system):
                unknown.add((system, each["code"]))
            if url.startswith(f"{BASE}/StructureDefinition/") and not standing(url, entry["resource"]):
                unknown.add((url, entry["resource"]["resourceType"]))
            for profile in each.get("profile", ()):
                if library().definition(profile) is None:
                    unknown.add((profile, ""))
    assert unknown == set()


@cache
def defined(system: str) -> frozenset[str]:
    definition = library().resource("CodeSystem", system)
    assert definition is not None, system
    return frozenset(concept["code"] for concept in definition["concept"])


def standing(url: str, resource: Json) -> bool:
    """Whether an extension is defined, and may stand in a resource of this type."""
    return resource["resourceType"] in _contexts(url)


@cache
def _contexts(url: str) -> frozenset[str]:
    definition = library().definition(url)
    found = definition["context"] if definition else ()
    return frozenset(each["expression"].partition(".")[0] for each in found)


def test_every_kind_of_episode_and_observation_occurs() -> None:
    assert {code for each in resources("EpisodeOfCare") for code in codes(each["type"])} == EPISODES
    assert {code for each in resources("Observation") for code in codes(each["category"])} >= {
        "attendance",
        "attendance-total",
        "exclusion",
        "missing",
        "sdq",
        "looked-after-health",
        "previous-permanence",
        "vital-signs",
    }


@pytest.mark.parametrize("today", [TODAY, *OTHER_DAYS], ids=str)
def test_each_reference_leads_to_something_written_before_or_beside(today: date) -> None:
    known: set[str] = set()
    for _, bundle in everything(today):
        beside = [entry["fullUrl"] for entry in bundle["entry"] if "fullUrl" in entry]
        assert len(beside) == len(set(beside))
        for entry in bundle["entry"]:
            known |= names(entry["resource"])
        for entry in bundle["entry"]:
            for _, text in references(entry["resource"]):
                assert text in known or text in beside, text


def names(resource: Json) -> set[str]:
    """By what a resource can be referred to from another transaction."""
    found = {f"{resource['resourceType']}/{resource['id']}"} if "id" in resource else set()
    if resource["resourceType"] == "Patient" and "birthDate" in resource:
        for each in resource["identifier"]:
            condition = f"identifier={each['system']}|{each['value']}&birthdate={resource['birthDate']}"
            found.add(f"Patient?{condition}")
    return found


def test_what_an_agency_writes_of_a_child_holds_what_brings_it_in() -> None:
    brought_in: defaultdict[str, set[str]] = defaultdict(set)
    for agency, bundle in everything():
        inside = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"] if "fullUrl" in entry}
        about = {who(each, inside) for each in inside.values()} - {""}
        for each in inside.values():
            brings = each.get("managingOrganization") or each.get("serviceProvider")
            if isinstance(brings, dict) and brings["reference"] == f"Organization/{agency}":
                brought_in[who(each, inside)].add(agency)
        assert all(agency in brought_in[child] for child in about), agency


def who(resource: Json, inside: dict[str, Json]) -> str:
    """The child that a resource is about, by the first of its identifiers."""
    if resource["resourceType"] not in ("Patient", *_WITHOUT_CHILD):
        reference = subject(resource)
        if "?" in reference:
            found = re.search(r"\|([^&]+)", reference)
            assert found is not None
            return found[1]
        resource = inside[reference]
    return str(resource["identifier"][0]["value"]) if resource["resourceType"] == "Patient" else ""


_WITHOUT_CHILD = ("Organization", "Location", "HealthcareService", "Practitioner", "PractitionerRole")


@pytest.mark.parametrize("today", [TODAY, *OTHER_DAYS], ids=str)
def test_a_school_has_one_mark_of_each_child_and_session_on_school_days(today: date) -> None:
    sessions = Counter(
        (subject(m), m["performer"][0]["reference"], m["effectiveDateTime"], codes(m["code"])[0])
        for m in marks(today)
    )
    assert max(sessions.values()) == 1
    days = {date.fromisoformat(day) for _, _, day, _ in sessions}
    assert days <= set(attendance.last_days(today))
    assert all(calendar.is_school_day(day) for day in days)


def test_the_register_reads_like_a_real_one() -> None:
    found = Counter(codes(m["valueCodeableConcept"])[0] for m in marks())
    present = sum(found[code] for code in "/\\LVBWPK")
    assert 0.90 < present / (found.total() - found["D"]) < 0.97
    assert set("/\\LIMOUGECVWDN") < set(found)


def test_some_pupils_miss_a_tenth_of_the_sessions_and_a_few_miss_half() -> None:
    shares = [missed(attendance.marks(child, TODAY)) for child in pupils()]
    persistent = sum(share >= 0.1 for share in shares) / len(shares)
    assert 0.08 < persistent < 0.35
    assert sum(share >= 0.5 for share in shares) >= 2


def missed(taken: attendance.Marks) -> float:
    """The share of possible sessions that were missed."""
    possible = [code for code in taken.values() if code not in "DXZ#Y"]
    return sum(code in "IMCRGOUNETS" for code in possible) / max(len(possible), 1)


def pupils() -> list[Child]:
    return [c for c in population(TODAY) if c.on_roll and c.setting and c.setting.kind == "school"]


def test_brothers_and_sisters_point_at_each_other_s_record() -> None:
    pairs = {
        (subject(each), extension["valueReference"]["reference"])
        for each in resources("RelatedPerson")
        for extension in each["extension"]
        if extension["url"].endswith("/sibling")
    }
    assert len(pairs) > 200
    assert {(other, one) for one, other in pairs} == pairs


def test_children_of_the_neighbour_are_known_to_its_own_services() -> None:
    authors: defaultdict[str, set[str]] = defaultdict(set)
    for agency, bundle in everything():
        for entry in bundle["entry"]:
            for each in entry["resource"].get("identifier", ()):
                if each["system"].startswith(identifier.LA_CHILD_ID):
                    authors[each["system"][-3:]].add(agency)
    assert set(authors) == {"330", "873"}
    northmere = {child.nhs_number for child in population(TODAY) if child.authority == "873"}
    written = {found[1] for found in found_by("wexshire-social-care")}
    assert written
    assert not northmere & written


def found_by(agency: str) -> Iterator[re.Match[str]]:
    for writer, entry in entries():
        if writer == agency:
            for _, text in references(entry["resource"]):
                if found := re.search(r"nhs-number\|(\d+)", text):
                    yield found


@pytest.mark.parametrize(
    ("id", "agencies"),
    [
        ("story-suspension", {"kingsmead-academy", "wexshire-health", "wexshire-social-care"}),
        ("story-attendance", {"ashbourne-primary", "wexshire-health", "wexshire-social-care"}),
        ("story-restricted", {"st-aldhelms-primary", "wexshire-health", "wexshire-social-care"}),
        ("story-protected", {"wexshire-social-care"}),
    ],
)
def test_a_child_of_a_story_has_an_id_that_can_be_typed(id: str, agencies: set[str]) -> None:
    [patient] = [each for each in resources("Patient") if each.get("id") == id]
    value = patient["identifier"][0]["value"]
    writers = {a for a, bundle in everything() if any(value in str(entry) for entry in bundle["entry"])}
    assert writers == agencies


def test_every_agency_that_writes_is_one_of_the_directory() -> None:
    assert {agency for agency, _ in everything()} <= {agency.code for agency in AGENCIES}
    assert {each["id"] for each in resources("Organization")} == {agency.code for agency in AGENCIES}


@pytest.mark.parametrize(
    "reference", [each.reference for each in people() if each.caseload == "own"], ids=str
)
def test_who_may_sign_in_and_sees_own_children_has_some(reference: str) -> None:
    naming = (each for type_ in ("EpisodeOfCare", "CareTeam", "Encounter") for each in resources(type_))
    assert any(f'"{reference}"' in json.encode(each).decode() for each in naming)


@pytest.mark.parametrize("today", [TODAY, *OTHER_DAYS])
def test_the_social_worker_who_may_sign_in_is_kieran_s(today: date) -> None:
    [person] = [each for each in people() if each.username == "social-worker"]
    [kieran] = [each for each in resources("Patient", today) if each.get("id") == "story-suspension"]
    number = kieran["identifier"][0]["value"]
    teams = [each for each in resources("CareTeam", today) if f"|{number}&" in subject(each)]
    assert [person.reference] == [
        member["member"]["reference"]
        for team in teams
        for member in team["participant"]
        if codes(member["role"]) == ["lead-professional"]
    ]
