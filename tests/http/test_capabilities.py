"""What is declared is there, and what is not declared is not."""

import json
from collections import Counter
from urllib.parse import unquote_plus

import pytest

from server.definition.library import library
from server.fhir.json import decode
from server.interaction.capabilities import LIMIT
from server.validation.validate import validate
from tests import make
from tests.caller import Caller

TYPES = library().resource_types
SOME = (
    "Account", "AuditEvent", "Basic", "Binary", "Bundle", "Observation", "Parameters", "Patient",
    "Provenance", "VisionPrescription",
)  # fmt: skip
UNSUPPORTED = "not-supported"


@pytest.fixture(scope="module")
def nobody(app):
    """A client without a token."""
    return Caller(app, None)


@pytest.fixture(scope="module")
def statement(nobody):
    return nobody.get("metadata").json


@pytest.fixture(scope="module")
def rest(statement):
    [only] = statement["rest"]
    return only


@pytest.fixture(scope="module")
def declared(rest):
    """What is declared of each type."""
    return {each["type"]: each for each in rest["resource"]}


def codes(element):
    return {each["code"] for each in element["interaction"]}


def is_built(answer) -> bool:
    """Whether the URL takes what is asked, and that is built; it may be refused for another reason."""
    told = answer.issues if answer.status >= 400 and answer.text else []
    return answer.status not in (405, 501) and not any(
        code == UNSUPPORTED or "no such URL" in text or "no operation" in text for code, text in told
    )


# ---- the statement -----------------------------------------------------------------------------------------


def test_the_capability_statement_is_for_everybody(nobody, statement):
    assert statement["fhirVersion"] == "4.0.1"
    assert statement["implementation"]["url"] == nobody.base
    assert statement["url"] == f"{nobody.base}/metadata"


@pytest.mark.parametrize("mode", ["", "full", "normative", "terminology"])
def test_the_statement_of_every_mode_is_valid(nobody, mode):
    assert validate(decode(nobody.get(f"metadata?mode={mode}" if mode else "metadata").text.encode())) == []


def test_a_mode_that_there_is_not_is_refused(nobody):
    assert nobody.get("metadata?mode=nonsense").status == 400


def test_the_normative_statement_has_nothing_that_is_on_trial(nobody, rest):
    [firm] = nobody.get("metadata?mode=normative").json["rest"]
    assert {"Patient", "Observation", "Bundle", "Binary"} <= {each["type"] for each in firm["resource"]}
    assert not {"EpisodeOfCare", "Encounter", "Provenance"} & {each["type"] for each in firm["resource"]}
    assert "security" not in firm
    for each in firm["resource"]:
        assert not {"versioning", "conditionalCreate", "searchInclude", "supportedProfile"} & each.keys()
        assert each["interaction"]


def test_the_terminology_that_is_declared_is_there(nobody, suite):
    told = nobody.get("metadata?mode=terminology").json
    assert told["resourceType"] == "TerminologyCapabilities"
    known = {each["uri"]: each["version"][0]["code"] for each in told["codeSystem"] if "version" in each}
    assert known["http://hl7.org/fhir/administrative-gender"] == "4.0.1"
    ours = [each for each in suite.search("CodeSystem?_count=1000").matches if each["url"].startswith(make.B)]
    assert len(ours) > 20
    assert {each["url"]: each["version"] for each in ours}.items() <= known.items()


def test_the_statement_says_that_smart_tells_where_tokens_are_had(rest):
    [service] = rest["security"]["service"]
    assert service["coding"][0]["code"] == "SMART-on-FHIR"


def test_every_type_of_r4_is_declared_once(rest, app):
    types = [each["type"] for each in rest["resource"]]
    assert types == list(TYPES)
    # 148 with the two abstract ones, Resource and DomainResource.
    assert len(types) == 146


def test_our_profiles_are_declared(declared):
    assert f"{make.B}/StructureDefinition/Child" in declared["Patient"]["supportedProfile"]
    assert "supportedProfile" not in declared["Account"]


def test_every_limit_is_declared_as_it_is_set(rest, app):
    told = {}
    for each in (each for each in rest["extension"] if each["url"] == LIMIT):
        name, value = each["extension"]
        told[name["valueCode"]] = value["valueUnsignedInt"]
    found = app.extensions["settings"]
    assert told["body-bytes"] == found.body_limit == 200_000
    assert told["bundle-entries"] == found.bundle_limit == 200
    assert told["url-characters"] == found.url_limit
    assert told["requests-a-second"] == found.rate_limit
    assert told["binary-bytes"] == found.binary_limit
    assert told["deletes-by-condition"] == found.delete_limit
    assert told["nesting"] == 100


# ---- formats -----------------------------------------------------------------------------------------------


def test_every_format_that_is_declared_is_written_and_read(app, statement):
    for format in statement["format"]:
        answer = app.test_client().get("/fhir/metadata", query_string={"_format": format})
        assert answer.status_code == 200
        assert answer.content_type.startswith(f"application/fhir+{'xml' if 'xml' in format else 'json'}")


PATCHES = {
    "application/json-patch+json": '[{"op":"replace","path":"/birthDate","value":"2011-05-06"}]',
    "application/xml-patch+xml": '<diff xmlns:f="http://hl7.org/fhir">'
    '<replace sel="f:Patient/f:birthDate/@value">2011-05-06</replace></diff>',
    "application/merge-patch+json": '{"birthDate":"2011-05-06"}',
    "application/fhir+json": json.dumps(
        {
            "resourceType": "Parameters",
            "parameter": [
                {
                    "name": "operation",
                    "part": [
                        {"name": "type", "valueCode": "replace"},
                        {"name": "path", "valueString": "Patient.birthDate"},
                        {"name": "value", "valueDate": "2011-05-06"},
                    ],
                }
            ],
        }
    ),
    "application/fhir+xml": '<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/>'
    '<part><name value="type"/><valueCode value="replace"/></part>'
    '<part><name value="path"/><valueString value="Patient.birthDate"/></part>'
    '<part><name value="value"/><valueDate value="2011-05-06"/></part></parameter></Parameters>',
}


def test_every_format_of_a_patch_that_is_declared_is_taken_and_no_other(statement, suite):
    assert set(statement["patchFormat"]) == PATCHES.keys()
    for media, patch in PATCHES.items():
        id = suite.post(make.patient(birthDate="2010-01-01")).id
        changed = suite.ask("PATCH", f"Patient/{id}", patch, Content_Type=media)
        assert (changed.status, changed.json["birthDate"]) == (200, "2011-05-06"), media
    refused = suite.ask("PATCH", f"Patient/{id}", "{}", Content_Type="application/x-patch")
    assert refused.status == 415


# ---- interactions ------------------------------------------------------------------------------------------

OF_TYPE = {
    "create": [("POST", "{type}")],
    "update": [("PUT", "{type}/x"), ("PUT", "{type}?_id=nobody")],
    "patch": [("PATCH", "{type}/nobody"), ("PATCH", "{type}?_id=nobody")],
    "delete": [("DELETE", "{type}/nobody"), ("DELETE", "{type}?_id=nobody")],
    "read": [("GET", "{type}/nobody"), ("HEAD", "{type}/nobody")],
    "vread": [("GET", "{type}/nobody/_history/1")],
    "history-instance": [("GET", "{type}/nobody/_history")],
    "history-type": [("GET", "{type}/_history?_count=1")],
    "search-type": [("GET", "{type}?_id=nobody"), ("POST", "{type}/_search")],
}
OF_SYSTEM = {
    "transaction": lambda suite: suite.post(make.bundle("transaction")),
    "batch": lambda suite: suite.post(make.bundle("batch")),
    "history-system": lambda suite: suite.get("_history?_count=1"),
    "search-system": lambda suite: suite.get("?_type=Patient&_id=nobody"),
}


def sent(suite, method: str, path: str, type_: str):
    """A request with a body where there is to be one, which is of the type and not valid."""
    if path.endswith("_search"):
        return suite.ask(method, path, "_id=nobody", Content_Type="application/x-www-form-urlencoded")
    if method == "PATCH":
        return suite.ask(method, path, "[]", Content_Type="application/json-patch+json")
    body = {"resourceType": type_, "id": "x", "nonsense": 1} if method in ("POST", "PUT") else None
    return suite.ask(method, path, body)


@pytest.mark.parametrize("type_", SOME)
def test_every_interaction_that_is_declared_of_a_type_is_carried_out_and_no_other(suite, declared, type_):
    for code, requests in OF_TYPE.items():
        for method, path in requests:
            answer = sent(suite, method, path.format(type=type_), type_)
            assert is_built(answer) == (code in codes(declared[type_])), (method, path, answer)


def test_every_interaction_of_the_whole_record_that_is_declared_is_carried_out(suite, rest):
    assert codes(rest) == OF_SYSTEM.keys()
    for code, ask in OF_SYSTEM.items():
        assert ask(suite).status == 200, code


_METHODS = {"create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE"}


@pytest.mark.parametrize("url", ["{type}", "{type}/x"])
def test_the_methods_of_every_type_are_those_that_are_declared(app, declared, url):
    client = app.test_client()
    for type_, element in declared.items():
        told = set(client.options(f"/fhir/{url.format(type=type_)}").headers["Allow"].split(", "))
        writing = {method for code, method in _METHODS.items() if code in codes(element)}
        writing -= {"POST"} if "/" in url else set()
        assert told == writing | {"GET", "HEAD", "OPTIONS"}, type_


def test_what_a_client_says_it_saw_is_written_once(declared):
    assert not {"update", "patch", "delete"} & codes(declared["AuditEvent"])
    assert declared["AuditEvent"]["updateCreate"] is False
    assert declared["AuditEvent"]["conditionalDelete"] == "not-supported"
    assert declared["Patient"]["conditionalDelete"] == "multiple"


def test_what_a_condition_may_do_is_what_is_declared(suite, declared):
    assert all(
        declared["Patient"][name] for name in ("conditionalCreate", "conditionalUpdate", "updateCreate")
    )
    word = make.word()
    patient = make.patient(identifier=[make.identifier(word)])
    first = suite.post(patient, If_None_Exist=f"identifier={word}")
    assert first.status == 201
    assert suite.post(patient, If_None_Exist=f"identifier={word}").status == 200
    assert suite.ask("PUT", f"Patient?identifier={word}", patient).status == 200
    assert declared["Patient"]["conditionalRead"] == "full-support"
    path, told = f"Patient/{first.id}", first.headers
    assert suite.get(path, If_None_Match=told["ETag"]).status == 304
    assert suite.get(path, If_Modified_Since=told["Last-Modified"]).status == 304
    assert suite.delete(f"Patient?identifier={word}").status in (200, 204)


# ---- searching ---------------------------------------------------------------------------------------------

_VALUES = {
    "date": "2020",
    "number": "1",
    "quantity": "1",
    "reference": "Basic/x",
    "string": "x",
    "token": "true",
    "uri": "urn:x",
}
_OF_THE_WHOLE = ("_content", "_text", "_filter", "_has", "_list", "_query")
_SEARCHED = {"Patient", "Observation", "Encounter", "EpisodeOfCare", "Flag", "CodeSystem"}


def test_nothing_that_is_declared_of_a_search_answers_that_it_is_not_supported(suite, declared):
    """Every search parameter, order and include of every type; some searches are carried out too."""
    for type_, element in declared.items():
        parameters = [each for each in element["searchParam"] if each["type"] in _VALUES]
        asked = ["_id=nobody"] if type_ in _SEARCHED else ["_count=0", "_total=none"]
        asked += [f"{each['name']}={_VALUES[each['type']]}" for each in parameters]
        of_elements = [each["name"] for each in parameters if each["name"] not in _OF_THE_WHOLE]
        asked += [f"{name}:missing=false" for name in of_elements]
        asked += [f"_include={each}" for each in element.get("searchInclude", ())]
        asked += [f"_revinclude={each}" for each in element.get("searchRevInclude", ())]
        answer = searched(suite, type_, "&".join(asked))
        assert answer.ids == [], type_
        assert unquote_plus(answer.link("self")) == f"{suite.base}/{type_}?{'&'.join(asked)}"

        # What looks at the same elements is one key, so the link may name fewer.
        assert searched(suite, type_, f"_id=nobody&_sort={','.join(of_elements)}").ids == []


def searched(suite, type_: str, form: str):
    """What a search by POST finds that has to be understood in every part."""
    media = "application/x-www-form-urlencoded"
    return suite.ask("POST", f"{type_}/_search", form, Content_Type=media, Prefer="handling=strict")


def test_every_parameter_is_declared_once_with_a_definition_that_exists(declared):
    for type_, element in declared.items():
        names = Counter(each["name"] for each in element["searchParam"])
        assert max(names.values()) == 1, type_
        for each in element["searchParam"]:
            if each["name"] in ("_has", "_list", "_query"):
                assert each["documentation"]
            else:
                assert library().resource("SearchParameter", each["definition"])["code"] == each["name"]


def test_no_reference_to_another_server_is_declared_impossible(suite, declared):
    assert {tuple(each["referencePolicy"]) for each in declared.values()} == {("literal", "logical")}
    for to in ({"reference": "https://elsewhere.example/Patient/1"}, {"identifier": make.identifier("x")}):
        assert suite.post(make.observation() | {"subject": to}).status == 201


def test_named_queries_are_declared_where_there_are_any(declared):
    told = {
        type_: each["documentation"]
        for type_, element in declared.items()
        for each in element["searchParam"]
        if each["name"] == "_query"
    }
    assert told.keys() == {"EpisodeOfCare", "Observation"}
    assert "open-on (on)" in told["EpisodeOfCare"]


def test_what_is_not_declared_cannot_be_searched_by(suite, declared):
    for type_ in SOME:
        names = {each["name"] for each in declared[type_]["searchParam"]}
        stranger = next(name for name in ("birthdate", "code", "status", "date") if name not in names)
        assert suite.search(f"{type_}?{stranger}=x").status == 400


def test_the_compartments_that_are_declared_are_searched(suite, rest):
    kinds = {library().resource("CompartmentDefinition", url)["code"] for url in rest["compartment"]}
    assert kinds == {"Device", "Encounter", "Patient", "Practitioner", "RelatedPerson"}
    for kind in kinds:
        assert is_built(suite.search(f"{kind}/nobody/Observation")), kind
    id = suite.post(make.patient()).id
    observation = suite.post(make.observation(id)).id
    assert suite.search(f"Patient/{id}/Observation").ids == [observation]
    assert not is_built(suite.get(f"Observation/{observation}/Patient"))


# ---- operations --------------------------------------------------------------------------------------------


def test_every_operation_that_is_declared_is_there_and_no_other(app, rest, declared):
    client = app.test_client()
    places = {None: rest} | declared
    offered = {each["name"] for element in places.values() for each in element.get("operation", ())}
    assert {"everything", "validate", "meta"} <= offered
    for type_, element in places.items():
        mine = {each["name"] for each in element.get("operation", ())}
        for code in offered:
            paths = [f"{type_}/${code}", f"{type_}/x/${code}"] if type_ else [f"${code}"]
            found = [client.options(f"/fhir/{path}").status_code == 204 for path in paths]
            assert any(found) == (code in mine), (type_, code)


def test_every_operation_has_a_definition_that_exists(rest, declared):
    for element in (rest, *declared.values()):
        for each in element.get("operation", ()):
            assert library().resource("OperationDefinition", each["definition"])["code"] == each["name"]
