import pytest

from server.fhir.reference import Reference, parse, references


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Patient/1", Reference("Patient", "1", None, "Patient/1", None)),
        ("Patient/1/_history/2", Reference("Patient", "1", "2", "Patient/1/_history/2", None)),
        (
            "http://a.example/fhir/Patient/1",
            Reference("Patient", "1", None, "http://a.example/fhir/Patient/1", None),
        ),
        ("Patient/1#x", Reference("Patient", "1", None, "Patient/1", "x")),
        ("#x", Reference(None, None, None, "", "x")),
        ("#", Reference(None, None, None, "", "")),
        ("urn:uuid:1", Reference(None, None, None, "urn:uuid:1", None)),
        ("Patient?identifier=a|b", Reference(None, None, None, "Patient?identifier=a|b", None)),
        ("Patient/a_b", Reference(None, None, None, "Patient/a_b", None)),
        ("patient/1", Reference(None, None, None, "patient/1", None)),
        ("/Patient/1", Reference(None, None, None, "/Patient/1", None)),
        ("ftp://a/Patient/1", Reference(None, None, None, "ftp://a/Patient/1", None)),
        ("", Reference(None, None, None, "", None)),
    ],
)
def test_the_text_of_a_reference_is_understood(text: str, expected: Reference) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "local", "base"),
    [
        ("Patient/1", True, ""),
        ("http://a.example/fhir/Patient/1", False, "http://a.example/fhir"),
        ("https://a.example/Patient/1/_history/3", False, "https://a.example"),
        ("urn:uuid:1", False, ""),
        ("#x", False, ""),
    ],
)
def test_a_reference_knows_its_server(text: str, local: bool, base: str) -> None:
    assert (parse(text).local, parse(text).base) == (local, base)


def test_every_reference_of_a_resource_is_found_in_order() -> None:
    resource = {
        "resourceType": "Observation",
        "contained": [{"resourceType": "Patient", "managingOrganization": {"reference": "Organization/1"}}],
        "subject": {"reference": "#p"},
        "performer": [{"reference": "Practitioner/1"}, {"display": "no reference"}, {"reference": 5}],
        "extension": [{"url": "u", "valueReference": {"reference": "Device/1", "display": "d"}}],
        "valueExpression": {"language": "text/cql", "reference": "http://a.example/Library/1"},
        "item": {"reference": {"reference": "Group/1"}},
    }
    found = list(references(resource))
    assert [text for _, text in found] == ["Organization/1", "#p", "Practitioner/1", "Device/1", "Group/1"]
    assert found[1][0] is resource["subject"]
