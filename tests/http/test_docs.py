import gzip
import json
import re

import pytest

from tests.http.test_capabilities import SOME

REFERENCE = re.compile(r'"\$ref":"#/([^"]+)"')


@pytest.fixture(scope="module")
def document(app):
    return app.test_client().get("/openapi.json").json


@pytest.fixture(scope="module")
def resources(app):
    [rest] = app.test_client().get("/fhir/metadata").json["rest"]
    return {each["type"]: each for each in rest["resource"]}


def test_the_document_is_for_everybody_and_every_page(app):
    answer = app.test_client().get("/openapi.json", headers={"Origin": "https://app.example"})
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    packed = app.test_client().get("/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert len(packed.data) * 10 < len(answer.data)
    assert json.loads(gzip.decompress(packed.data)) == answer.json


def test_the_document_refers_to_nothing_that_it_has_not(app, document):
    assert document["openapi"].startswith("3.1.")
    for path in set(REFERENCE.findall(app.test_client().get("/openapi.json").text)):
        found = document
        for part in path.split("/"):
            found = found[part]


def test_every_request_has_a_name_of_its_own(document):
    names = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert len(names) == len(set(names)) > 2000


def test_every_url_is_told_with_the_methods_that_it_takes(app, document):
    client = app.test_client()
    for url, path in document["paths"].items():
        if url.count("/") == 1 or url.split("/")[1] in SOME:
            asked = url.replace("{id}", "x").replace("{vid}", "1")
            told = set(client.options(f"/fhir{asked}").headers["Allow"].split(", ")) - {"HEAD", "OPTIONS"}
            assert told == {method.upper() for method in path}, url


def test_every_search_parameter_is_told(document, resources):
    known = document["components"]["parameters"]
    for type_, element in resources.items():
        asked = document["paths"][f"/{type_}"]["get"]["parameters"]
        names = {known[each["$ref"].rpartition("/")[2]]["name"] for each in asked}
        assert {each["name"] for each in element["searchParam"]} <= names, type_


def test_a_path_declares_each_of_its_parameters(document):
    known = document["components"]["parameters"]
    for url, path in document["paths"].items():
        for each in path.values():
            told = [
                known[one["$ref"].rpartition("/")[2]] if "$ref" in one else one for one in each["parameters"]
            ]
            assert {one["name"] for one in told if one["in"] == "path"} == set(re.findall(r"{(\w+)}", url)), (
                url
            )


@pytest.mark.parametrize("path", ["/docs", "/docs/Patient", "/docs/AuditEvent", "/docs/EpisodeOfCare"])
def test_a_page_is_for_everybody_and_fetches_nothing_from_elsewhere(app, path):
    answer = app.test_client().get(path)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers.getlist("Content-Security-Policy") == [answer.headers["Content-Security-Policy"]]
    assert re.findall(r'src="([^"]*)"', answer.text) == []
    assert re.findall(r'<link rel="stylesheet" href="([^"]+)"', answer.text) == ["/docs/style.css"]
    assert not re.search(r"<script|\sstyle=|\son\w+=", answer.text)


def test_links_of_the_pages_lead_somewhere(app):
    client = app.test_client()
    pages = ["/docs", "/docs/Patient"]
    for link in {link for page in pages for link in re.findall(r'href="(/[^"]*)"', client.get(page).text)}:
        assert client.get(link).status_code == 200, link


def test_the_page_of_a_type_shows_what_is_declared_of_it(app, resources):
    for type_ in SOME:
        page = app.test_client().get(f"/docs/{type_}").text
        for each in resources[type_]["searchParam"]:
            assert f"<code>{each['name']}</code>" in page
        assert ("<code>DELETE</code>" in page) == (type_ != "AuditEvent")


def test_there_is_no_page_of_what_there_is_not(app):
    assert app.test_client().get("/docs/Nonsense").status_code == 404
    assert app.test_client().get("/docs/..%2f..%2fetc").status_code == 404
