import pytest

from tests import make

ALLOWED = [
    ("", {"GET", "POST"}),
    ("metadata", {"GET"}),
    ("_history", {"GET"}),
    ("_search", {"POST"}),
    (".well-known/smart-configuration", {"GET"}),
    ("Patient", {"GET", "POST", "PUT", "PATCH", "DELETE"}),
    ("Patient/_search", {"POST"}),
    ("Patient/_history", {"GET"}),
    ("Patient/x", {"GET", "PUT", "PATCH", "DELETE"}),
    ("Patient/x/_history", {"GET"}),
    ("Patient/x/_history/1", {"GET"}),
    ("Patient/x/Observation", {"GET"}),
    ("Patient/x/Observation/_search", {"POST"}),
    ("Patient/x/$everything", {"GET", "POST"}),
    ("Patient/$validate", {"POST"}),
    ("AuditEvent", {"GET", "POST"}),
    ("AuditEvent/x", {"GET"}),
]


def with_head(methods: set[str]) -> set[str]:
    return methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())


@pytest.mark.parametrize(("path", "methods"), ALLOWED)
def test_every_url_says_what_it_takes_to_everybody(app, path, methods):
    answer = app.test_client().options(f"/fhir/{path}")
    assert (answer.status_code, answer.data) == (204, b"")
    assert set(answer.headers["Allow"].split(", ")) == with_head(methods)


@pytest.mark.parametrize(
    "path", ["Nonsense", "Patient/x/nonsense", "Patient/x y", "Patient/x/_history/1/2", "$no"]
)
def test_what_is_no_url_takes_nothing(app, path):
    assert app.test_client().options(f"/fhir/{path}").status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
@pytest.mark.parametrize(("path", "methods"), ALLOWED)
def test_what_a_url_does_not_take_is_refused_with_what_it_takes(suite, path, methods, method):
    if method in with_head(methods):
        return
    if path.endswith("_search") and method in ("GET", "HEAD"):
        return  # an id that is none: not found
    refused = suite.ask(method, path)
    assert refused.status == 405
    assert set(refused.headers["Allow"].split(", ")) == with_head(methods)


def test_a_head_is_a_get_without_its_body(suite):
    path = f"Patient/{suite.post(make.patient()).id}"
    got, headed = suite.get(path), suite.ask("HEAD", path)
    assert (headed.status, headed.text) == (got.status, "")
    for name in ("ETag", "Last-Modified", "Content-Type", "Content-Length"):
        assert headed.headers[name] == got.headers[name]


@pytest.mark.parametrize(
    "path", ["/fhir/Patient/", "/fhir//Patient", "//fhir/Patient", "/fhir/Patient///", "///fhir///Patient///"]
)
def test_a_slash_too_many_makes_no_difference(app, suite, path):
    answer = app.test_client().get(
        query_string="_id=nobody",
        headers={"Authorization": f"Bearer {suite._token}"},
        environ_overrides={"PATH_INFO": path},
    )
    assert answer.json["link"] == suite.get("Patient?_id=nobody").json["link"]


@pytest.mark.parametrize("path", ["/fhir/metadata/", "/fhir//metadata", "/healthz/", "/docs/"])
def test_nor_does_it_where_no_token_is_needed(app, path):
    assert app.test_client().get(environ_overrides={"PATH_INFO": path}).status_code == 200


def test_a_resource_with_a_slash_too_many_is_the_same(suite):
    id = suite.post(make.patient()).id
    assert suite.get(f"Patient//{id}/").text == suite.get(f"Patient/{id}").text
