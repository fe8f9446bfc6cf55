import pytest

from server.definition.library import library
from server.definition.restriction import Binding
from server.definition.structure import ElementType, structure


def test_a_snapshot_is_a_tree_of_elements() -> None:
    patient = structure("Patient")
    assert patient is not None
    assert (patient.type, patient.kind) == ("Patient", "resource")
    assert [child.name for child in patient.root.children][:4] == ["id", "meta", "implicitRules", "language"]
    name = patient.elements["Patient.contact.name"]
    assert name in patient.elements["Patient.contact"].children
    assert (name.min, name.max, name.repeats, name.types) == (0, 1, False, (ElementType("HumanName"),))


def test_a_choice_has_a_property_for_each_type() -> None:
    observation = structure("Observation")
    assert observation is not None
    value = observation.elements["Observation.value[x]"]
    assert value.choice
    assert value.name == "value"
    assert "valueCodeableConcept" in dict(value.properties())
    assert dict(value.properties())["valueDateTime"].code == "dateTime"


def test_an_element_may_have_the_content_of_another() -> None:
    questionnaire = structure("Questionnaire")
    assert questionnaire is not None
    assert questionnaire.elements["Questionnaire.item.item"].content == "Questionnaire.item"


@pytest.mark.parametrize(
    ("type", "path", "expected"),
    [
        ("Patient", "Patient.id", ElementType("id")),
        ("Patient", "Patient.contact.id", ElementType("string", attribute=True)),
        ("Extension", "Extension.url", ElementType("uri", attribute=True)),
        ("HumanName", "HumanName.id", ElementType("string", attribute=True)),
    ],
)
def test_types_of_fhirpath_are_read_as_those_of_fhir(type: str, path: str, expected: ElementType) -> None:
    known = structure(type)
    assert known is not None
    assert known.elements[path].types == (expected,)


def test_a_binding_has_its_strength_and_its_limits() -> None:
    patient = structure("Patient")
    assert patient is not None
    sets = "http://hl7.org/fhir/ValueSet"
    assert patient.elements["Patient.gender"].binding == Binding(
        "required", f"{sets}/administrative-gender|4.0.1"
    )
    assert patient.elements["Patient.language"].binding == Binding(
        "preferred", f"{sets}/languages", f"{sets}/all-languages"
    )
    assert patient.elements["Patient.name"].binding is None


def test_a_reference_knows_its_targets() -> None:
    patient = structure("Patient")
    assert patient is not None
    (type,) = patient.elements["Patient.managingOrganization"].types
    assert type.targets == ("http://hl7.org/fhir/StructureDefinition/Organization",)


def test_every_type_has_a_structure_and_nothing_else_has() -> None:
    assert all(structure(type) for type in library().resource_types)
    assert structure("NoSuchType") is None
