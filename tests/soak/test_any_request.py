"""Whatever is sent, the server answers in FHIR's terms: there is no way to an accident."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from server.definition.library import library
from server.definition.xml import from_xml
from server.validation.validate import validate
from tests.soak.conftest import AGENCIES
from tests.soak.mutation import bodies, resources, written
from tests.soak.request import (
    FHIR_JSON,
    FORM,
    bundles,
    content_types,
    credentials,
    headers,
    ids,
    latin,
    methods,
    paths,
    queries,
    token_forms,
    types,
)

pytestmark = pytest.mark.soak

# The tests share what the profile asks for: 20,000 in a soak, a few hundred otherwise.
some = settings(
    max_examples=max(settings().max_examples // 4, 100),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)

Send = Callable[..., TestResponse]

FHIR_XML = "application/fhir+xml"
_agencies = st.sampled_from(["suite", "suite", *AGENCIES])


@pytest.fixture(scope="module")
def send(filled: FlaskClient, tokens: dict[str, str]) -> Send:
    """Sends a request as an agency, and holds the answer to what every answer must be."""

    def request(agency: str, method: str, path: str, said: dict[str, str], **given: Any) -> TestResponse:
        told = {"Authorization": tokens[agency], **said}
        answer = filled.open(path, method=method, headers=told, **given)
        # Shown by --hypothesis-show-statistics: what is never accepted tests only half of what it should.
        event(f"{method} {answer.status_code}")
        _sound(answer)
        return answer

    return request


def _sound(answer: TestResponse) -> None:
    """No accident; a refusal says in FHIR's terms why; what is sent can be read."""
    told = f"{answer.request.method} {answer.request.url} {answer.status} {answer.text[:2000]}"
    assert answer.status_code < 500, told
    if answer.status_code < 400 and not answer.data:
        return
    if answer.request.method == "HEAD":
        return
    assert answer.content_type.startswith((FHIR_JSON, FHIR_XML)), told
    content = _content(answer)
    if answer.status_code >= 400:
        assert content["resourceType"] == "OperationOutcome", told
        assert validate(content) == [], told
        assert any(issue["severity"] in ("error", "fatal") for issue in content["issue"]), told
        assert all(issue["diagnostics"] for issue in content["issue"]), told
    if content["resourceType"] == "Bundle" and content["type"] == "batch-response":
        assert all(int(entry["response"]["status"][:3]) < 500 for entry in content.get("entry", ())), told


def _content(answer: TestResponse) -> Any:
    if answer.content_type.startswith(FHIR_XML):
        return from_xml(answer.data)
    return json.loads(answer.data, parse_float=Decimal)


@some
@given(data=st.data(), agency=_agencies, said=headers(), content_type=content_types)
def test_any_body_is_stored_or_refused(send, data, agency, said, content_type):
    resource = data.draw(resources())
    body = data.draw(bodies(resource))
    given = resource if isinstance(resource, dict) else {}
    type_, id_ = given.get("resourceType"), given.get("id")
    if type_ not in library().resource_types:
        type_ = data.draw(types)
    if not (isinstance(id_, str) and id_.isascii() and id_.isalnum()):
        id_ = data.draw(ids)
    method, path = data.draw(st.sampled_from([("POST", f"/fhir/{type_}"), ("PUT", f"/fhir/{type_}/{id_}")]))
    answer = send(agency, method, path, {**said, "Content-Type": content_type}, data=body)
    if answer.status_code == 201 and agency == "suite":
        _is_there(send, answer)


def _is_there(send: Send, answer: TestResponse) -> None:
    """What was acknowledged is what is read, it is valid, and it is found."""
    path, version = _path(answer.headers["Location"]).split("/_history/")
    read = send("suite", "GET", path, {})
    assert read.status_code == 200
    assert read.headers["ETag"] == answer.headers["ETag"] == f'W/"{version}"'
    assert validate(_content(read)) == []
    _, _, type_, id_ = path.split("/")
    found = send("suite", "GET", f"/fhir/{type_}", {}, query_string={"_id": id_})
    assert [entry["resource"]["id"] for entry in _content(found)["entry"]] == [id_]


def _path(url: str) -> str:
    return url[url.index("/fhir/") :]


@some
@given(data=st.data(), agency=_agencies, said=headers(), type_=types)
def test_any_search_is_answered_or_refused(send, data, agency, said, type_):
    query = data.draw(queries(type_))
    if data.draw(st.booleans()):
        said = {**said, "Content-Type": data.draw(st.sampled_from([FORM, FORM, "", "text/plain"]))}
        answer = send(agency, "POST", f"/fhir/{type_}/_search", said, data=query.encode())
    else:
        answer = send(agency, "GET", f"/fhir/{type_}", said, query_string=query)
    if answer.status_code == 200:
        for link in _content(answer)["link"]:
            again = send(agency, "GET", _path(link["url"]), {"Prefer": "handling=strict"})
            assert again.status_code == 200, f"{link}: {again.text}"


@some
@given(data=st.data(), agency=_agencies, said=headers())
def test_any_bundle_is_carried_out_or_refused(send, data, agency, said):
    bundle = data.draw(bundles())
    body = data.draw(bodies(bundle) | st.just(written(bundle).encode()))
    path = data.draw(st.sampled_from(["/fhir", "/fhir/", "/fhir?_format=json"]))
    answer = send(agency, "POST", path, {**said, "Content-Type": FHIR_JSON}, data=body)
    if answer.status_code == 200:
        assert len(_content(answer).get("entry", ())) == len(bundle["entry"])


@some
@given(
    data=st.data(), agency=_agencies, said=headers(), method=methods, path=paths, content_type=content_types
)
def test_any_path_is_answered_or_refused(send, data, agency, said, method, path, content_type):
    body = data.draw(st.just(b"") | st.binary(max_size=50) | resources(1).flatmap(bodies))
    said = {**said, "Content-Type": content_type}
    if data.draw(st.integers(0, 9)) == 0:
        said["Authorization"] = data.draw(
            latin | st.sampled_from(["Bearer ", "Bearer a.b.c", "Basic x", "bearer"])
        )
    send(agency, method, path, said, data=body)


@some
@given(data=st.data(), said=headers(), content_type=st.sampled_from([FORM, FORM, FORM]) | content_types)
def test_any_question_for_a_token_is_answered_or_refused(application, tokens, data, said, content_type):
    assert "suite" in tokens
    told = {**said, "Content-Type": content_type, "Authorization": data.draw(credentials)}
    body = data.draw(token_forms)
    host = data.draw(st.sampled_from(["http://localhost", "http://record.example", "https://record.example"]))
    answer = application.test_client().post("/auth/token", data=body, headers=told, base_url=host)
    event(f"token {answer.status_code}")
    assert answer.status_code in (200, 400, 401), answer.text
    assert ("access_token" if answer.status_code == 200 else "error") in answer.json
