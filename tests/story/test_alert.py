"""The worker's list, in the demonstration: told by what others write, and of nothing that is not theirs."""

from server.child.alert import engine
from server.child.alert.definition import ALERTS
from server.fhir import Json
from tests.story.agency import Agencies
from tests.story.test_suspension import KIERAN, suspension

OWNER = "Organization/wexshire-social-care"


def settle(agencies: Agencies) -> None:
    while engine.work(agencies.door):
        pass


def listed(agencies: Agencies, agency: str, **query: str) -> list[Json]:
    return agencies[agency].find("Task", owner=f"Organization/{agency}", **query)


def test_a_suspension_is_on_the_social_workers_list_and_on_no_other(agencies: Agencies) -> None:
    settle(agencies)
    code = f"{ALERTS}|exclusion-in-care"
    before = len(listed(agencies, "wexshire-social-care", code=code))
    status, written = agencies["kingsmead-academy"].write(suspension())
    assert status == 201
    settle(agencies)
    tasks = listed(agencies, "wexshire-social-care", code=code, status="requested")
    assert len(tasks) == before + 1
    [task] = [each for each in tasks if each["focus"]["reference"] == f"Observation/{written['id']}"]
    assert task["for"] == {"reference": KIERAN}
    for agency in ("wexshire-health", "kingsmead-academy", "wexshire-police"):
        assert listed(agencies, agency, code=code) == []
    status, answered = agencies["wexshire-social-care"].call(
        f"Task/{task['id']}/$answer",
        {"name": "status", "valueCode": "completed"},
        {"name": "note", "valueString": "Spoke to the school."},
    )
    assert (status, answered["status"]) == (200, "completed")


def test_flags_that_agencies_keep_are_not_doubled(agencies: Agencies) -> None:
    settle(agencies)
    flags = agencies["kingsmead-academy"].find("Flag", patient=KIERAN, status="active")
    codes = [each["code"]["coding"][0]["code"] for each in flags]
    assert codes.count("looked-after") == 1
    assert codes.count("has-social-worker") == 1


def test_who_is_very_restricted_is_on_nobody_elses_list(agencies: Agencies) -> None:
    jonah = "Patient/story-protected"
    for agency in ("wexshire-health", "wexshire-education", "st-aldhelms-primary"):
        assert agencies[agency].find("Flag", patient=jonah) == []
        assert agencies[agency].find("Task", patient=jonah) == []
