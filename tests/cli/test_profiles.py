import json
from pathlib import Path

import pytest

from server.definition import added
from server.definition.library import library

SUSHI = Path(__file__).parent.parent / "data" / "sushi"
UNKNOWN = {
    "resourceType": "StructureDefinition", "id": "x", "url": "https://example.org/StructureDefinition/x",
    "name": "X", "status": "draft", "kind": "resource", "abstract": False, "type": "Basic",
    "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Basic", "derivation": "constraint",
}  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_held():
    yield
    added.hold(added.NONE)


def profile(*elements):
    return UNKNOWN | {"differential": {"element": [{"id": "Basic", "path": "Basic"}, *elements]}}


def said(path, **more):
    return {"id": path, "path": path, **more}


@pytest.fixture
def written(tmp_path):
    """Writes definitions into files; the folder that they are in."""

    def write(*definitions):
        for each in definitions:
            (tmp_path / f"{each['id']}.json").write_text(json.dumps(each))
        return str(tmp_path)

    return write


def test_the_definitions_that_ship_have_no_errors(childrecord):
    result = childrecord("profiles", "check", "--errors")
    assert result.exit_code == 0, result.output
    assert "none of them with errors" in result.output


def test_what_sushi_makes_is_checked_together(childrecord):
    result = childrecord("profiles", "check", str(SUSHI / "resource"))
    assert (result.exit_code, result.output) == (0, "8 definitions, none of them with errors.\n")


@pytest.mark.parametrize(
    ("element", "where", "told"),
    [
        (said("Basic.colour"), "StructureDefinition.differential", "'Basic.colour' is no element"),
        (said("Basic.code", min=0), "differential.element[1].min", "'Basic.code': at least 0 is less than"),
        (said("Basic.code", min=2), "differential.element[1].min", "cannot both be"),
        (
            said("Basic.author", binding={"strength": "required", "valueSet": "https://example.org/none"}),
            "differential.element[1].binding",
            "the value set 'https://example.org/none' is not known",
        ),
        (
            said("Basic.code", constraint=[
                {"key": "x-1", "severity": "error", "human": "X.", "expression": "coding.("},
            ]),
            "differential.element[1].constraint",
            "the invariant 'x-1' is no FHIRPath",
        ),
        (
            said("Basic.code", fixedString="x"),
            "differential.element[1].fixedString",
            "it is never of type 'String'",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_file_and_element(childrecord, written, element, where, told):
    result = childrecord("profiles", "check", written(profile(element)), COLUMNS="400")
    assert "x.json" in result.output
    assert where in result.output
    assert told in result.output
    assert result.exit_code == ("not known" not in told)


def test_what_is_no_good_resource_is_told_as_that(childrecord, written):
    result = childrecord("profiles", "check", written(profile() | {"status": "maybe"}), COLUMNS="400")
    assert result.exit_code == 1
    assert "StructureDefinition.status" in result.output


def test_a_folder_without_definitions_is_no_success(childrecord, tmp_path):
    assert childrecord("profiles", "check", str(tmp_path)).exit_code == 2


def test_a_file_that_cannot_be_read_is_named(childrecord, tmp_path):
    (tmp_path / "x.json").write_text("{")
    result = childrecord("profiles", "check", str(tmp_path))
    assert result.exit_code == 1
    assert "x.json" in result.output


def test_snapshots_are_built(childrecord, tmp_path):
    result = childrecord("profiles", "build", str(SUSHI / "resource"), "--into", str(tmp_path / "built"))
    assert (result.exit_code, result.output.startswith("6 definitions written")) == (0, True)
    built = json.loads((tmp_path / "built" / "StructureDefinition-pupil.json").read_text())
    theirs = json.loads((SUSHI / "snapshot" / "StructureDefinition-pupil.json").read_text())
    assert [each["id"] for each in built["snapshot"]["element"]] == [
        each["id"] for each in theirs["snapshot"]["element"]
    ]
    assert built["differential"] == theirs["differential"]


def test_nothing_is_built_where_one_cannot_be(childrecord, written, tmp_path):
    into = tmp_path / "built"
    result = childrecord("profiles", "build", written(profile(said("Basic.colour"))), "--into", str(into))
    assert result.exit_code == 1
    assert "'Basic.colour' is no element" in result.output
    assert not into.exists()


def test_ours_are_built_when_none_are_named(childrecord, tmp_path):
    result = childrecord("profiles", "build", "--into", str(tmp_path))
    assert result.exit_code == 0, result.output
    ours = [each for each in library().ours() if each["resourceType"] == "StructureDefinition"]
    assert len(list(tmp_path.glob("*.json"))) == len(ours)
