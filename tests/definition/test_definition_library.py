"""The library: HL7's definitions and the project's own, found by canonical or name."""

import json
import shutil
import time
import zlib
from pathlib import Path

import pytest

from server.definition import folder
from server.definition.archive import NAME
from server.definition.library import Library, library, load, shipped
from server.definition.loose import hold, library_with
from server.definition.own import FOLDERS, Unusable
from server.definition.searchparameter import number
from server.definition.snapshot import Unbuildable
from server.fhir.path import Property
from server.terminology.codes import codes as listed_codes

BASE = "https://w3id.org/single-child-record"
HL7 = "http://hl7.org/fhir"


CHILD = {
    "resourceType": "StructureDefinition",
    "id": "Child",
    "url": f"{BASE}/StructureDefinition/Child",
    "type": "Patient",
    "derivation": "constraint",
    "baseDefinition": f"{HL7}/StructureDefinition/Patient",
}


@pytest.fixture
def root(tmp_path):
    """A folder with HL7's archive and no definition of the project's."""
    (tmp_path / "profiles").mkdir()
    shutil.copy(folder.profiles() / NAME, tmp_path / "profiles")
    return tmp_path


def put(root: Path, resource: dict[str, object]) -> None:
    where = root / FOLDERS[str(resource["resourceType"])]
    where.mkdir(parents=True, exist_ok=True)
    (where / f"{resource['id']}.json").write_text(json.dumps(resource))


def parameter(code: str, **more: object) -> dict[str, object]:
    return {
        "resourceType": "SearchParameter",
        "id": f"Patient-{code}",
        "url": f"{BASE}/SearchParameter/Patient-{code}",
        "code": code,
        "type": "token",
        "base": ["Patient"],
        "expression": "Patient.gender",
    } | more


def test_the_library_is_loaded_in_far_less_than_a_second_and_once():
    began = time.perf_counter()
    Library(folder.root())
    assert time.perf_counter() - began < 0.5
    assert library() is library() is load()


def test_the_resource_types_are_r4s_and_their_numbers_fixed():
    types = library().resource_types
    assert len(types) == 146
    assert list(types) == sorted(types)
    assert not {"Resource", "DomainResource", "MetadataResource", "Extension"} & set(types)
    # These stand in the rows of every database.
    numbers = {"Account": 1, "Encounter": 44, "Observation": 96, "Patient": 103, "VisionPrescription": 146}
    assert {type: library().type_number(type) for type in numbers} == numbers
    assert [library().type_name(library().type_number(type)) for type in types] == list(types)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("Patient", f"{HL7}/StructureDefinition/Patient"),
        ("HumanName", f"{HL7}/StructureDefinition/HumanName"),
        ("code", f"{HL7}/StructureDefinition/code"),
        (f"{HL7}/StructureDefinition/Patient", f"{HL7}/StructureDefinition/Patient"),
        (f"{HL7}/StructureDefinition/Patient|4.0.1", f"{HL7}/StructureDefinition/Patient"),
        (f"{HL7}/StructureDefinition/bodyweight", f"{HL7}/StructureDefinition/bodyweight"),
    ],
)
def test_a_structure_is_found_by_name_or_canonical(name, url):
    assert library().definition(name)["url"] == url


@pytest.mark.parametrize("name", ["Nonsense", "", f"{HL7}/StructureDefinition/Nonsense", "urn:x"])
def test_an_unknown_structure_is_none(name):
    assert library().definition(name) is None


def test_any_definition_is_found_by_type_and_canonical():
    assert (
        library().resource("OperationDefinition", f"{HL7}/OperationDefinition/Patient-everything")["code"]
        == "everything"
    )
    assert (
        library().resource("ValueSet", f"{HL7}/ValueSet/administrative-gender|4.0.1")["id"]
        == "administrative-gender"
    )
    assert library().resource("ValueSet", f"{HL7}/CodeSystem/administrative-gender") is None
    assert library().resource("Nonsense", f"{HL7}/ValueSet/administrative-gender") is None


def test_the_projects_definitions_are_found_beside_hl7s(root):
    codes = {
        "resourceType": "CodeSystem",
        "id": "x",
        "url": f"{BASE}/CodeSystem/x",
        "content": "complete",
        "concept": [{"code": "1"}],
    }
    values = {
        "resourceType": "ValueSet",
        "id": "x",
        "url": f"{BASE}/ValueSet/x",
        "compose": {"include": [{"system": f"{BASE}/CodeSystem/x"}]},
    }
    for resource in (CHILD, codes, values):
        put(root, resource)
    known = load(root)
    known.check()
    assert known.resource("StructureDefinition", CHILD["url"]) == CHILD
    assert known.definition(CHILD["url"]).keys() - CHILD.keys() == {"snapshot"}
    assert list(known.ours()) == [CHILD, codes, values]
    hold(known)
    assert listed_codes(f"{BASE}/ValueSet/x|1.0").contains(f"{BASE}/CodeSystem/x", "1")
    assert ("ValueSet", f"{BASE}/ValueSet/x") in known


def test_the_projects_own_definitions_are_whole():
    library().check()


@pytest.mark.parametrize(
    ("part", "canonical"),
    [
        ({"baseDefinition": f"{HL7}/StructureDefinition/Pateint"}, f"{HL7}/StructureDefinition/Pateint"),
        ({"baseDefinition": "urn:unheard-of"}, "urn:unheard-of"),
        ({"baseDefinition": f"{BASE}/StructureDefinition/Gone|1.0"}, f"{BASE}/StructureDefinition/Gone|1.0"),
        ({"binding": {"valueSet": f"{BASE}/ValueSet/gone"}}, f"{BASE}/ValueSet/gone"),
        ({"binding": {"valueSet": f"{HL7}/ValueSet/gone|4.0.1"}}, f"{HL7}/ValueSet/gone|4.0.1"),
        ({"type": [{"profile": [f"{BASE}/StructureDefinition/gone"]}]}, f"{BASE}/StructureDefinition/gone"),
        (
            {"type": [{"targetProfile": [f"{HL7}/StructureDefinition/Gone"]}]},
            f"{HL7}/StructureDefinition/Gone",
        ),
        ({"patternCoding": {"system": f"{BASE}/CodeSystem/gone"}}, f"{BASE}/CodeSystem/gone"),
        ({"extension": [{"url": f"{BASE}/StructureDefinition/gone"}]}, f"{BASE}/StructureDefinition/gone"),
    ],
)
def test_a_canonical_that_leads_nowhere_stops_the_start_naming_both(root, part, canonical):
    put(
        root,
        {"resourceType": "StructureDefinition", "id": "Child", "url": f"{BASE}/StructureDefinition/Child"}
        | part,
    )
    with pytest.raises(Unusable) as refusal:
        load(root).check()
    assert str(refusal.value).endswith(f"Child.json' names '{canonical}', which does not exist.")


@pytest.mark.parametrize(
    "part",
    [
        {"description": "See http://hl7.org/fhir/ValueSet/gone for more."},
        {"patternCoding": {"system": "http://hl7.org/fhir/CodeSystem/never-published"}},
        {"binding": {"valueSet": "https://fhir.hl7.org.uk/ValueSet/someone-elses"}},
        {"identifier": [{"system": f"{BASE}/sid/upn"}]},
        {"baseDefinition": f"{HL7}/StructureDefinition/Patient|4.0.1"},
        {"url": f"{BASE}/StructureDefinition/Child"},
    ],
)
def test_names_that_are_not_ours_to_resolve_are_left_alone(root, part):
    put(root, CHILD | part)
    load(root).check()


def test_a_profile_of_which_no_snapshot_can_be_made_stops_the_start(root):
    put(root, CHILD | {"differential": {"element": [{"path": "Patient.colour"}]}})
    with pytest.raises(Unbuildable, match=r"'Patient\.colour' is no element"):
        load(root).check()


@pytest.mark.parametrize(
    ("folder", "text", "reason"),
    [
        ("terminology/valueset", "{", "is not a definition"),
        ("terminology/valueset", '{"resourceType": "ValueSet"}', "is not a definition"),
        ("terminology/valueset", '{"resourceType": "CodeSystem", "id": "x"}', "holds a CodeSystem"),
        ("profiles/structuredefinition", b'{"resourceType": "\xff"}', "is not a definition"),
    ],
)
def test_a_file_that_is_no_definition_stops_the_start(root, folder, text, reason):
    (root / folder).mkdir(parents=True)
    (root / folder / "x.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(Unusable, match=reason):
        load(root)


def test_two_files_that_define_the_same_stop_the_start(root):
    put(root, parameter("a"))
    put(root, parameter("b", url=f"{BASE}/SearchParameter/Patient-a"))
    with pytest.raises(
        Unusable, match=r"Patient-b\.json' and '.*Patient-a\.json' define the same SearchParameter"
    ):
        load(root)


def test_the_parameters_of_a_type_include_those_of_every_resource():
    codes = library().search_parameters("Observation").keys()
    assert {"_id", "_lastUpdated", "_tag", "_profile", "_security", "_source", "_text", "_content"} <= codes
    assert {"patient", "subject", "code", "date", "category", "value-concept", "code-value-concept"} <= codes
    assert "_text" not in library().search_parameters("Bundle")
    assert "composition" in library().search_parameters("Bundle")


def test_parameters_that_no_element_answers_are_left_out():
    """HL7 publishes some without an expression, and examples of SearchParameter that are no parameters."""
    codes = library().search_parameters("Patient").keys()
    assert not {"age", "birthOrderBoolean", "part-agree"} & codes
    conditions = library().search_parameters("Condition")
    assert conditions["subject"].url == f"{HL7}/SearchParameter/Condition-subject"


def test_a_parameter_says_what_it_is():
    patient = library().search_parameters("Encounter")["patient"]
    assert (patient.code, patient.type, patient.url) == (
        "patient",
        "reference",
        f"{HL7}/SearchParameter/clinical-patient",
    )
    assert "Encounter" in patient.base
    assert patient.target == ("Patient", "Group")
    assert patient.number == number("patient")
    encounter = {"resourceType": "Encounter", "subject": {"reference": "Patient/1"}}
    assert patient.extract(encounter) == [({"reference": "Patient/1"}, "Reference")]


def test_a_parameters_number_is_the_signed_crc32_of_its_code():
    numbers = {code: number(code) for code in ("patient", "code", "date", "_id")}
    assert {code: each & 0xFFFFFFFF for code, each in numbers.items()} == {
        code: zlib.crc32(code.encode()) for code in numbers
    }
    assert all(-(1 << 31) <= each < 1 << 31 for each in numbers.values())
    assert number("patient") == 450549739  # stands in the rows of every database


def test_no_two_parameters_of_a_type_share_a_number():
    for type in library().resource_types:
        parameters = library().search_parameters(type)
        assert len({each.number for each in parameters.values()}) == len(parameters)


def test_a_parameter_of_the_project_is_one_of_its_types(root):
    put(root, parameter("sex"))
    known = load(root)
    known.check()
    assert known.search_parameters("Patient")["sex"].extract(
        {"resourceType": "Patient", "gender": "male"}
    ) == [("male", "code")]
    assert "sex" not in known.search_parameters("Person")


@pytest.mark.parametrize(
    ("definitions", "reason"),
    [
        # A pair with the same crc32.
        ([parameter("plumless"), parameter("buckeroo")], "share the number 1306201125"),
        ([parameter("gender")], "share the code gender"),
        ([parameter("sex", expression="Patient.sex")], "'Patient' has no element 'sex'"),
        ([parameter("sex", expression="Patient.gender.foo()")], "cannot be: There is no function 'foo'"),
        (
            [parameter("sex", expression="Patient.link.other.resolve()")],
            "What a reference leads to is not known",
        ),
        ([parameter("sex", base=["Child"])], "has the base 'Child', which is no resource type"),
        ([parameter("sex", base=["Resource"], expression="Resource.sex")], "has no element 'sex'"),
    ],
)
def test_a_parameter_that_cannot_be_stops_the_start(root, definitions, reason):
    for definition in definitions:
        put(root, definition)
    with pytest.raises(Unusable, match=reason):
        load(root).check()


def test_a_parameter_may_take_the_place_of_one_that_it_is_derived_from(root):
    put(root, parameter("gender", derivedFrom=f"{HL7}/SearchParameter/individual-gender"))
    known = load(root)
    known.check()
    assert known.search_parameters("Patient")["gender"].url == f"{BASE}/SearchParameter/Patient-gender"
    assert known.search_parameters("Person")["gender"].url == f"{HL7}/SearchParameter/individual-gender"


@pytest.mark.parametrize(
    ("type", "name", "properties"),
    [
        ("Patient", "gender", [("gender", "code", False)]),
        ("Patient", "id", [("id", "id", False)]),
        ("HumanName", "id", [("id", "string", False)]),
        ("Patient", "name", [("name", "HumanName", True)]),
        ("Patient", "contact", [("contact", "Patient.contact", True)]),
        ("Patient.contact", "gender", [("gender", "code", False)]),
        (
            "Patient",
            "deceased",
            [("deceasedBoolean", "boolean", False), ("deceasedDateTime", "dateTime", False)],
        ),
        (
            "Observation.component",
            "referenceRange",
            [("referenceRange", "Observation.referenceRange", True)],
        ),
        ("Bundle.entry", "resource", [("resource", "Resource", False)]),
        ("Timing", "repeat", [("repeat", "Timing.repeat", False)]),
        ("Patient", "nonsense", []),
        ("Nonsense", "name", []),
    ],
)
def test_the_properties_that_carry_a_child(type, name, properties):
    assert library().children(type, name) == tuple(Property(*each) for each in properties)


def test_what_is_added_makes_another_library_that_shares_what_is_made_of_one_that_ships():
    url = "https://example.org/StructureDefinition/x"
    mine = library_with([CHILD | {"url": url, "id": "x"}])
    assert (mine.definition(url) or {})["type"] == "Patient"
    assert shipped().definition(url) is None
    assert mine.memo is not shipped().memo
    assert mine.memo_of("Patient") is shipped().memo
    assert mine.memo_of(url) is mine.memo
