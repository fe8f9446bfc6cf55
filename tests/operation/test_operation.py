"""Calling operations: where, how, with what; whatever the operation.

https://hl7.org/fhir/R4/operations.html
"""

import pytest

from server.definition.library import library
from server.definition.own import Unusable
from server.operation import registry
from tests import make


@pytest.fixture(scope="module")
def known(suite):
    """The path of a resource of two versions."""
    observation = suite.post(make.observation()).json
    suite.put({**observation, "status": "amended"})
    return f"Observation/{observation['id']}"


META = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": make.tagged("t")}]}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "{}/$meta", None, 200),
        ("HEAD", "{}/$meta", None, 200),
        ("POST", "{}/$meta", None, 200),
        ("POST", "{}/$meta", {"resourceType": "Parameters"}, 200),
        ("GET", "{}/$meta?_format=json&_pretty=true", None, 200),
        ("GET", "{}/_history/1/$meta", None, 200),
        ("GET", "{}/_history/7/$meta", None, 404),
        ("PUT", "{}/$meta", {"resourceType": "Parameters"}, 405),
        ("DELETE", "{}/$meta", None, 405),
        ("GET", "$meta", None, 404),
        ("GET", "Observation/$meta", None, 404),
        ("GET", "Observation/nobody/$meta", None, 404),
        ("GET", "Observation/a_b/$meta", None, 404),
        ("GET", "Nothing/1/$meta", None, 404),
        ("GET", "{}/$nothing", None, 404),
        ("GET", "{}/$", None, 404),
        ("GET", "Observation/1/2/3/4/$meta", None, 404),
        ("GET", "{}/$meta?name=1", None, 400),
        ("GET", "{}/$meta-add", None, 405),
        ("POST", "{}/$meta-add", META, 200),
        ("POST", "{}/$meta-add?meta=1", META, 400),
        ("POST", "{}/_history/1/$meta-add", META, 404),
        ("POST", "{}/$meta-add", {"resourceType": "Observation"}, 400),
        ("GET", "{}/$everything", None, 404),
        ("GET", "Patient/$everything", None, 404),
    ],
)
def test_an_operation_is_called_where_and_how_its_definition_says(suite, known, method, path, body, status):
    answer = suite.ask(method, path.format(known), body)
    assert answer.status == status
    assert ("Allow" in answer.headers) == (status == 405)


def part(**more):
    return {"resourceType": "Parameters", "parameter": [{"name": "meta", **more}]}


@pytest.mark.parametrize(
    "sent",
    [
        {"resourceType": "Parameters"},
        part(valueString="x"),
        part(valueCoding={"code": "x"}),
        part(valueMeta={"tag": "x"}),
        part(valueMeta={}),
        part(valueMeta=make.tagged("x"), valueString="x"),
        part(resource={"resourceType": "Basic"}),
        part(),
        {"resourceType": "Parameters", "parameter": part(valueMeta=make.tagged("x"))["parameter"] * 2},
        {"resourceType": "Parameters", "parameter": [{"name": "mete", "valueMeta": make.tagged("x")}]},
        {"resourceType": "Parameters", "parameter": [{"valueMeta": make.tagged("x")}]},
        {"resourceType": "Parameters", "parameter": {"name": "meta", "valueMeta": make.tagged("x")}},
        {"resourceType": "Parameters", "parameter": ["meta"]},
        {"resourceType": "Parameters", "parameter": None},
    ],
)
def test_parameters_are_held_against_the_definition(suite, known, sent):
    before = suite.get(known).text
    answer = suite.ask("POST", f"{known}/$meta-add", sent)
    assert answer.status == 400
    assert suite.get(known).text == before


def test_a_text_may_stand_for_another_kind_of_text(suite, known):
    sent = {"resourceType": "Parameters", "parameter": [{"name": "fromVersion", "valueString": "1"}]}
    assert suite.ask("POST", f"{known}/$diff", sent).text == suite.get(f"{known}/$diff?fromVersion=1").text


def test_inside_a_bundle_an_operation_answers_as_alone(suite, known):
    alone = suite.get(f"{known}/$diff?toVersion=2").json
    for kind in ("batch", "transaction"):
        asked = make.bundle(
            kind, make.entry("GET", f"{known}/$diff?toVersion=2"), make.entry("GET", "$nothing")
        )
        if kind == "transaction":
            asked["entry"].pop()
        answer = suite.post(asked)
        assert answer.entries[0]["resource"] == alone
        assert [each["response"]["status"][:3] for each in answer.entries] == ["200", "404"][
            : len(asked["entry"])
        ]


def test_an_operation_that_changes_something_is_undone_with_its_transaction(suite, known):
    before = suite.get(known).text
    changed = make.entry("POST", f"{known}/$meta-add", part(valueMeta=make.tagged("undone")))
    answer = suite.post(make.bundle("transaction", changed, make.entry("GET", "Observation/nobody")))
    assert answer.status == 404
    assert suite.get(known).text == before
    assert suite.post(make.bundle("transaction", changed)).status == 200
    assert suite.get(known).version == "4"


@pytest.mark.parametrize("scopes", ["system/Patient.cruds", "system/Observation.cuds"])
def test_a_scope_that_hides_a_read_hides_what_an_operation_reads(client_with, known, scopes):
    client = client_with("suite", scopes)
    for path in (f"{known}/$meta", f"{known}/$diff"):
        assert (client.get(path).status, client.get(path).issues) == (403, client.get(known).issues)


def test_a_definition_without_a_function_stops_the_start(monkeypatch):
    monkeypatch.setattr(registry, "_functions", {"Resource-meta": print})
    registry.operations.cache_clear()
    with pytest.raises(Unusable, match="has no function"):
        registry.operations()
    registry.operations.cache_clear()


def test_a_function_without_a_definition_stops_the_start(monkeypatch):
    monkeypatch.setattr(registry, "_functions", {**registry._functions, "Resource-nothing": print})
    registry.operations.cache_clear()
    with pytest.raises(Unusable, match="no OperationDefinition 'Resource-nothing'"):
        registry.operations()
    registry.operations.cache_clear()


def test_our_definitions_are_in_the_record(school, suite):
    ours = {each["id"] for each in library().ours() if each["resourceType"] == "OperationDefinition"}
    assert ours <= set(suite.search("OperationDefinition?_count=100").ids)
    assert suite.get("OperationDefinition/Patient-everything").json["code"] == "everything"
