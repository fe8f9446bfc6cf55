"""XML over HTTP: what was sent in one format is read in the other.

https://hl7.org/fhir/R4/http.html#mime-type
"""

import re
from pathlib import Path

import pytest

from server.definition.xml import from_xml, to_xml
from server.fhir import json
from tests import make
from tests.published import BROKEN, SECRET

FOLDER = Path(__file__).parent.parent / "data" / "fhir-test-cases"
EXAMPLES = sorted(FOLDER.glob("*.json"))
DOCUMENTS = sorted((FOLDER / "xml").glob("*.xml"))
FHIR_XML = "application/fhir+xml"
OWNED = ("id", "meta")


@pytest.fixture
def wire(app, client_with):
    """Asks without looking into the answer, which need not be JSON."""
    headers = {"Authorization": f"Bearer {client_with('suite')._token}"}

    def ask(method, path, body=None, type_=FHIR_XML, accept=FHIR_XML, **more):
        sent = {**headers, "Accept": accept, **({"Content-Type": type_} if body else {}), **more}
        return app.test_client().open(f"/fhir/{path}", method=method, data=body, headers=sent)

    return ask


def told(resource):
    """What the client said; the rest is the server's."""
    meta = {
        name: value
        for name, value in resource.get("meta", {}).items()
        if name not in ("versionId", "lastUpdated")
    }
    return {name: value for name, value in resource.items() if name not in OWNED} | {"meta": meta}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_goes_from_json_to_xml_and_back_through_the_record(wire, path):
    sent = json.decode(path.read_bytes())
    if sent["resourceType"] == "Bundle":
        pytest.skip("An example of a Bundle that is kept is not among them.")
    made = wire("POST", sent["resourceType"], path.read_bytes(), "application/fhir+json")
    if path.stem in BROKEN:
        assert made.status_code in (400, 422)
        assert BROKEN[path.stem] in made.text
        return
    assert made.status_code == 201, made.text
    assert made.headers["Content-Type"] == "application/fhir+xml;charset=utf-8"
    if path.stem in SECRET:
        assert SECRET[path.stem] in path.read_text()
        assert SECRET[path.stem] not in made.text
        return
    again = wire("POST", sent["resourceType"], made.data, accept="application/fhir+json")
    assert again.status_code == 201, again.text
    assert json.identical(told(json.decode(again.data)), told(sent))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_goes_from_xml_to_json_and_back_through_the_record(wire, path):
    text = re.sub(rb"<!--.*?-->", b"", path.read_bytes(), flags=re.DOTALL)
    sent = from_xml(text)
    made = wire("POST", sent["resourceType"], text, accept="application/fhir+json")
    if path.stem in BROKEN:
        assert made.status_code in (400, 422)
        assert BROKEN[path.stem] in made.text
        return
    assert made.status_code == 201, made.text
    again = wire("POST", sent["resourceType"], made.data, "application/fhir+json")
    assert json.identical(told(from_xml(again.data)), told(sent))


def test_every_way_to_read_answers_in_xml(wire, suite):
    tag = make.word()
    id = suite.post(make.patient(meta=make.tagged(tag))).id
    whole = suite.get(f"Patient/{id}").json
    assert from_xml(wire("GET", f"Patient/{id}").data) == whole
    assert from_xml(wire("GET", f"Patient/{id}/_history/1").data) == whole
    for path in (f"Patient?_tag={tag}", f"Patient/{id}/_history"):
        [entry] = from_xml(wire("GET", path).data)["entry"]
        assert entry["resource"] == whole
    part = from_xml(wire("GET", f"Patient/{id}?_elements=gender").data)
    assert part == suite.get(f"Patient/{id}?_elements=gender").json


def test_a_transaction_goes_in_and_out_as_xml(wire):
    entry = {"fullUrl": "urn:uuid:0b9e1a4c-3c2b-4f6e-9d53-2f3f1b7a8c11", **make.posted(make.patient())}
    answer = wire("POST", "", to_xml(make.bundle("transaction", entry)))
    assert answer.status_code == 200, answer.text
    assert from_xml(answer.data)["entry"][0]["response"]["status"].startswith("201")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"<Patient", 400, "line 1, column 1"),
        (b'<Patient xmlns="http://hl7.org/fhir"><nonsense/></Patient>', 400, "line 1, column 38"),
        (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><Patient/>', 400, "document type"),
        (b'<Patient xmlns="http://hl7.org/fhir"><!-- c --></Patient>', 400, "comment"),
        (
            b'<Observation xmlns="http://hl7.org/fhir"><status value="final"/></Observation>',
            400,
            "another type",
        ),
        (b'<Patient xmlns="http://hl7.org/fhir"><gender value="x"/></Patient>', 400, "gender"),
    ],
)
def test_what_is_wrong_with_an_xml_body_is_told_in_xml(wire, body, status, said):
    refused = wire("POST", "Patient", body)
    assert refused.status_code == status
    outcome = from_xml(refused.data)
    assert outcome["resourceType"] == "OperationOutcome"
    assert said in outcome["issue"][0]["diagnostics"]


def test_pretty_xml_is_the_same_resource(wire, suite):
    id = suite.post(make.patient()).id
    pretty = wire("GET", f"Patient/{id}?_pretty=true")
    assert pretty.text.count("\n") > 5
    assert from_xml(pretty.data) == suite.get(f"Patient/{id}").json
