"""What entries of a transaction call one another, and what becomes of it.

https://hl7.org/fhir/R4/http.html#trules
"""

import pytest

from server.interaction.fullurl import Name, Names
from tests import make

URN = "urn:uuid:00000000-0000-4000-8000-0000000000aa"
OID = "urn:oid:1.2.3.4"
ADDRESS = "https://elsewhere.example/fhir/Patient/7"
CANONICAL = "https://example.org/Questionnaire/q"

NAMES = Names(
    {
        URN: Name("Patient/1", 1),
        OID: Name("Organization/2", 1),
        ADDRESS: Name("Patient/3", 1, given="5"),
        CANONICAL: Name("Questionnaire/4", 1, canonical=True),
        "https://elsewhere.example/fhir/Patient/8": Name("Patient/8", None, given="5"),
    },
    {"Patient?identifier=s|v": "Patient/9"},
)


def subject(text):
    return {"resourceType": "Observation", "subject": {"reference": text}}


def replaced(resource, full_url=None):
    return NAMES.replaced(resource, full_url)


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        (URN, "Patient/1"),
        (OID, "Organization/2"),
        (ADDRESS, "Patient/3"),
        (f"{URN}#part", "Patient/1#part"),
        (f"{ADDRESS}/_history/5", "Patient/3/_history/1"),
        (f"{ADDRESS}/_history/4", f"{ADDRESS}/_history/4"),
        ("https://elsewhere.example/fhir/Patient/8/_history/5", "Patient/8"),
        ("Patient?identifier=s|v", "Patient/9"),
        ("Patient?identifier=s|w", "Patient?identifier=s|w"),
        ("Patient/7", "Patient/7"),
        ("#part", "#part"),
        (URN.upper(), URN.upper()),
    ],
)
def test_a_reference_becomes_the_resource_that_the_entry_is(text, becomes):
    assert replaced(subject(text)) == subject(becomes)


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("Patient/7", "Patient/3"),
        ("Patient/7/_history/5", "Patient/3/_history/1"),
        ("Patient/6", "Patient/6"),
        ("#part", "#part"),
        (URN, "Patient/1"),
    ],
)
def test_a_relative_reference_goes_on_from_the_address_of_its_entry(text, becomes):
    assert replaced(subject(text), "https://elsewhere.example/fhir/Observation/1") == subject(becomes)


LINKS = {
    "Reference": ({"resourceType": "Task", "focus": {"reference": URN}}, "Patient/1"),
    "canonical": ({"resourceType": "QuestionnaireResponse", "questionnaire": URN}, "Patient/1"),
    "canonical with a version": (
        {"resourceType": "CarePlan", "instantiatesCanonical": [f"{URN}|2.0"]},
        "Patient/1|2.0",
    ),
    "uri": ({"resourceType": "CarePlan", "instantiatesUri": [OID]}, "Organization/2"),
    "Attachment.url": (
        {"resourceType": "DocumentReference", "content": [{"attachment": {"url": URN}}]},
        "Patient/1",
    ),
    "in an extension": (
        {"resourceType": "Patient", "_birthDate": {"extension": [{"url": "x", "valueUrl": URN}]}},
        "Patient/1",
    ),
    "in a contained resource": (
        {"resourceType": "Patient", "contained": [{"resourceType": "Task", "focus": {"reference": URN}}]},
        "Patient/1",
    ),
    "in an element that others are defined by": (
        {
            "resourceType": "Questionnaire",
            "item": [{"item": [{"linkId": "1", "initial": [{"valueReference": {"reference": URN}}]}]}],
        },
        "Patient/1",
    ),
    "of an unknown version": (
        {"resourceType": "Parameters", "parameter": [{"name": "x", "resource": subject(URN)}]},
        "Patient/1",
    ),
    "href": ({"resourceType": "Patient", "text": {"div": f'<div><a href="{URN}">x</a></div>'}}, "Patient/1"),
    "src": ({"resourceType": "Patient", "text": {"div": f"<div><img src = '{URN}'/></div>"}}, "Patient/1"),
}


@pytest.mark.parametrize("kind", LINKS)
def test_a_link_is_resolved_whatever_holds_it(kind):
    resource, becomes = LINKS[kind]
    told = str(replaced(resource))
    assert becomes in told
    assert "urn:" not in told


WORDS = [
    {"resourceType": "Patient", "identifier": [{"system": "urn:ietf:rfc:3986", "value": URN}]},
    {"resourceType": "Patient", "identifier": [{"system": OID, "value": "1"}]},
    {"resourceType": "Patient", "extension": [{"url": OID, "valueString": URN}]},
    {"resourceType": "Observation", "code": {"text": URN, "coding": [{"system": OID, "display": URN}]}},
    {"resourceType": "ValueSet", "url": OID},
    {"resourceType": "QuestionnaireResponse", "questionnaire": f"{CANONICAL}|1"},
    {"resourceType": "Patient", "text": {"div": f"<div>{URN} <b title='{URN}'>x</b></div>"}},
    {"resourceType": "Observation", "note": [{"text": URN}], "subject": {"display": URN}},
]


@pytest.mark.parametrize("resource", WORDS, ids=str)
def test_what_is_no_link_stays_as_it_is(resource):
    assert replaced(resource) == resource


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Nonsense", "x": URN},
        {"resourceType": 7},
        {"resourceType": "Observation", "subject": [URN], "nonsense": {"reference": URN}, "contained": "x"},
        {"resourceType": "Patient", "text": {"div": 7}, "extension": [None, 7]},
    ],
    ids=str,
)
def test_what_is_not_valid_is_left_for_the_validator(resource):
    assert replaced(resource) == resource


def test_every_link_is_resolved_in_what_is_stored(suite):
    child, file, form = make.urn(), make.urn(), OID
    document = {
        "resourceType": "DocumentReference",
        "status": "current",
        "subject": make.reference(child),
        "content": [{"attachment": {"url": file, "contentType": "text/plain"}}],
    }
    filled = {"resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": form}
    sent = make.bundle(
        "transaction",
        make.posted(document, make.urn()),
        make.posted(filled, make.urn()),
        make.posted({"resourceType": "Binary", "contentType": "text/plain", "data": "eA=="}, file),
        make.posted({"resourceType": "Questionnaire", "status": "draft"}, form),
        make.posted(make.patient(), child),
    )
    answer = suite.post(sent)
    paths = ["/".join(each["response"]["location"].split("/")[-4:-2]) for each in answer.entries]
    kept = suite.get(paths[0]).json
    assert kept["subject"] == make.reference(paths[4])
    assert kept["content"][0]["attachment"]["url"] == paths[2]
    assert suite.get(paths[1]).json["questionnaire"] == paths[3]


def test_a_copy_from_elsewhere_keeps_its_versions(suite):
    told = {
        "resourceType": "Provenance",
        "target": [make.reference("Patient/7/_history/5")],
        "recorded": "2025-01-01T00:00:00Z",
        "agent": [{"who": {"display": "x"}}],
    }
    sent = make.bundle(
        "transaction",
        make.posted(make.patient(meta={"versionId": "5"}), ADDRESS),
        make.posted(told, "https://elsewhere.example/fhir/Provenance/1"),
    )
    patient, provenance = (each["response"]["location"] for each in suite.post(sent).entries)
    target = suite.get("/".join(provenance.split("/")[-4:-2])).json["target"]
    assert target == [make.reference(patient.removeprefix(f"{suite.base}/"))]
