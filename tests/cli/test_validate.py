import json
from pathlib import Path

import pytest

from server.definition import added

_GOOD = '{"resourceType": "Basic", "code": {"text": "a"}, "created": "2024"}'
_BAD = '{\n "resourceType": "Basic", "code": {"text": "a"},\n "created": "May"\n}'
_MARK = {
    "resourceType": "Observation",
    "status": "final",
    "category": [
        {
            "coding": [
                {
                    "system": "https://w3id.org/single-child-record/CodeSystem/observation-category",
                    "code": "attendance",
                }
            ]
        }
    ],
    "code": {"text": "a"},
}
_PROFILE = {
    "resourceType": "StructureDefinition",
    "url": "https://example.org/StructureDefinition/named",
    "name": "Named",
    "status": "draft",
    "kind": "resource",
    "abstract": False,
    "type": "Basic",
    "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Basic",
    "derivation": "constraint",
    "differential": {"element": [{"id": "Basic.author", "path": "Basic.author", "min": 1}]},
}


@pytest.fixture(autouse=True)
def nothing_held():
    yield
    added.hold(added.NONE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.json").write_text(_GOOD)
    (tmp_path / "bad.json").write_text(_BAD)
    (tmp_path / "good.xml").write_text(
        '<Basic xmlns="http://hl7.org/fhir"><!-- a --><code><text value="a"/></code></Basic>'
    )
    (tmp_path / "more.ndjson").write_text(f"{_GOOD}\n\n{_GOOD.replace('2024', 'May')}\n")
    (tmp_path / "notes.txt").write_text("not a resource")
    return tmp_path


def test_a_valid_file_ends_well(childrecord, folder):
    result = childrecord("validate", str(folder / "good.json"))
    assert (result.exit_code, "The resource is valid." in result.output) == (0, True)


def test_every_resource_of_a_folder_is_told_of(childrecord, folder):
    result = childrecord("validate", str(folder))
    assert result.exit_code == 1
    assert "5 resources, 2 of them not valid." in result.output
    assert "more.ndjson:3" in result.output
    assert "3:2" in result.output


def test_as_json_each_resource_is_a_line(childrecord, folder):
    result = childrecord("validate", "--json", "--errors", str(folder))
    told = {Path(each["file"]).name: each for each in map(json.loads, result.output.splitlines())}
    assert {name for name, each in told.items() if each["valid"]} == {
        "good.json",
        "good.xml",
        "more.ndjson:1",
    }
    [issue] = told["bad.json"]["outcome"]["issue"]
    assert issue["expression"] == ["Basic.created"]
    assert [each["valueInteger"] for each in issue["extension"][-2:]] == [3, 2]
    assert [each["severity"] for each in told["good.json"]["outcome"]["issue"]] == ["information"]


def test_a_profile_is_asked_for_and_brought_along(childrecord, folder):
    definitions = folder / "definitions"
    definitions.mkdir()
    (definitions / "named.json").write_text(json.dumps(_PROFILE))
    good = str(folder / "good.json")
    brought = ("--definitions", str(definitions), "--profile", _PROFILE["url"])
    result = childrecord("validate", good, *brought)
    assert (result.exit_code, "Basic.author" in result.output) == (1, True)


def test_a_profile_that_is_not_known_is_a_mistake_of_the_caller(childrecord, folder):
    result = childrecord("validate", str(folder / "good.json"), "--profile", "https://example.org/none")
    assert (result.exit_code, "There is no profile" in result.output) == (2, True)


def test_the_profiles_of_the_domain_apply_by_rule(childrecord, tmp_path):
    (tmp_path / "mark.json").write_text(json.dumps(_MARK))
    result = childrecord("validate", "--json", str(tmp_path / "mark.json"))
    assert result.exit_code == 1
    assert "SchoolAttendance" in result.output


@pytest.mark.parametrize(
    ("strict", "patient"),
    [
        ("extensions", {"extension": [{"url": "http://a.test/x", "valueBoolean": True}]}),
        ("html", {"name": [{"text": "<b>Robin</b>"}]}),
        ("examples", {"photo": [{"contentType": "image/png", "url": "http://example.org/a.png"}]}),
    ],
)
def test_what_fhir_lets_pass_is_refused_when_asked(childrecord, tmp_path, strict, patient):
    file = tmp_path / "patient.json"
    file.write_text(json.dumps({"resourceType": "Patient", "contact": [{"name": {"text": "a"}}], **patient}))
    arguments = ("validate", "--profile", "http://hl7.org/fhir/StructureDefinition/Patient", str(file))
    lax, closed = childrecord(*arguments), childrecord(*arguments, "--strict", strict)
    assert (closed.exit_code, lax.output == closed.output) == (1, False)


def test_a_folder_without_resources_is_told(childrecord, tmp_path):
    assert childrecord("validate", str(tmp_path)).exit_code == 2


def test_a_file_that_is_no_json_is_told_with_its_place(childrecord, tmp_path):
    (tmp_path / "broken.json").write_text('{\n  "resourceType": Patient}')
    result = childrecord("validate", "--json", str(tmp_path))
    assert result.exit_code == 1
    assert '"valueInteger":2' in result.output
