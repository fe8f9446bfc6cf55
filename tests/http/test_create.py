import json
from decimal import Decimal

import pytest

from server.fhir.identifier import NHS_NUMBER
from tests import make
from tests.caller import FHIR_JSON
from tests.make import TEST


def test_a_create_answers_with_the_resource_its_place_and_its_version(suite):
    made = suite.post(make.patient())
    assert made.status == 201
    assert made.headers["Location"] == f"{suite.base}/Patient/{made.id}/_history/1"
    assert made.headers["ETag"] == 'W/"1"'
    assert made.headers["Content-Type"] == f"{FHIR_JSON};charset=utf-8"
    assert "GMT" in made.headers["Last-Modified"]
    assert made.json["meta"]["versionId"] == "1"


def test_the_id_and_version_of_a_post_are_the_servers(suite):
    sent = make.patient(id="chosen", meta={"versionId": "7", "lastUpdated": "2001-01-01T00:00:00Z"})
    made = suite.post(sent)
    assert made.id != "chosen"
    assert made.json["meta"]["versionId"] == "1"
    assert not made.json["meta"]["lastUpdated"].startswith("2001")
    assert suite.get("Patient/chosen").status == 404


@pytest.mark.parametrize(
    ("prefer", "answer"),
    [
        ("return=minimal", None),
        ("return=representation", "Patient"),
        ("return=OperationOutcome", "OperationOutcome"),
        ("handling=strict; return=minimal", None),
    ],
)
def test_a_client_is_answered_with_as_much_as_it_prefers(suite, prefer, answer):
    made = suite.post(make.patient(), Prefer=prefer)
    assert made.status == 201
    assert (made.json["resourceType"] if made.text else None) == answer
    assert suite.get(made.headers["Location"]).status == 200


# ---- on condition ------------------------------------------------------------------------------------------


def test_a_condition_that_matches_nothing_creates(suite):
    word = make.word()
    made = suite.post(
        make.patient(identifier=[make.identifier(word)]), If_None_Exist=f"identifier={TEST}|{word}"
    )
    assert made.status == 201


def test_a_condition_that_matches_one_is_answered_with_it(suite):
    word = make.word()
    sent, condition = make.patient(identifier=[make.identifier(word)]), f"identifier={TEST}|{word}"
    first = suite.post(sent)
    second = suite.post({**sent, "gender": "female"}, If_None_Exist=condition)
    assert (second.status, second.id, second.version) == (200, first.id, "1")
    assert second.json == first.json
    assert len(suite.search(f"Patient?{condition}").ids) == 1


def test_a_condition_that_matches_several_is_refused(suite):
    word = make.word()
    for _ in range(2):
        suite.post(make.patient(identifier=[make.identifier(word)]))
    refused = suite.post(make.patient(), If_None_Exist=f"identifier={TEST}|{word}")
    assert (refused.status, refused.code) == (412, "multiple-matches")


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ("nonsense=1", 400),
        ("identifier=a&nonsense=1", 400),
        ("", 412),
        ("_count=1", 412),
        ("birthdate=2011-02-30", 400),
        ("general-practitioner.nonsense=x", 400),
    ],
)
def test_a_condition_that_is_not_understood_creates_nothing(suite, condition, status):
    tag = make.word()
    assert suite.post(make.patient(meta=make.tagged(tag)), If_None_Exist=condition).status == status
    assert suite.search(f"Patient?_tag={tag}").ids == []


def test_a_condition_may_repeat_the_type(suite):
    word = make.word()
    first = suite.post(make.patient(identifier=[make.identifier(word)]))
    again = suite.post(make.patient(), If_None_Exist=f"Patient?identifier={TEST}|{word}")
    assert (again.status, again.id) == (200, first.id)


# ---- one child, one record ---------------------------------------------------------------------------------


def test_a_second_child_with_a_claimed_number_is_refused_and_the_caller_who_may_see_it_is_led_to_it(suite):
    sent = make.child()
    first = suite.post(sent)
    again = suite.post(sent)
    assert (again.status, again.code) == (409, "duplicate")
    assert f"Patient/{first.id}" in again.text


def test_who_may_not_see_the_child_learns_that_its_number_is_taken_and_no_more(suite, school):
    sent = make.child()
    first = suite.post(sent)
    assert school.get(f"Patient/{first.id}").status == 404
    refused = school.post(sent)
    assert (refused.status, refused.code) == (409, "duplicate")
    assert first.id not in refused.text
    assert sent["identifier"][0]["value"] not in refused.text


def test_an_inactive_record_still_claims_its_number(suite):
    sent = make.child(active=False)
    suite.post(sent)
    assert suite.post(sent).status == 409


def test_a_number_in_another_system_is_nobodys_claim(suite):
    sent = make.patient(identifier=[make.identifier("same")])
    assert [suite.post(sent).status for _ in range(2)] == [201, 201]


def test_a_deleted_child_frees_its_number(suite):
    sent = make.child()
    suite.delete(f"Patient/{suite.post(sent).id}")
    assert suite.post(sent).status == 201


def test_an_identifier_that_fails_its_check_is_refused_and_not_repeated(suite):
    refused = suite.post(make.patient(identifier=[make.identifier("9434765910", NHS_NUMBER)]))
    assert refused.status == 422
    [issue] = refused.json["issue"]
    assert issue["expression"] == ["Patient.identifier[0].value"]
    assert "9434765910" not in refused.text


def test_an_agency_whose_rights_say_so_keeps_it_as_unverified_and_it_claims_nothing(client_with):
    registrar = client_with("registrar")
    sent = make.patient(identifier=[make.identifier("9434765910", NHS_NUMBER)])
    first, second = registrar.post(sent), registrar.post(sent)
    assert (first.status, second.status) == (201, 201)
    [kept] = first.json["identifier"]
    assert kept["system"].endswith("/sid/unverified-nhs-number")
    assert kept["value"] == "9434765910"
    assert kept["extension"][0]["valueString"]


# ---- what is no resource -----------------------------------------------------------------------------------

PATIENT = '{"resourceType":"Patient","name":[{"family":"x"}]}'


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("{", 400, "structure"),
        ("", 400, "structure"),
        ("[]", 400, "structure"),
        ("null", 400, "structure"),
        ("1", 400, "structure"),
        ('{"resourceType":"Patient","active":true,"active":false}', 400, "structure"),
        ('{"resourceType":"Patient","name":[{"family":"x","family":"x"}]}', 400, "structure"),
        ('{"active":true}', 400, "structure"),
        ('{"resourceType":7}', 400, "structure"),
        ('{"resourceType":"Observation"}', 400, "structure"),
        ('{"resourceType":"Nonsense"}', 400, "structure"),
        ('{"resourceType":"Patient","nonsense":1}', 400, None),
        ('{"resourceType":"Patient","active":"true"}', 400, None),
        ('{"resourceType":"Patient","birthDate":"2011-02-30"}', 400, None),
        ('{"resourceType":"Patient","gender":"unheard-of"}', 400, None),
        ('{"resourceType":"Patient","meta":1}', 400, None),
        ('{"resourceType":"Patient","meta":null}', 400, None),
        ('{"resourceType":"Patient","identifier":{}}', 400, None),
        ('{"resourceType":"Patient","identifier":[1]}', 400, None),
        ('{"resourceType":"Patient","active":null}', 400, None),
        ('{"resourceType":"Patient","name":[]}', 400, None),
        ('{"resourceType":"Patient","name":[{}]}', 400, None),
        ('{"resourceType":"Patient","multipleBirthInteger":NaN}', 400, "structure"),
        (b'{"resourceType":"Patient","language":"\xff"}', 400, "structure"),
        ('{"resourceType":"Patient","extension":' * 200 + "1" + "}" * 200, 400, "structure"),
        ('{"resourceType":"Patient","x":' + "[" * 5000 + "]" * 5000 + "}", 400, "structure"),
        (PATIENT[:-1] + ',"text":{"status":"generated","div":"' + "x" * 200_000 + '"}}', 413, "too-long"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_no_patient_is_refused_with_a_reason(suite, body, status, code):
    refused = suite.ask("POST", "Patient", body)
    assert refused.status == status
    assert code is None or refused.code == code


def test_everything_that_is_wrong_is_told_at_once(suite):
    refused = suite.post({"resourceType": "Patient", "gender": "x", "birthDate": "2011-02-30", "nonsense": 1})
    told = {path for issue in refused.json["issue"] for path in issue["expression"]}
    assert {"Patient.gender", "Patient.birthDate", "Patient.nonsense"} <= told


@pytest.mark.parametrize("media", ["text/turtle", "text/plain", "application/x-ndjson", "nonsense"])
def test_a_body_in_another_format_is_refused(suite, media):
    assert suite.ask("POST", "Patient", PATIENT, Content_Type=media).status == 415


@pytest.mark.parametrize(
    "media",
    ["application/fhir+json", "application/json", "application/fhir+json; charset=utf-8; fhirVersion=4.0"],
)
def test_json_has_several_names(suite, media):
    assert suite.ask("POST", "Patient", PATIENT, Content_Type=media).status == 201


@pytest.mark.parametrize("accept", ["text/turtle", "text/html", "image/png"])
def test_an_answer_in_another_format_is_refused_before_anything_is_stored(suite, accept):
    tag = make.word()
    assert suite.post(make.patient(meta=make.tagged(tag)), Accept=accept).status == 406
    assert suite.search(f"Patient?_tag={tag}").ids == []


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "text/html, application/fhir+json;q=0.9", "application/*;q=0.1"]
)
def test_whoever_takes_json_gets_it(suite, accept):
    assert suite.post(make.patient(), Accept=accept).status == 201


def test_format_in_the_url_goes_before_the_header(suite):
    id = suite.post(make.patient()).id
    assert suite.get(f"Patient/{id}?_format=json", Accept="text/html").status == 200
    assert suite.get(f"Patient/{id}?_format=application/fhir%2Bjson", Accept="text/html").status == 200
    assert suite.get(f"Patient/{id}?_format=ttl").status == 406


# ---- what is kept ------------------------------------------------------------------------------------------


def test_one_point_fifty_stays_one_point_fifty(suite):
    made = suite.ask("POST", "Observation", KEPT[0])
    assert '"value":1.50}' in suite.get(f"Observation/{made.id}").text


KEPT = [
    '{"resourceType":"Observation","valueQuantity":{"value":1.50},"status":"final","code":{"text":"x"}}',
    '{"status":"final","code":{"text":"x"},"resourceType":"Observation","valueQuantity":{"value":100e-2}}',
    '{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":0.000000000010}}',
    '{"resourceType":"Observation","status":"final","code":{"text":"\\u00e9 \U0001f600 \\" \\\\"}}',
    '{"resourceType":"Patient","_birthDate":{"extension":[{"url":"https://example.org/x","valueDecimal":2.0}]},'
    '"birthDate":"2014-03","name":[{"_given":[null,{"id":"g"}],"given":["A","B"]}]}',
]


@pytest.mark.parametrize("text", KEPT)
def test_values_and_the_order_of_properties_are_kept_as_they_were_sent(suite, text):
    def written(body):
        # A number keeps its digits, those after the point included: what it is, and how exactly it is known.
        exact = lambda text: Decimal(text).as_tuple()  # noqa: E731
        pairs = json.loads(body, object_pairs_hook=lambda found: found, parse_float=exact)
        return [(name, value) for name, value in pairs if name not in ("id", "meta", "resourceType")]

    type_ = json.loads(text)["resourceType"]
    made = suite.ask("POST", type_, text)
    assert made.status == 201
    assert written(made.text) == written(text)
    assert suite.get(f"{type_}/{made.id}").text == made.text
    assert suite.search(f"{type_}?_id={made.id}").text.count(made.text) == 1


def test_contained_resources_extensions_and_narrative_are_kept(suite):
    sent = make.patient(
        meta={
            "profile": ["https://example.org/p"],
            "tag": [{"code": "t"}],
            "source": "https://example.org/s",
        },
        text={"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>Robin</p></div>'},
        contained=[{"resourceType": "Organization", "id": "o", "name": "Inside"}],
        managingOrganization={"reference": "#o"},
        extension=[{"url": "https://example.org/e", "extension": [{"url": "a", "valueCode": "b"}]}],
    )
    made = suite.post(sent)
    owned = {
        "id": made.id,
        "meta": {**sent["meta"], **{name: made.json["meta"][name] for name in ("versionId", "lastUpdated")}},
    }
    assert made.json == {**sent, **owned}
