import json
from xml.etree import ElementTree as ET

import pytest

from server.fhir.issue import NotAcceptable, UnsupportedMediaType
from server.http import negotiate
from tests import make

JSON, XML = "application/fhir+json;charset=utf-8", "application/fhir+xml;charset=utf-8"
NAMESPACE = "{http://hl7.org/fhir}"


@pytest.fixture
def ask(app, suite):
    """Asks with a token, and gives the bare response: what came back may be no JSON."""

    def request(method: str, path: str, body=None, **headers: str):
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent.setdefault("Authorization", f"Bearer {suite._token}")
        return app.test_client().open(f"/fhir/{path}", method=method, data=body, headers=sent)

    return request


@pytest.mark.parametrize(
    ("accept", "code"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("application/*", "json"),
        ("text/*;q=0.1", "json"),
        ("application/fhir+json", "json"),
        ("application/json+fhir", "json"),
        ("application/fhir+xml", "xml"),
        ("application/xml+fhir", "xml"),
        ("APPLICATION/FHIR+XML", "xml"),
        ("text/xml", "xml"),
        ("application/xml; charset=utf-8", "xml"),
        ("xml", "xml"),
        ("application/fhir+json;q=0.5, application/fhir+xml", "xml"),
        ("application/fhir+json;q=0.5, application/fhir+xml;q=0.4", "json"),
        ("application/fhir+xml, application/fhir+json", "xml"),
        ("application/fhir+json, application/fhir+xml", "json"),
        ("*/*, application/fhir+xml", "xml"),
        ("*/*;q=0.1, application/fhir+json;q=0", "xml"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "xml"),
        ("text/turtle, application/json;q=0.001", "json"),
        ("application/json;q=0.2, application/fhir+json, application/fhir+xml;q=0.9", "json"),
        ("application/fhir+xml; fhirVersion=3.0, application/fhir+json; fhirVersion=4.0", "json"),
        ("application/fhir+xml;q=high, application/fhir+json;q=0.1", "json"),
    ],
)
def test_accept_is_read_with_its_weights(accept, code):
    assert negotiate.wanted(None, accept).code == code


@pytest.mark.parametrize(
    "accept",
    [
        "text/turtle",
        "image/png",
        "application/fhir+json;q=0",
        "application/fhir+json;q=0, application/fhir+xml;q=0.0",
        "application/fhir+json; fhirVersion=3.0",
        "application/fhir+json; fhirVersion=5.0",
        ",",
        ";",
        "\u00e9",
    ],
)
def test_who_takes_none_of_our_formats_is_told_which_they_are(accept):
    with pytest.raises(NotAcceptable, match=r"fhir\+json or application/fhir\+xml"):
        negotiate.wanted("", accept)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("json", "json"),
        ("xml", "xml"),
        ("application/fhir+xml", "xml"),
        ("application/fhir xml", "xml"),
        ("application/fhir json; fhirVersion=4.0", "json"),
        ("text/xml", "xml"),
        ("text/json", "json"),
        ("application/xml", "xml"),
        ("XML", "xml"),
    ],
)
def test_format_goes_before_accept(asked, code):
    for accept in ("application/fhir+json", "application/fhir+xml", "image/png"):
        assert negotiate.wanted(asked, accept).code == code


@pytest.mark.parametrize("asked", ["ttl", "html", "yaml", "application/fhir", "xml; fhirVersion=3.0"])
def test_a_format_that_there_is_not_is_refused(asked):
    with pytest.raises(NotAcceptable):
        negotiate.wanted(asked, "application/fhir+json")


def test_who_asks_for_a_version_is_answered_in_it():
    told = negotiate.wanted(None, "application/fhir+json; fhirVersion=4.0").content_type
    assert told == f"{JSON};fhirVersion=4.0"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/fhir+json; fhirVersion=3.0",
        "application/fhir+xml;fhirVersion=5.0",
        "text/json; charset=latin-1",
    ],
)
def test_fhir_of_another_version_or_encoding_is_refused(content_type):
    with pytest.raises(UnsupportedMediaType):
        negotiate.sent(content_type)


def test_what_is_written_in_one_format_is_read_in_the_other(ask, suite):
    tag = make.word()
    body = f'<Patient xmlns="http://hl7.org/fhir"><meta><tag><code value="{tag}"/></tag></meta></Patient>'
    made = ask("POST", "Patient", body, Content_Type="application/fhir+xml", Accept="application/fhir+json")
    assert (made.status_code, made.content_type) == (201, JSON)
    assert made.json["meta"]["tag"] == [{"code": tag}]
    read = ask("GET", f"Patient/{made.json['id']}?_format=application/fhir+xml")
    assert (read.status_code, read.content_type) == (200, XML)
    root = ET.fromstring(read.data)
    assert root.find(f"{NAMESPACE}id").get("value") == made.json["id"]
    assert root.find(f"{NAMESPACE}meta/{NAMESPACE}tag/{NAMESPACE}code").get("value") == tag


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "Patient/nobody", None, 404),
        ("GET", "Nonsense", None, 404),
        ("GET", "Patient?birthdate=2011-02-30", None, 400),
        ("POST", "Patient", "<Patient", 400),
        ("POST", "Patient/1", None, 405),
        ("GET", "Patient?" + "x" * 20_000, None, 414),
        ("POST", "Patient", "x" * 200_001, 413),
    ],
)
def test_a_refusal_is_in_the_format_that_is_asked_for(ask, method, path, body, status):
    refused = ask(method, path, body, Accept="application/fhir+xml", Content_Type="application/fhir+xml")
    assert (refused.status_code, refused.content_type) == (status, XML)
    assert ET.fromstring(refused.data).tag == f"{NAMESPACE}OperationOutcome"


def test_who_has_no_token_is_told_so_in_the_format_that_is_asked_for(app):
    refused = app.test_client().get("/fhir/Patient?_format=xml")
    assert (refused.status_code, refused.content_type) == (401, XML)


@pytest.mark.parametrize(
    ("asked", "accept", "content_type"),
    [("ttl", "application/fhir+xml", XML), ("ttl", "image/png", JSON), ("", "image/png", JSON)],
)
def test_that_no_format_fits_is_said_in_the_one_that_fits_best(ask, asked, accept, content_type):
    refused = ask("GET", f"Patient?_format={asked}", Accept=accept)
    assert (refused.status_code, refused.content_type) == (406, content_type)


def test_an_accident_is_told_in_the_format_that_is_asked_for_and_by_its_number_alone(app, ask, monkeypatch):
    def fail(*_: object) -> None:
        raise RuntimeError("Persephone")

    monkeypatch.setattr("server.http.fhir.respond", fail)
    answer = ask("GET", "Patient/1?_format=xml")
    assert (answer.status_code, answer.content_type) == (500, XML)
    assert answer.headers["X-Request-Id"] in answer.text
    assert "Persephone" not in answer.text


def test_pretty_is_the_same_resource_in_more_lines(ask, suite):
    value = {"value": 1.50, "unit": "\u00b0C"}
    id = suite.post({**make.observation(suite.post(make.patient()).id), "valueQuantity": value}).id
    plain = ask("GET", f"Observation/{id}").data
    for wanted in ("_pretty=true", "_pretty=true&_format=json"):
        pretty = ask("GET", f"Observation/{id}?{wanted}").data
        assert pretty.count(b"\n") > 10
        assert json.loads(pretty, parse_float=str) == json.loads(plain, parse_float=str)
    assert ask("GET", f"Observation/{id}?_pretty=false").data == plain
    assert ask("GET", f"Observation/{id}?_pretty=true&_format=xml").data.count(b"\n") > 10


def test_a_search_by_post_says_its_format_in_the_form_too(ask):
    form = "application/x-www-form-urlencoded"
    found = ask("POST", "Patient/_search", "_id=nobody&_format=xml", Content_Type=form)
    assert (found.status_code, found.content_type) == (200, XML)


def test_nothing_is_stored_whose_answer_could_not_be_read(ask, suite):
    tag = make.word()
    body = json.dumps(make.patient(meta=make.tagged(tag)))
    refused = ask("POST", "Patient", body, Accept="text/turtle", Content_Type="application/fhir+json")
    assert refused.status_code == 406
    assert suite.search(f"Patient?_tag={tag}").ids == []


def test_what_a_cache_would_have_to_know_is_told(ask):
    assert ask("GET", "Patient?_id=x").headers["Vary"] == "Accept, Accept-Encoding"
