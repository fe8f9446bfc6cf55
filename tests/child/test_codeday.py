from datetime import date
from typing import Any

import pytest

from server import clock
from server.child.codeday import code_day
from server.fhir.period import HOME

BASE = "https://w3id.org/single-child-record/StructureDefinition"

TODAY = "today"


def resource(type: str, **elements: Any) -> dict[str, Any]:
    return {"resourceType": type, **elements}


@pytest.mark.parametrize(
    ("profile", "about", "expected"),
    [
        ("SchoolAttendance", resource("Observation", effectiveDateTime="2023-05-04"), "2023-05-04"),
        ("SchoolAttendance", resource("Observation", effectiveDateTime="2023-05"), None),
        ("SchoolAttendance", resource("Observation"), None),
        ("SchoolExclusion", resource("Observation", effectivePeriod={"start": "2020-08-31"}), "2020-08-31"),
        (
            "Placement",
            resource("EpisodeOfCare", period={"start": "2024-03-01", "end": "2025-01-01"}),
            "2024-03-01",
        ),
        ("Placement", resource("EpisodeOfCare", period={"start": "2024-06-30T23:30:00Z"}), "2024-07-01"),
        (
            "ChildInNeed",
            resource("EpisodeOfCare", period={"start": "2020-03-01", "end": "2022-05-01"}),
            "2022-05-01",
        ),
        ("ChildInNeed", resource("EpisodeOfCare", period={"start": "2020-03-01"}), TODAY),
        ("Registration", resource("EpisodeOfCare", period={"start": "2016-09-01"}), TODAY),
        (
            "Registration",
            resource("EpisodeOfCare", period={"start": "2016-09-01", "end": "2019-07-20"}),
            None,
        ),
        ("Need", resource("Condition", recordedDate="2019-03-01"), "2019-03-01"),
        ("Child", resource("Patient", birthDate="2012-05-04"), None),
    ],
)
def test_a_resource_is_about_a_day(profile: str, about: dict[str, Any], expected: str | None) -> None:
    found = code_day(about, (f"{BASE}/{profile}",))
    today = clock.now().astimezone(HOME).date()
    assert found == (today if expected == TODAY else expected and date.fromisoformat(expected))


def test_the_first_profile_that_knows_a_day_tells_it() -> None:
    mark = resource("Observation", effectiveDateTime="2023-05-04")
    assert code_day(mark, (f"{BASE}/Child", f"{BASE}/SchoolAttendance")) == date(2023, 5, 4)
    assert code_day(mark, ()) is None
