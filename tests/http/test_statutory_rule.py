"""The statutory rules meet what is written: by one resource, by all of a child's, and by the clock."""

from typing import Any

import pytest

from server.definition import folder
from server.fhir.json import decode
from tests import make

EXAMPLES = folder.profiles() / "example" / "rule"
INVALID = folder.profiles() / "example" / "invalid" / "rule"
PRE2024 = f"{make.B}/CodeSystem/attendance-code-pre2024"


@pytest.fixture
def academy(client_with):
    """A client of an agency whose agreement insists on the rules of every profile."""
    return client_with("academy")


@pytest.fixture
def known(suite) -> str:
    """The id of a child with whom the academy works."""
    id = make.word("child-")
    written = make.bundle(
        "transaction", make.put(make.child(id=id)), make.posted(make.episode(id, "academy"))
    )
    assert suite.post(written).status == 200
    return id


@pytest.fixture
def example(known):
    """The resources of an example, about that child and by the academy; each with an id of its own."""

    def read(path) -> list[Any]:
        content = decode(path.read_bytes())
        found = [each["resource"] for each in content["entry"]] if "entry" in content else [content]
        mine = make.word()
        for each in found:
            each["id"] = f"{mine}-{each['id']}"
            each["patient"] = make.reference(f"Patient/{known}")
            each["managingOrganization"] = make.reference("Organization/academy")
            each["extension"] = [one for one in each["extension"] if "part-of" not in one["url"]]
        return found

    return read


def rules(answer) -> list[str]:
    return [
        coding["code"]
        for issue in answer.json["issue"]
        for coding in issue.get("details", {}).get("coding", ())
    ]


@pytest.mark.parametrize(
    "rule", ["ssda903-148", "ssda903-361", "ssda903-362", "ssda903-355", "ssda903-550", "placement-1"]
)
def test_a_placement_that_breaks_a_rule_of_its_own_is_refused(academy, example, rule):
    [wrong] = example(INVALID / f"Placement-{rule}.json")
    refused = academy.put(wrong)
    assert refused.status == 422
    assert rules(refused) == [rule]
    [right] = example(EXAMPLES / f"Placement-{rule}.json")
    assert academy.put(right).status == 201


@pytest.mark.parametrize("rule", ["ssda903-142", "ssda903-433", "ssda903-501"])
def test_a_placement_that_does_not_fit_the_others_is_refused(academy, example, rule):
    second, first = example(INVALID / f"Placement-{rule}.json")
    assert academy.put(first).status == 201
    refused = academy.put(second)
    assert refused.status == 422
    assert rules(refused) == [rule]
    assert "Source: Children looked after return" in refused.text


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_placements_written_together_are_held_against_each_other(academy, example, order):
    wrong = example(INVALID / "Placement-ssda903-501.json")
    refused = academy.post(make.bundle("transaction", *(make.put(wrong[at]) for at in order)))
    assert refused.status == 422
    assert "ssda903-501" in rules(refused)
    right = example(EXAMPLES / "Placement-ssda903-501.json")
    assert academy.post(make.bundle("transaction", *(make.put(right[at]) for at in order))).status == 200


def test_a_move_is_one_transaction(academy, example):
    second, first = example(EXAMPLES / "Placement-ssda903-142.json")
    open_ = {**first, "status": "active", "period": {"start": first["period"]["start"]}}
    open_["extension"] = [one for one in first["extension"] if "episode-ceased" not in one["url"]]
    assert academy.put(open_).status == 201
    assert "ssda903-142" in rules(academy.put(second))
    assert academy.post(make.bundle("transaction", make.put(first), make.put(second))).status == 200


def test_what_was_entered_in_error_stands_in_nobody_s_way(academy, example):
    second, first = example(INVALID / "Placement-ssda903-142.json")
    assert academy.put({**first, "status": "entered-in-error"}).status == 201
    assert academy.put(second).status == 201


def test_a_warning_is_told_by_validate_and_refuses_nothing(academy, known):
    mark = make.mark(known, "academy", code="N")
    assert academy.post(mark).status == 201
    told = academy.ask("POST", "Observation/$validate", make.mark(known, "academy", code="N", session="pm"))
    assert told.status == 200
    [issue] = [each for each in told.json["issue"] if "register-n" in each["diagnostics"]]
    assert issue["severity"] == "warning"


def test_validate_looks_at_the_other_resources_of_the_child(academy, example):
    first, second = example(EXAMPLES / "Placement-ssda903-388.json")
    assert "ssda903-388" in rules(academy.ask("POST", "EpisodeOfCare/$validate", first))
    assert academy.put(second).status == 201
    assert "ssda903-388" not in rules(academy.ask("POST", "EpisodeOfCare/$validate", first))


@pytest.mark.parametrize(("day", "status"), [("2023-05-04", 201), ("2025-05-06", 422)])
def test_a_code_is_valid_on_the_day_that_it_is_about(academy, known, day, status):
    mark = make.mark(known, "academy", day, valueCodeableConcept=make.concept(PRE2024, "H"))
    answer = academy.post(mark)
    assert answer.status == status
    if status == 422:
        assert "2024-08-18" in answer.text
