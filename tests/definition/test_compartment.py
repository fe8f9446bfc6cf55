"""Which parameters say whose resource it is."""

import pytest

from server.definition.compartment import child_parameter, patient_parameters


@pytest.mark.parametrize(
    ("type", "code"),
    [
        ("Observation", "patient"),
        ("Encounter", "patient"),
        ("EpisodeOfCare", "patient"),
        ("RelatedPerson", "patient"),
        ("Flag", "patient"),
        ("Task", "patient"),
        ("Immunization", "patient"),
        ("QuestionnaireResponse", "patient"),
        ("Patient", None),
        ("Organization", None),
        ("Practitioner", None),
        ("Group", None),
        ("Binary", None),
    ],
)
def test_the_child_of_a_resource(type, code):
    parameter = child_parameter(type)
    assert (parameter and parameter.code) == code


@pytest.mark.parametrize(
    ("type", "codes"),
    [
        ("Observation", ("subject", "performer")),
        ("Flag", ("patient",)),
        ("Patient", ("link",)),
        ("Organization", ()),
        ("Nonsense", ()),
    ],
)
def test_the_patient_compartment(type, codes):
    assert patient_parameters(type) == codes
