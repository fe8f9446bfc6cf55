"""Lists of codes that are short enough to be kept.

https://hl7.org/fhir/R4/terminologies.html
"""

from server.definition.library import library
from server.terminology.codes import codes


def test_a_code_without_system_is_in_the_set_if_any_system_has_it():
    gender = codes("http://hl7.org/fhir/ValueSet/administrative-gender")
    assert gender.systems == ("http://hl7.org/fhir/administrative-gender",)
    assert len(gender) == 4
    assert gender.contains(None, "female")
    assert gender.contains("http://hl7.org/fhir/administrative-gender", "female")
    assert not gender.contains("http://loinc.org", "female")
    assert not gender.contains(None, "Female")


def test_all_required_bindings_of_r4_can_be_listed_but_these():
    """Media types and units are open systems of others; one answer list is LOINC's."""
    required: set[str] = set()
    for type in (
        *library().resource_types,
        "Timing",
        "HumanName",
        "Address",
        "Identifier",
        "ElementDefinition",
    ):
        for element in library().definition(type)["snapshot"]["element"]:
            binding = element.get("binding", {})
            if binding.get("strength") == "required":
                required.add(binding["valueSet"].partition("|")[0])
    assert len(required) > 200
    assert {url.rpartition("/")[2] for url in required if codes(url) is None} == {
        "LL379-9",
        "mimetypes",
        "ucum-units",
    }
