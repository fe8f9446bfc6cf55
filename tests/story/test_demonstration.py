"""The demonstration goes through the door: what each agency writes, its rights let it write."""

from pathlib import Path

import pytest

from server import clock
from server.access.agency import read as rights
from server.child.demonstration.agencies import AGENCIES, SERVICES, Agency
from server.child.demonstration.batches import batches
from server.child.demonstration.child import Child
from server.child.demonstration.population import population
from server.cli import seed
from server.fhir import json
from tests.story.agency import Agencies

FILES = rights(Path(__file__).parents[2] / "profiles" / "access")
NO_MARKS = ("health", "police", "youth-justice")
WITHOUT_MARKS = [code for code, file in FILES.items() if file["kind"] in NO_MARKS]
AT_WORK = [code for code in FILES if code not in ("conformance", "wexshire-council")]


def chosen() -> set[bytes]:
    """A child for each way in which children differ, by the start of their keys in the sources."""
    different = {_kind(child): child for child in population(clock.now().date()) if not child.story}
    return {f'"{child.key}/'.encode() for child in different.values()}


def _kind(child: Child) -> tuple[object, ...]:
    has = (child.unborn, bool(child.missing), bool(child.suspensions), child.sen == "E")
    return (child.circumstance, child.authority, child.attendance, *has)


def test_every_agency_may_write_what_is_its_own(agencies: Agencies) -> None:
    wanted, written = chosen(), set()
    for agency, bundle in batches(clock.now().date()):
        text = json.encode(bundle)
        if b"/sibling/" not in text and any(key in text for key in wanted):
            answer = seed.writes_as(agencies.door, agency)(bundle)
            assert len(answer["entry"]) == len(bundle["entry"])
            written.add(agency)
    assert written >= {agency.code for agency in SERVICES}


@pytest.mark.parametrize("agency", [a for a in AGENCIES if a.code in FILES], ids=lambda a: a.code)
def test_an_agency_of_the_demonstration_has_rights_under_its_own_name(agency: Agency) -> None:
    content = FILES[agency.code]
    assert content["organization"] == agency.reference
    assert content["authority"] == agency.authority
    assert content["demonstration"]


def test_only_the_neighbour_s_council_itself_takes_no_part() -> None:
    assert {agency.code for agency in AGENCIES} - set(FILES) == {"northmere-council"}


@pytest.mark.parametrize("code", AT_WORK)
def test_no_agency_has_a_right_to_every_child(code: str) -> None:
    of_children = (right for right in FILES[code]["rights"] if right["types"] != ["Basic"])
    assert {right["children"] for right in of_children} <= {"involved", "own"}


@pytest.mark.parametrize("code", WITHOUT_MARKS)
def test_marks_are_not_for_health_police_or_youth_justice(code: str) -> None:
    for right in FILES[code]["rights"]:
        assert "Observation" not in right["types"] or right["criteria"]
        assert not any(each.endswith("|attendance") for each in right["criteria"])


def test_a_plain_client_is_asked_nothing_but_fhir() -> None:
    suite = FILES["conformance"]
    assert [suite[rule] for rule in ("trace", "integrity", "likeness", "profiles")] == [False] * 4
    [everything] = suite["rights"]
    assert (everything["types"], everything["interactions"]) == (["*"], "cruds")
    assert (everything["children"], everything["change"]) == ("all", "any")
