"""The operations on codes, as they are called.

https://hl7.org/fhir/R4/terminology-service.html
"""

from urllib.parse import urlencode

import pytest

from server.fhir.json import decode
from server.validation.validate import validate
from tests.terminology.definitions import ANIMALS, code_system, concept, value_set

HL7_SETS = "http://hl7.org/fhir/ValueSet/"
BODY_SITE = f"{HL7_SETS}body-site"
OF_STATUS = f"{HL7_SETS}observation-status"
OURS = "https://w3id.org/single-child-record/"
MARKS = "ValueSet/attendance-mark"
NONE = "http://example.org/none"
FORMER = f"{OURS}CodeSystem/attendance-code-pre2024"
V3 = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
STATUS = "http://hl7.org/fhir/observation-status"
ETHNICITY = f"{OURS}CodeSystem/ethnicity"
NHS = "https://fhir.hl7.org.uk/CodeSystem/UKCore-EthnicCategoryEngland"


def parameters(*parts: dict) -> dict:
    return {"resourceType": "Parameters", "parameter": list(parts)}


def values(answer) -> dict:
    """The simple values of a Parameters by name."""
    assert answer.status == 200, answer.json
    assert validate(decode(answer.text.encode())) == []
    found = ((each["name"], [value for key, value in each.items() if key.startswith("value")]) for each in
             answer.json["parameter"])  # fmt: skip
    return {name: value[0] for name, value in found if value}


def parts(answer, name: str) -> list[dict]:
    """The parts of each parameter of a name."""
    return [
        {
            part["name"]: next(value for key, value in part.items() if key.startswith("value"))
            for part in each["part"]
        }
        for each in answer.json["parameter"]
        if each["name"] == name
    ]


def ask(caller, path: str, **given: str):
    return caller.get(f"{path}?{urlencode(given)}" if given else path)


def sent_to(caller, path: str, resource: dict):
    return caller.ask("POST", path, resource)


def coding(name: str, **said: str) -> dict:
    return {"name": name, "valueCoding": said}


def test_lookup_tells_what_a_code_means(suite):
    answer = ask(suite, "CodeSystem/$lookup", system=FORMER, code="H")
    told = values(answer)
    assert told["name"] == "Attendance code before 19 August 2024" or told["name"]
    assert (told["version"], told["display"]) == ("1.0.0", "Holiday authorised by the school")
    properties = {each["code"]: each["value"] for each in parts(answer, "property")}
    assert properties["inactive"] is True
    assert properties["validTo"] == "2024-08-18"
    kinds = {
        part["name"]: key
        for each in answer.json["parameter"]
        if each["name"] == "property" and each["part"][0]["valueCode"] == "validTo"
        for part in each["part"]
        for key in part
        if key.startswith("value")
    }
    assert kinds["value"] == "valueDateTime"


def test_lookup_of_a_day_says_whether_the_code_was_in_use_then(suite):
    for day, inactive in (("2023-05-01", False), ("2025", True)):
        answer = ask(suite, "CodeSystem/$lookup", system=FORMER, code="H", date=day, property="inactive")
        assert parts(answer, "property") == [{"code": "inactive", "value": inactive}]


def test_lookup_tells_what_stands_around_a_code_if_that_is_asked_for(suite):
    answer = ask(suite, "CodeSystem/$lookup", system=V3, code="AMB", property="parent")
    assert parts(answer, "property") == [
        {"code": "parent", "value": "_ActEncounterCode", "description": "ActEncounterCode"}
    ]


def test_lookup_takes_a_coding_too(suite):
    sent = parameters(coding("coding", system=STATUS, code="final", version="4.0.1"))
    assert values(sent_to(suite, "CodeSystem/$lookup", sent))["display"] == "Final"


@pytest.mark.parametrize(
    ("path", "given", "status"),
    [
        ("CodeSystem/$lookup", {"system": STATUS, "code": "none"}, 404),
        ("CodeSystem/$lookup", {"system": "http://snomed.info/sct", "code": "1"}, 404),
        ("CodeSystem/$lookup", {"system": STATUS, "code": "final", "version": "9"}, 404),
        ("CodeSystem/$lookup", {"code": "final"}, 400),
        ("CodeSystem/$lookup", {"system": STATUS}, 400),
        ("CodeSystem/$lookup", {"system": STATUS, "code": "final", "date": "soon"}, 400),
        ("CodeSystem/attendance-code/$lookup", {"code": "/"}, 404),
        ("CodeSystem/$validate-code", {"code": "final"}, 400),
        ("CodeSystem/$validate-code", {"url": NONE, "code": "final"}, 404),
        ("CodeSystem/nothing/$validate-code", {"code": "final"}, 404),
        ("ValueSet/$validate-code", {"url": OF_STATUS, "code": "final"}, 400),
        ("ValueSet/$validate-code", {"code": "final", "system": STATUS}, 400),
        ("ValueSet/$validate-code", {"url": NONE, "code": "x", "system": STATUS}, 404),
        ("ValueSet/$validate-code", {"context": "Observation.code.text", "code": "x"}, 404),
        ("ValueSet/$expand", {}, 400),
        ("ValueSet/$expand", {"url": NONE}, 404),
        ("ValueSet/$expand", {"url": OF_STATUS, "valueSetVersion": "9"}, 404),
        ("ValueSet/$expand", {"url": BODY_SITE}, 404),
        ("ValueSet/$expand", {"url": f"{HL7_SETS}ucum-units"}, 403),
        ("ValueSet/$expand", {"url": OF_STATUS, "count": "-1"}, 400),
        ("CodeSystem/$subsumes", {"system": V3, "codeA": "AMB"}, 400),
        ("CodeSystem/$subsumes", {"system": V3, "codeA": "AMB", "codeB": "none"}, 404),
        ("CodeSystem/$subsumes", {"codeA": "AMB", "codeB": "AMB"}, 400),
        ("CodeSystem/$find-matches", {"system": V3}, 400),
        ("CodeSystem/$find-matches", {"system": V3, "exact": "true"}, 400),
        ("ConceptMap/$translate", {"url": NONE, "system": STATUS, "code": "final"}, 404),
        ("ConceptMap/$translate", {"code": "final"}, 400),
        ("ConceptMap/$closure", {"name": "x"}, 404),
        ("$closure", {"name": "x"}, 405),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused(suite, path, given, status):
    answer = ask(suite, path, **given)
    assert answer.status == status, answer.json
    assert answer.json["issue"][0]["diagnostics"]


@pytest.mark.parametrize(
    ("path", "given", "result", "said"),
    [
        ("CodeSystem/$validate-code", {"url": STATUS, "code": "final"}, True, None),
        ("CodeSystem/$validate-code", {"url": STATUS, "code": "finale"}, False, "does not exist"),
        ("CodeSystem/$validate-code", {"url": STATUS, "code": "final", "display": "Final"}, True, None),
        ("CodeSystem/$validate-code", {"url": STATUS, "code": "final", "display": "First"}, False,
         "The display"),
        ("CodeSystem/$validate-code", {"url": V3, "code": "_ActEncounterCode"}, False,
         "only groups others"),
        ("CodeSystem/$validate-code", {"url": V3, "code": "_ActEncounterCode", "abstract": "true"}, True,
         None),
        ("CodeSystem/attendance-code/$validate-code", {"code": "/"}, True, None),
        ("CodeSystem/attendance-code/$validate-code", {"code": "/", "date": "2023-09-01"}, False,
         "since 2024-08-19"),
        (f"{MARKS}/$validate-code", {"system": FORMER, "code": "H", "date": "2023-05-01"}, True,
         None),
        (f"{MARKS}/$validate-code", {"system": FORMER, "code": "H", "date": "2025-05-01"}, False,
         "until 2024-08-18"),
        ("ValueSet/$validate-code", {"context": "Observation.status", "code": "final"}, True, None),
        ("ValueSet/$validate-code", {"context": "Observation.status", "code": "none"}, False, "is not one"),
        ("ValueSet/$validate-code", {"url": BODY_SITE, "code": "1",
                                     "system": "http://snomed.info/sct"}, False, "is not held"),
    ],
)  # fmt: skip
def test_validate_code_says_whether_and_why_not(suite, path, given, result, said):
    told = values(ask(suite, path, **given))
    assert told["result"] is result
    assert (said is None and "message" not in told) or said in told["message"]


@pytest.mark.parametrize(
    ("codings", "result"),
    [
        ([{"system": STATUS, "code": "none"}, {"system": STATUS, "code": "final"}], True),
        ([{"system": STATUS, "code": "none"}, {"system": V3, "code": "AMB"}], False),
        ([{"display": "no code"}], False),
    ],
)
def test_a_concept_is_good_if_one_of_its_codes_is(suite, codings, result):
    concept_ = {"name": "codeableConcept", "valueCodeableConcept": {"coding": codings}}
    url = {"name": "url", "valueUri": OF_STATUS}
    assert values(sent_to(suite, "ValueSet/$validate-code", parameters(url, concept_)))["result"] is result
    sent = parameters({"name": "url", "valueUri": STATUS}, concept_)
    assert values(sent_to(suite, "CodeSystem/$validate-code", sent))["result"] is result


def test_a_definition_may_come_with_the_question(suite):
    sent = parameters({"name": "codeSystem", "resource": ANIMALS}, {"name": "code", "valueCode": "dog"})
    assert values(sent_to(suite, "CodeSystem/$validate-code", sent))["display"] == "Display of dog"
    listed = value_set("own", {"system": STATUS, "concept": [{"code": "final"}]})
    assert sent_to(suite, "ValueSet/$expand", listed).json["expansion"]["total"] == 1
    sent = parameters(
        {"name": "valueSet", "resource": listed}, coding("coding", system=STATUS, code="amended")
    )
    assert values(sent_to(suite, "ValueSet/$validate-code", sent))["result"] is False


def test_a_definition_that_is_wrong_is_told_what_is_wrong(suite):
    wrong = {**code_system("wrong", concept("x")), "content": "nonsense"}
    sent = parameters({"name": "codeSystem", "resource": wrong}, {"name": "code", "valueCode": "x"})
    answer = sent_to(suite, "CodeSystem/$validate-code", sent)
    assert answer.status == 422
    assert "CodeSystem.content" in str(answer.json)


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        ({"codeA": "AMB", "codeB": "AMB"}, "equivalent"),
        ({"codeA": "_ActEncounterCode", "codeB": "AMB"}, "subsumes"),
        ({"codeA": "AMB", "codeB": "_ActEncounterCode"}, "subsumed-by"),
        ({"codeA": "AMB", "codeB": "EMER"}, "not-subsumed"),
    ],
)
def test_subsumes_says_how_two_codes_stand(suite, given, outcome):
    assert values(ask(suite, "CodeSystem/$subsumes", system=V3, **given)) == {"outcome": outcome}
    codings = [coding(name.replace("code", "coding"), system=V3, code=code) for name, code in given.items()]
    assert values(sent_to(suite, "CodeSystem/$subsumes", parameters(*codings))) == {"outcome": outcome}


def test_subsumes_of_a_stored_code_system(suite):
    answer = ask(suite, "CodeSystem/attendance-code/$subsumes", codeA="/", codeB="\\")
    assert values(answer) == {"outcome": "not-subsumed"}


def test_codes_of_two_systems_do_not_compare(suite):
    sent = parameters(
        coding("codingA", system=V3, code="AMB"), coding("codingB", system=STATUS, code="final")
    )
    assert sent_to(suite, "CodeSystem/$subsumes", sent).status == 400


def a_property(code: str, **value: object) -> dict:
    return {"name": "property", "part": [{"name": "code", "valueCode": code}, {"name": "value", **value}]}


@pytest.mark.parametrize(
    ("exact", "properties", "expected"),
    [
        (True, [("legs", {"valueInteger": 4}), ("home", {"valueCode": "house"})], {"dog": 0, "cat": 0}),
        (True, [("legs", {"valueInteger": 2}), ("home", {"valueCode": "sea"})], {"penguin": 0}),
        (False, [("legs", {"valueInteger": 2}), ("home", {"valueCode": "sea"})],
         {"penguin": 0, "whale": 1, "bird": 1}),
        (True, [("legs", {"valueInteger": 9}), ("home", {"valueCode": "sea"})], {"whale": 1, "penguin": 1}),
        (True, [("legs", {"valueInteger": 9})], {}),
    ],
)  # fmt: skip
def test_find_matches_finds_codes_by_their_properties(suite, exact, properties, expected):
    made = [a_property(code, **value) for code, value in properties]
    sent = parameters({"name": "exact", "valueBoolean": exact}, *made)
    assert suite.put(ANIMALS).status in (200, 201)
    answer = sent_to(suite, "CodeSystem/animals/$find-matches", sent)
    assert answer.status == 200, answer.json
    matches = [each["part"] for each in answer.json.get("parameter", ())]
    found = {
        match[0]["valueCoding"]["code"]: sum(part["name"] == "unmatched" for part in match)
        for match in matches
    }
    assert found == expected


def test_expand_lists_a_value_set_page_by_page(suite):
    path = "ValueSet/attendance-mark/$expand"
    whole = suite.get(path).json["expansion"]
    assert whole["total"] == len(whole["contains"])
    first, second = (ask(suite, path, count=40, offset=at).json["expansion"] for at in (0, 40))
    assert first["contains"] + second["contains"] == whole["contains"]
    assert {"name": "count", "valueInteger": 40} in first["parameter"]
    assert validate(decode(suite.get(path).text.encode())) == []


def test_expand_of_a_day_lists_what_could_be_used_then(suite):
    path = "ValueSet/attendance-mark/$expand"
    for day, held, missing in (("2023-05-01", "H", "C1"), ("2025-05-01", "C1", "H")):
        codes = [each["code"] for each in ask(suite, path, date=day).json["expansion"]["contains"]]
        assert held in codes
        assert missing not in codes


def test_expand_of_an_element_lists_what_it_is_bound_to(suite):
    answer = ask(suite, "ValueSet/$expand", context="Observation.status")
    assert {"registered", "final"} <= {each["code"] for each in answer.json["expansion"]["contains"]}


def test_a_tree_is_given_to_who_wants_one(suite):
    url = "http://terminology.hl7.org/ValueSet/v3-ActCode"
    flat = ask(suite, "ValueSet/$expand", url=url).json["expansion"]["contains"]
    roots = ask(suite, "ValueSet/$expand", url=url, excludeNested="false").json["expansion"]["contains"]
    assert not any("contains" in each for each in flat)
    inside = [each for root in roots for each in root.get("contains", ())]
    assert len(roots) + len(inside) <= len(flat)
    assert {each["code"] for each in inside} <= {each["code"] for each in flat}
    assert {"AMB", "EMER"}.isdisjoint(each["code"] for each in roots)


def test_translate_goes_both_ways(suite):
    answer = ask(suite, "ConceptMap/ethnicity-dfe-to-nhs/$translate", system=ETHNICITY, code="WBRI")
    assert values(answer) == {"result": True}
    [match] = parts(answer, "match")
    assert match["concept"] == {"system": NHS, "code": "A", "display": "White - British"}
    back = ask(suite, "ConceptMap/$translate", system=NHS, code="A", reverse="true", targetsystem=ETHNICITY)
    assert "WBRI" in {each["concept"]["code"] for each in parts(back, "match")}


def test_what_no_map_translates_is_told_so(suite):
    told = values(ask(suite, "ConceptMap/$translate", system=ETHNICITY, code="NONE"))
    assert told == {"result": False, "message": "No map that is held here has a translation of this code."}


def closure(caller, name: str, *more: dict):
    return sent_to(caller, "$closure", parameters({"name": "name", "valueString": name}, *more))


def told_by(answer) -> set[tuple[str, str]]:
    assert answer.status == 200, answer.json
    assert validate(decode(answer.text.encode())) == []
    return {
        (element["code"], target["code"])
        for group in answer.json.get("group", ())
        for element in group["element"]
        for target in element["target"]
    }


def v3(*codes: str) -> list[dict]:
    return [coding("concept", system=V3, code=code) for code in codes]


def test_a_closure_table_grows_with_the_codes_that_are_told(suite):
    assert closure(suite, "visits").json["version"] == "0"
    assert told_by(closure(suite, "visits", *v3("AMB", "EMER"))) == set()
    assert told_by(closure(suite, "visits", *v3("_ActEncounterCode"))) == {
        ("AMB", "_ActEncounterCode"), ("EMER", "_ActEncounterCode"),
    }  # fmt: skip
    assert told_by(closure(suite, "visits", *v3("AMB", "HH"))) == {("HH", "_ActEncounterCode")}


def test_a_closure_table_tells_again_what_came_after_a_version(suite):
    closure(suite, "again")
    closure(suite, "again", *v3("_ActEncounterCode", "AMB"))
    last = closure(suite, "again", *v3("HH"))
    since = {"name": "version", "valueString": "1"}
    assert told_by(closure(suite, "again", since)) == told_by(last) == {("HH", "_ActEncounterCode")}
    assert len(told_by(closure(suite, "again", {"name": "version", "valueString": "0"}))) == 2


def test_a_closure_table_that_begins_anew_is_empty(suite):
    closure(suite, "anew")
    closure(suite, "anew", *v3("_ActEncounterCode"))
    closure(suite, "anew")
    assert told_by(closure(suite, "anew", *v3("AMB"))) == set()


def test_a_closure_table_is_its_clients_own(suite, client_with):
    closure(suite, "mine")
    assert closure(client_with("school"), "mine", *v3("AMB")).status == 404


@pytest.mark.parametrize(
    ("more", "status"),
    [
        (v3("none"), 404),
        ([coding("concept", system=NONE, code="x")], 404),
        ([coding("concept", code="x")], 400),
        ([*v3("AMB"), {"name": "version", "valueString": "1"}], 400),
        ([{"name": "version", "valueString": "one"}], 400),
        (v3("AMB") * 1001, 403),
    ],
)
def test_what_a_closure_table_cannot_take(suite, more, status):
    closure(suite, "strict")
    assert closure(suite, "strict", *more).status == status


def test_the_statement_declares_the_operations(suite):
    [rest] = suite.get("metadata").json["rest"]
    offered = {each["type"]: {op["name"] for op in each.get("operation", ())} for each in rest["resource"]}
    assert {"lookup", "validate-code", "subsumes", "find-matches"} <= offered["CodeSystem"]
    assert {"expand", "validate-code"} <= offered["ValueSet"]
    assert "translate" in offered["ConceptMap"]
    assert "closure" in {each["name"] for each in rest["operation"]}


@pytest.mark.parametrize(
    ("path", "more", "status"),
    [
        ("$closure", [("name", "valueString", "x" * 256)], 400),
        ("CodeSystem/$find-matches", [("exact", "valueBoolean", False), ("system", "valueUri", V3)], 403),
    ],
)
def test_what_is_too_much_is_refused(suite, path, more, status):
    sent = [{"name": name, key: value} for name, key, value in more]
    if status == 403:
        code, value = {"name": "code", "valueCode": "x"}, {"name": "value", "valueString": "x"}
        sent += 51 * [{"name": "property", "part": [code, value]}]
    assert suite.ask("POST", path, parameters(*sent)).status == status


def test_a_closure_table_takes_no_code_that_is_too_long(suite):
    long = "".join(chr(33 + number * 7 % 90) for number in range(9000)).replace("'", "x")
    suite.put({"resourceType": "CodeSystem", "id": "long-codes", "url": NONE, "status": "active",
               "content": "complete", "concept": [{"code": long}]})  # fmt: skip
    named = {"name": "name", "valueString": "long"}
    assert suite.ask("POST", "$closure", parameters(named)).status == 200
    refused = suite.ask(
        "POST",
        "$closure",
        parameters(named, {"name": "concept", "valueCoding": {"system": NONE, "code": long}}),
    )
    assert (refused.status, refused.code) == (400, "invalid")
    suite.delete("CodeSystem/long-codes")


def test_a_long_filter_is_only_slow_words(suite):
    """Each word once took a function inside of another, and with many of them the process ended."""
    words = {"name": "filter", "valueString": " ".join(f"w{number}" for number in range(25_000))}
    url = {"name": "url", "valueUri": "http://terminology.hl7.org/ValueSet/v3-ActCode"}
    answer = suite.ask("POST", "ValueSet/$expand", parameters(url, words))
    assert (answer.status, answer.json["expansion"]["total"]) == (200, 0)


def test_a_long_code_is_not_repeated_in_full(suite):
    asked = parameters({"name": "url", "valueUri": STATUS}, {"name": "code", "valueCode": "x" * 100_000})
    assert len(suite.ask("POST", "CodeSystem/$validate-code", asked).text) < 1000
