"""https://hl7.org/fhir/R4/binary.html, section by section."""

from base64 import b64encode

import pytest

from tests import make

BYTES = bytes(range(256))
PDF = "application/pdf"


class Raw:
    """A client that reads answers as bytes."""

    def __init__(self, caller):
        self._caller = caller

    def __call__(self, method, path, body=None, **headers):
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent["Authorization"] = f"Bearer {self._caller._token}"
        client = self._caller._app.test_client()
        answer = client.open(f"/fhir/{path}", method=method, data=body, headers=sent)
        assert answer.status_code < 500, answer.data
        return answer


@pytest.fixture(scope="module")
def raw(suite):
    return Raw(suite)


def binary(data=BYTES, type_=PDF, **more):
    return {
        "resourceType": "Binary",
        "contentType": type_,
        **({"data": b64encode(data).decode()} if data else {}),
        **more,
    }


@pytest.fixture
def id(suite):
    return suite.post(binary()).id


def test_what_is_posted_as_bytes_is_a_binary(suite, raw):
    made = raw("POST", "Binary", BYTES, Content_Type="application/pdf; version=1.7")
    assert made.status_code == 201
    id = made.headers["Location"].split("/")[-3]
    read = suite.get(f"Binary/{id}", Accept="application/fhir+json").json
    assert read["contentType"] == "application/pdf; version=1.7"
    assert read["data"] == b64encode(BYTES).decode()
    assert (read["id"], read["meta"]["versionId"]) == (id, "1")


def test_what_is_put_as_bytes_is_a_version(raw):
    path = f"Binary/{make.word()}"
    assert raw("PUT", path, b"one", Content_Type="text/plain").status_code == 201
    again = raw("PUT", path, b"two", Content_Type="text/plain", If_Match='W/"1"')
    assert (again.status_code, again.headers["ETag"]) == (200, 'W/"2"')
    assert raw("PUT", path, b"x", Content_Type="text/plain", If_Match='W/"1"').status_code == 412
    assert raw("GET", path).data == b"two"
    assert raw("GET", f"{path}/_history/1").data == b"one"
    assert raw("DELETE", path).status_code == 204
    assert raw("GET", path).status_code == 410


@pytest.mark.parametrize("type_", ["application/json", "application/xml", "text/xml; charset=utf-8"])
def test_json_and_xml_that_are_not_said_to_be_fhir_are_bytes(raw, type_):
    body = b"\xff not json at all"
    made = raw("POST", "Binary", body, Content_Type=type_)
    path = f"Binary/{made.headers['Location'].split('/')[-3]}"
    read = raw("GET", path, Accept=type_)
    assert (read.data, read.headers["Content-Type"]) == (body, type_)


def test_bytes_come_back_as_they_were_sent(raw, id):
    read = raw("GET", f"Binary/{id}")
    assert (read.status_code, read.data) == (200, BYTES)
    assert read.headers["Content-Type"] == PDF
    assert read.headers["Content-Disposition"] == "attachment"
    assert read.headers["ETag"] == 'W/"1"'
    assert read.headers["Content-Length"] == str(len(BYTES))
    head = raw("HEAD", f"Binary/{id}")
    assert (head.status_code, head.data, head.headers["Content-Type"]) == (200, b"", PDF)


@pytest.mark.parametrize(
    ("accept", "is_resource"),
    [
        (None, False),
        ("*/*", False),
        ("application/pdf", False),
        ("application/*", False),
        ("text/html, image/png, */*;q=0.8", False),
        ("image/png", False),
        ("application/fhir+json", True),
        ("application/fhir+xml", True),
        ("application/fhir+json;fhirVersion=4.0", True),
        ("application/fhir+json, */*;q=0.1", True),
        ("application/fhir+json;q=0, */*", False),
        ("application/json", True),
        ("application/json, application/pdf", False),
        ("application/xml", True),
    ],
)
def test_who_names_fhir_gets_the_resource_and_everybody_else_the_bytes(raw, id, accept, is_resource):
    read = raw("GET", f"Binary/{id}", **({"Accept": accept} if accept else {}))
    assert read.status_code == 200
    assert (read.data != BYTES) == is_resource
    assert ("fhir+" in read.headers["Content-Type"]) == is_resource


@pytest.mark.parametrize("format_", ["json", "xml", "application/fhir%2Bjson", "application/fhir+xml"])
def test_format_goes_before_accept(raw, id, format_):
    read = raw("GET", f"Binary/{id}?_format={format_}", Accept=PDF)
    assert "fhir+" in read.headers["Content-Type"]


def test_in_a_bundle_a_binary_is_a_resource(suite, raw):
    id = make.word()
    bundle = make.bundle("transaction", make.put(binary(id=id)), make.entry("GET", f"Binary/{id}"))
    answer = suite.post(bundle)
    assert answer.json["entry"][1]["resource"]["data"] == b64encode(BYTES).decode()
    batch = suite.post(make.bundle("batch", make.entry("GET", f"Binary/{id}")))
    assert batch.json["entry"][0]["resource"]["resourceType"] == "Binary"
    assert suite.search(f"Binary?_id={id}").matches[0]["data"] == b64encode(BYTES).decode()
    assert suite.get(f"Binary/{id}/_history").entries[0]["resource"]["contentType"] == PDF


def test_an_error_is_an_outcome_whatever_is_accepted(raw):
    read = raw("GET", "Binary/nobody", Accept="image/png")
    assert read.status_code == 404
    assert read.json["resourceType"] == "OperationOutcome"


def test_a_binary_of_nothing_is_empty(suite, raw):
    id = suite.post(binary(b"")).id
    read = raw("GET", f"Binary/{id}")
    assert (read.status_code, read.data, read.headers["Content-Type"]) == (200, b"", PDF)


@pytest.mark.parametrize("type_", ["", "nonsense", "text/plain\x7f"])
def test_bytes_of_no_type_are_refused(raw, type_):
    assert raw("POST", "Binary", b"x", **({"Content_Type": type_} if type_ else {})).status_code == 415


def test_a_binary_beyond_the_limit_is_refused_however_it_is_sent(new_database, serve):
    from tests.caller import Caller, token

    with new_database() as url:
        app = serve(url, CHILDRECORD_BINARY_LIMIT="1000")
        suite = Caller(app, token(app, "suite", "system/*.cruds"))
        ask = Raw(suite)
        assert ask("POST", "Binary", bytes(1000), Content_Type=PDF).status_code == 201
        assert ask("POST", "Binary", bytes(1001), Content_Type=PDF).status_code == 413
        id = suite.post(binary(bytes(1000))).id
        too_long = binary(bytes(1001), id=id)
        assert suite.put(too_long).status == 413
        assert suite.post(make.bundle("transaction", make.put(too_long))).status == 413
        assert suite.get(f"Binary/{id}", Accept="application/fhir+json").version == "1"
        app.extensions["database"].close()


# ---- security context --------------------------------------------------------------------------------------


def test_the_header_and_the_element_are_one(suite, raw, child):
    made = raw("POST", "Binary", b"x", Content_Type="text/plain", X_Security_Context=f"Patient/{child}")
    path = f"Binary/{made.headers['Location'].split('/')[-3]}"
    resource = suite.get(path, Accept="application/fhir+json").json
    assert resource["securityContext"] == {"reference": f"Patient/{child}"}
    assert raw("GET", path).headers["X-Security-Context"] == f"Patient/{child}"
    as_resource = suite.post(binary(), X_Security_Context=f"Patient/{child}")
    assert as_resource.json["securityContext"] == {"reference": f"Patient/{child}"}
    two = suite.post(
        binary(securityContext=make.reference("Patient/other")), X_Security_Context=f"Patient/{child}"
    )
    assert (two.status, two.code) == (400, "structure")


@pytest.mark.parametrize(
    "context",
    [
        {"identifier": {"system": make.TEST, "value": "x"}},
        {"reference": "https://elsewhere.example.org/fhir/Patient/1"},
        {"reference": "urn:uuid:00000000-0000-4000-8000-000000000000"},
        {"reference": "Binary/x"},
        {"reference": "Provenance/x"},
        {"display": "Somebody"},
    ],
)
def test_a_security_context_that_has_no_rights_is_refused(suite, context):
    refused = suite.post(binary(securityContext=context))
    assert refused.status == 422, refused
