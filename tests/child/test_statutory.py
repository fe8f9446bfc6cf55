"""The statutory rules: each has an example that keeps it, and one that breaks it and no other."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from server import clock
from server.child import statute, statutory
from server.child.codeday import code_day
from server.child.kind import profiles
from server.child.rulebook import Entry, entries, page
from server.child.standing import broken
from server.child.statute import BadStatute, statutes
from server.definition import folder
from server.definition.library import library
from server.fhir import Json
from server.fhir.issue import Issue
from server.fhir.json import decode
from server.record.hook import Others
from server.validation.context import Context
from server.validation.validate import validate

BASE = "https://w3id.org/single-child-record"
EXAMPLES = folder.profiles() / "example" / "rule"
INVALID = folder.profiles() / "example" / "invalid" / "rule"
RULES = entries()


def name(entry: Entry) -> str:
    return f"{entry.profile.rpartition('/')[2]}-{entry.key}"


def known(path: Path) -> list[Json]:
    """The resource in question, and after it what else is known of the child."""
    content = decode(path.read_bytes())
    if content["resourceType"] != "Bundle":
        return [content]
    return [entry["resource"] for entry in content["entry"]]


def around(resources: list[Json]) -> Others:
    found: dict[str, list[Json]] = {}
    for each in resources:
        for profile in profiles(each):
            found.setdefault(profile, []).append(each)
    return found


def judged(resources: list[Json], *, full: bool = True) -> list[Issue]:
    """What the record finds in the first."""
    resource, *others = resources
    given = profiles(resource)
    context = Context(at=code_day(resource, given), full=full)
    return [
        *validate(resource, given, context),
        *statutory.issues(resource, given, around(others), context),
    ]


def rules(issues: list[Issue], *severities: str) -> list[str]:
    keys = {entry.key for entry in RULES}
    return [each.rule for each in issues if each.rule in keys and each.severity in severities]


def mark(day: str, code: str, **more: Any) -> Json:
    resource: Json = decode((INVALID / "SchoolAttendance-attendance-2.json").read_bytes())
    coding = {"system": f"{BASE}/CodeSystem/attendance-code", "code": code}
    return resource | {"effectiveDateTime": day, "valueCodeableConcept": {"coding": [coding]}} | more


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Any:
    def on(day: str) -> None:
        monkeypatch.setattr(clock, "now", lambda: datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC))

    return on


@pytest.mark.parametrize("entry", RULES, ids=name)
def test_a_rule_has_an_example_that_keeps_it_and_breaks_no_other(entry: Entry) -> None:
    resources = known(EXAMPLES / f"{name(entry)}.json")
    assert entry.profile in profiles(resources[0])
    issues = judged(resources)
    assert entry.key not in rules(issues, "error", "warning")
    assert [each.diagnostics for each in issues if each.severity == "error"] == []


@pytest.mark.parametrize("entry", RULES, ids=name)
def test_a_rule_has_an_example_that_breaks_it_and_no_other_that_would_refuse_it(entry: Entry) -> None:
    resources = known(INVALID / f"{name(entry)}.json")
    assert entry.profile in profiles(resources[0])
    issues = judged(resources)
    assert entry.key in rules(issues, entry.severity)
    assert {each.rule for each in issues if each.severity == "error"} <= {entry.key}


def test_every_example_is_of_a_rule() -> None:
    expected = {f"{name(entry)}.json" for entry in RULES}
    assert {path.name for path in EXAMPLES.iterdir()} == expected
    assert {path.name for path in INVALID.iterdir()} == expected


def test_there_are_sixty_rules_at_least_of_one_resource_and_across() -> None:
    assert len({entry.key for entry in RULES if not entry.across}) >= 60
    assert len({entry.key for entry in RULES if entry.across}) >= 60


@pytest.mark.parametrize("entry", RULES, ids=name)
def test_a_rule_says_where_it_is_published(entry: Entry) -> None:
    assert statute.link(entry.source).startswith("https://")
    assert entry.source.rule


@pytest.mark.parametrize("entry", [each for each in RULES if each.across], ids=name)
def test_what_breaks_a_rule_is_told_with_the_rule_its_source_and_the_place(entry: Entry) -> None:
    [issue] = [each for each in judged(known(INVALID / f"{name(entry)}.json")) if each.rule == entry.key]
    assert entry.key in issue.diagnostics
    assert entry.human in issue.diagnostics
    assert statute.link(entry.source) in issue.diagnostics
    assert issue.expression
    assert issue.profile == entry.profile


def test_a_message_quotes_the_codes_and_the_dates_that_it_is_about() -> None:
    [issue] = [
        each for each in judged(known(INVALID / "Placement-ssda903-434.json")) if each.rule == "ssda903-434"
    ]
    assert "Here legal-status is 'C2', placement-type is 'U4'." in issue.diagnostics


@pytest.mark.parametrize("entry", [each for each in RULES if each.severity == "warning"], ids=name)
def test_a_write_is_not_held_up_by_warnings(entry: Entry) -> None:
    assert entry.key not in rules(judged(known(INVALID / f"{name(entry)}.json"), full=False), "warning")


def test_a_mark_asks_nothing_of_the_record_when_it_is_written() -> None:
    for path in sorted(INVALID.glob("SchoolAttendance-*")):
        resource = known(path)[0]
        assert statutory.around(resource, profiles(resource), full=False) == frozenset()


def test_only_the_resources_that_a_rule_wants_are_looked_up() -> None:
    [resource, _] = known(EXAMPLES / "SchoolAttendance-register-e.json")
    wanted = statutory.around(resource, profiles(resource), full=True)
    assert wanted == {f"{BASE}/StructureDefinition/SchoolExclusion"}


@pytest.mark.parametrize("place", ["itself", "the other"])
def test_what_was_entered_in_error_breaks_nothing(place: str) -> None:
    resources = known(INVALID / "Placement-ssda903-501.json")
    resources[0 if place == "itself" else 1]["status"] = "entered-in-error"
    given = profiles(resources[0])
    assert statutory.issues(resources[0], given, around(resources[1:]), Context(full=True)) == []


@pytest.mark.parametrize(
    ("today", "told"),
    [
        ("2025-09-08", False),
        ("2025-09-15", False),  # the fifth school day after it
        ("2025-09-16", True),
        ("2026-09-01", True),
    ],
)
def test_a_reason_for_absence_is_asked_for_after_five_school_days(on: Any, today: str, told: bool) -> None:
    on(today)
    assert ("register-n" in rules(judged([mark("2025-09-08", "N")]), "warning")) is told


def test_a_day_on_which_the_school_was_closed_is_no_school_day(on: Any) -> None:
    closed = [mark("2025-09-09", "#"), mark("2025-09-09", "#")]
    on("2025-09-16")
    assert rules(judged([mark("2025-09-08", "N"), *closed]), "warning") == []
    on("2025-09-17")
    assert rules(judged([mark("2025-09-08", "N"), *closed]), "warning") == ["register-n"]


@pytest.mark.parametrize(("today", "told"), [("2025-03-06", False), ("2025-03-07", True)])
def test_police_protection_that_goes_on_is_told_of_after_72_hours(on: Any, today: str, told: bool) -> None:
    on(today)
    resources = known(INVALID / "Placement-ssda903-361-open.json")
    assert ("ssda903-361-open" in rules(judged(resources), "warning")) is told


def test_the_earlier_of_two_placements_is_held_against_the_later_one_too() -> None:
    later, earlier = known(INVALID / "Placement-ssda903-501.json")
    assert "ssda903-501" in rules(judged([earlier, later]), "error")
    later, earlier = known(INVALID / "Placement-ssda903-142.json")
    assert "ssda903-142" in rules(judged([earlier, later]), "error")


def test_a_date_that_is_known_to_the_year_breaks_no_rule_about_days() -> None:
    resource = known(EXAMPLES / "Placement-ssda903-361.json")[0]
    resource["period"] = {"start": "2025", "end": "2025-03"}
    assert rules(judged([resource]), "error") == []


def test_all_that_is_known_of_a_child_is_held_against_the_rules() -> None:
    resources = known(INVALID / "Placement-ssda903-388.json") + known(INVALID / "ChildInNeed-cin-8831.json")
    found = {(resource["id"], issue.rule) for resource, issues in broken(resources) for issue in issues}
    assert {("placement", "ssda903-388"), ("cin", "cin-8831")} <= found


def test_what_is_shown_in_part_is_held_against_nothing() -> None:
    resources = known(INVALID / "Placement-ssda903-501.json")
    resources[0]["meta"] = {
        "security": [
            {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "REDACTED"}
        ]
    }
    assert [issue.rule for _, issues in broken(resources) for issue in issues if "501" in issue.rule] == []


GOOD: Json = {
    "key": "good",
    "profile": f"{BASE}/StructureDefinition/Child",
    "severity": "warning",
    "human": "A child has a name.",
    "expression": "name.exists()",
    "elements": ["name"],
    "source": {"publication": "cin", "rule": "0"},
}


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    def write(rule: Json) -> None:
        (tmp_path / "rule").mkdir(exist_ok=True)
        (tmp_path / "rule" / "good.json").write_text(json.dumps(rule), encoding="utf-8")
        monkeypatch.setattr(statute, "profiles", lambda: tmp_path)

    memo = library().memo
    kept = {key: memo.pop(key) for key in (statutes, statutory._of) if key in memo}
    yield write
    for key in (statutes, statutory._of):
        memo.pop(key, None)
    memo.update(kept)


def test_a_rule_is_a_file(written: Any) -> None:
    written(GOOD)
    assert [each.key for each in statutes()] == ["good"]
    nobody = {"resourceType": "Patient", "birthDate": "2012-05-04"}
    assert [each.rule for each in statutory.issues(nobody, profiles(nobody), {}, Context(full=True))] == [
        "good"
    ]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"key": "other"}, "has the key 'other'"),
        ({"profile": f"{BASE}/StructureDefinition/Nothing"}, "by which no resource is known"),
        ({"with": {"others": f"{BASE}/StructureDefinition/Nothing"}}, "by which no resource is known"),
        ({"source": {"publication": "hearsay", "rule": "1"}}, "'hearsay', which is not listed"),
        ({"severity": "fatal"}, "cannot be understood"),
        ({"whenever": "true"}, "cannot be understood"),
        ({"expression": "name.exists("}, "cannot be held"),
        ({"expression": "nothing.exists()"}, "cannot be held"),
    ],
)
def test_a_rule_that_cannot_be_understood_stops_the_start(written: Any, change: Json, told: str) -> None:
    written(GOOD | change)
    with pytest.raises(BadStatute, match=told):
        statutory.hook()


def test_the_page_of_rules_is_made_of_the_rules() -> None:
    path = folder.root() / "docs" / "statutory-rules.md"
    assert path.read_text(encoding="utf-8") == page(), "run `childrecord rules document`"
