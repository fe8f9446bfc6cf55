"""The build command: the same package gives the same, smaller archive."""

import io
import json
import tarfile
import zipfile
from decimal import Decimal

import pytest

from server.definition import folder
from server.definition.archive import INDEX, NAME, Archive
from server.definition.build import build, reduced

PATIENT = {
    "resourceType": "StructureDefinition",
    "id": "Patient",
    "text": {"status": "generated", "div": "<div/>"},
    "url": "http://hl7.org/fhir/StructureDefinition/Patient",
    "kind": "resource",
    "abstract": False,
    "type": "Patient",
    "derivation": "specialization",
    "mapping": [{"identity": "v2"}],
    "snapshot": {
        "element": [
            {
                "id": "Patient.active",
                "path": "Patient.active",
                "short": "In use",
                "definition": "Long.",
                "comment": "Longer.",
                "min": 0,
                "max": "1",
                "base": {"path": "Patient.active", "min": 0, "max": "1"},
                "type": [{"code": "boolean"}],
                "constraint": [
                    {"key": "a-1", "severity": "error", "human": "H", "expression": "true", "xpath": "x"}
                ],
                "isModifier": True,
                "isModifierReason": "It is.",
                "isSummary": False,
                "binding": {
                    "extension": [
                        {"url": "http://hl7.org/fhir/StructureDefinition/elementdefinition-bindingName"},
                        {
                            "url": "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet",
                            "valueCanonical": "urn:max",
                        },
                    ],
                    "strength": "required",
                    "description": "d",
                    "valueSet": "urn:vs",
                },
                "mapping": [{"identity": "v2", "map": "PID"}],
            },
            {
                "path": "Patient.id",
                "min": 0,
                "max": "1",
                "base": {"path": "Resource.id", "min": 0, "max": "1"},
                "isSummary": True,
            },
        ]
    },
    "differential": {"element": []},
}
NAME_PARAMETER = {
    "resourceType": "SearchParameter",
    "id": "Patient-name",
    "url": "http://hl7.org/fhir/SearchParameter/Patient-name",
    "code": "name",
    "base": ["Patient"],
    "xpath": "f:Patient/f:name",
    "expression": "Patient.name",
}
OTHERS = [
    NAME_PARAMETER,
    NAME_PARAMETER | {"id": "example", "url": "http://hl7.org/fhir/SearchParameter/example"},
    {
        "resourceType": "CodeSystem",
        "id": "c",
        "url": "urn:c",
        "concept": [
            {
                "code": "a",
                "display": "A",
                "definition": "gone",
                "property": [{"code": "weight", "valueDecimal": 1.50}],
                "concept": [{"code": "b", "designation": [{"value": "gone"}]}],
            }
        ],
    },
    {"resourceType": "NamingSystem", "id": "n"},
    {"resourceType": "CapabilityStatement", "id": "base"},
]


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "package"
    folder.mkdir()
    for resource in [PATIENT, *OTHERS]:
        path = folder / f"{resource['resourceType']}-{resource['id']}.json"
        path.write_text(json.dumps(resource).replace("1.5}", "1.50}"))
    (folder / "package.json").write_text('{"name": "hl7.fhir.r4.core"}')
    return folder


@pytest.fixture
def tarball(package, tmp_path):
    path = tmp_path / "package.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for file in sorted(package.iterdir(), reverse=True):
            tar.add(file, f"package/{file.name}")
        hidden = tarfile.TarInfo("package/other/ignored.json")
        tar.addfile(hidden, io.BytesIO(b""))
    return path


def test_the_tarball_and_the_folder_give_the_same_bytes(package, tarball, tmp_path):
    one, other = tmp_path / "one.zip", tmp_path / "other.zip"
    assert build(package, one) == build(tarball, other) == 5
    assert one.read_bytes() == other.read_bytes()
    assert not list(tmp_path.glob("*.part"))


def test_what_was_built_is_found_by_its_canonical(package, tmp_path):
    build(package, tmp_path / NAME)
    archive = Archive(tmp_path / NAME)
    assert archive.types == ("Patient",)
    assert archive.search == {"Patient": [NAME_PARAMETER["url"]]}
    assert (
        archive.resource("StructureDefinition", PATIENT["url"])["snapshot"]["element"][1]["isSummary"] is True
    )
    assert archive.resource("NamingSystem", "NamingSystem/n") == {"resourceType": "NamingSystem", "id": "n"}
    weight = archive.resource("CodeSystem", "urn:c")["concept"][0]["property"][0]["valueDecimal"]
    assert (weight, str(weight)) == (Decimal("1.50"), "1.50")
    assert archive.resource("CodeSystem", "urn:other") is None
    assert archive.resource("CapabilityStatement", "base") is None
    assert ("CodeSystem", "urn:c") in archive
    assert ("ValueSet", "urn:c") not in archive


def test_the_archive_is_a_zip_whose_index_tells_where_each_member_lies(package, tmp_path):
    build(package, tmp_path / NAME)
    with zipfile.ZipFile(tmp_path / NAME) as file:
        assert file.testzip() is None
        names = file.namelist()
        assert names == [INDEX, *sorted(names[1:])]
        for info in file.infolist()[1:]:
            resource = json.loads(file.read(info), parse_float=Decimal)
            url = resource.get("url", "NamingSystem/n")
            assert Archive(tmp_path / NAME).resource(resource["resourceType"], url) == resource


def test_an_element_keeps_what_is_decided_by(package):
    definition = reduced(PATIENT)
    assert definition.keys() == PATIENT.keys() - {"text", "mapping", "differential"}
    assert definition["snapshot"]["element"] == [
        {
            "id": "Patient.active",
            "path": "Patient.active",
            "short": "In use",
            "min": 0,
            "max": "1",
            "type": [{"code": "boolean"}],
            "constraint": [{"key": "a-1", "severity": "error", "human": "H", "expression": "true"}],
            "isModifier": True,
            "binding": {
                "extension": [
                    {
                        "url": "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet",
                        "valueCanonical": "urn:max",
                    }
                ],
                "strength": "required",
                "valueSet": "urn:vs",
            },
        },
        PATIENT["snapshot"]["element"][1],
    ]


def test_a_concept_keeps_its_code_display_properties_and_children():
    (concept,) = reduced(OTHERS[2])["concept"]
    assert concept.keys() == {"code", "display", "property", "concept"}
    assert concept["concept"] == [{"code": "b"}]


def test_a_definition_without_snapshot_keeps_its_differential():
    definition = {"resourceType": "StructureDefinition", "id": "x", "differential": {"element": []}}
    assert reduced(definition) == definition


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    path = tmp_path / NAME
    path.write_bytes(b"x" * 100)
    with pytest.raises(ValueError, match="is not an archive of definitions"):
        Archive(path)


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("StructureDefinition", 655),
        ("SearchParameter", 1400),
        ("OperationDefinition", 47),
        ("CompartmentDefinition", 6),
        ("CodeSystem", 1062),
        ("ValueSet", 1316),
        ("ConceptMap", 80),
        ("NamingSystem", 2),
    ],
)
def test_the_committed_archive_holds_all_of_r4(kind, count):
    archive = Archive(folder.profiles() / NAME)
    resources = [archive.resource(kind, url) for url in archive.urls(kind)]
    assert len(resources) == count
    assert {resource["resourceType"] for resource in resources} == {kind}
    assert all("text" not in resource for resource in resources)


def test_the_committed_archive_is_small_and_says_where_it_comes_from():
    assert (folder.profiles() / NAME).stat().st_size < 3_000_000
    origin = (folder.profiles() / "ORIGIN.md").read_text()
    assert NAME in origin
    assert "hl7.fhir.r4.core 4.0.1" in origin
    assert "CC0" in origin
