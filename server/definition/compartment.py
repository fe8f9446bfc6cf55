"""The compartment of a child: which search parameters say that a resource is about a Patient.

https://hl7.org/fhir/R4/compartmentdefinition-patient.html
"""

from functools import cache

from server.definition.library import library
from server.definition.searchparameter import SearchParameter

PATIENT = "http://hl7.org/fhir/CompartmentDefinition/patient"

COMPARTMENTS = {
    "Device": "http://hl7.org/fhir/CompartmentDefinition/device",
    "Encounter": "http://hl7.org/fhir/CompartmentDefinition/encounter",
    "Patient": PATIENT,
    "Practitioner": "http://hl7.org/fhir/CompartmentDefinition/practitioner",
    "RelatedPerson": "http://hl7.org/fhir/CompartmentDefinition/relatedPerson",
}
"""The definition of the compartment of each type that has one."""


def patient_parameters(type: str) -> tuple[str, ...]:
    """The codes by any of which a resource of the type stands in a Patient's compartment."""
    return compartment("Patient").get(type, ())


@cache
def child_parameter(type: str) -> SearchParameter | None:
    """The reference that says whose resource it is: `patient`, else `subject`, if that can be a Patient."""
    parameters = library().shipped(type)
    for code in ("patient", "subject"):
        parameter = parameters.get(code)
        if parameter and parameter.type == "reference" and "Patient" in parameter.target:
            return parameter
    return None


@cache
def compartment(kind: str) -> dict[str, tuple[str, ...]]:
    """By type, the codes by any of which a resource stands in the compartment of a resource of that kind."""
    definition = library().resource("CompartmentDefinition", COMPARTMENTS[kind])
    assert definition is not None
    return {each["code"]: tuple(each.get("param", ())) for each in definition["resource"]}
