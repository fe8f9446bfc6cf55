"""Tokens asked for in other ways than by themselves: by text, by meaning, with the type of an identifier."""

from urllib.parse import quote

import pytest
from sqlalchemy import Connection

from server.fhir import Json
from server.fhir.issue import Invalid, TooCostly
from server.search.types import expansion
from tests.search.indexed import found, store

OURS = "https://w3id.org/single-child-record/CodeSystem"
SETS = "https://w3id.org/single-child-record/ValueSet"
HL7 = "http://terminology.hl7.org/CodeSystem"
KIND = f"{HL7}/v2-0203"


ILLNESS = "Illness (not medical or dental appointment)"


def concept(system: str, code: str, display: str | None = None, text: str | None = None) -> Json:
    coding = {"system": system, "code": code, **({"display": display} if display else {})}
    return {"coding": [coding], **({"text": text} if text else {})}


@pytest.mark.parametrize(
    ("type_", "elements", "queries", "others"),
    [
        (
            "Condition",
            {"code": concept("s", "c", "Éczema of the hand", "Sore, red hands")},
            ["code:text=eczema", "code:text=ECZEMA OF", "code:text=sore red", "code:text=x,sore"],
            ["code:text=hand", "code:text=c", "code:text=red", "code=Sore"],
        ),
        (
            "Condition",
            {"code": {"text": "Asthma"}},
            ["code:text=asth", "code:missing=false"],
            ["code:text=x", "code=Asthma"],
        ),
        (
            "Observation",
            {"valueCodeableConcept": concept(f"{OURS}/attendance-code", "I", ILLNESS)},
            ["value-concept:text=illness", "value-concept:text=illness not medical"],
            ["value-concept:text=medical", "code:text=illness"],
        ),
        (
            # The code is known to read so, and does not say so here.
            "Observation",
            {"valueCodeableConcept": concept(f"{OURS}/attendance-code", "I")},
            ["value-concept=I"],
            ["value-concept:text=illness"],
        ),
        (
            "Patient",
            {"identifier": [{"system": "s", "value": "v", "type": {"text": "Old number", "coding": [
                {"system": KIND, "code": "MR"}]}}]},
            ["identifier:text=old", f"identifier:of-type={KIND}|MR|v",
             f"identifier:of-type=x|y|z,{KIND}|MR|v"],
            ["identifier:text=number", f"identifier:of-type={KIND}|MR|w", f"identifier:of-type={KIND}|PN|v",
             "identifier:of-type=x|MR|v", "identifier:of-type=s|MR|v"],
        ),
        (
            "Observation",
            {"status": "final", "category": [concept("c", "lab", "Laboratory")]},
            ["category:text=lab", "status:in=http://hl7.org/fhir/ValueSet/observation-status",
             "status:not-in=http://hl7.org/fhir/ValueSet/administrative-gender"],
            ["status:not-in=http://hl7.org/fhir/ValueSet/observation-status",
             "status:in=http://hl7.org/fhir/ValueSet/administrative-gender", "status:text=final"],
        ),
        (
            "Observation",
            {"valueCodeableConcept": concept(f"{OURS}/attendance-code", "I")},
            [f"value-concept:in={SETS}/attendance-code", f"value-concept:not-in={SETS}/sen-provision",
             f"value-concept:in={SETS}/sen-provision,{SETS}/attendance-code"],
            [f"value-concept:not-in={SETS}/attendance-code", f"value-concept:in={SETS}/sen-provision",
             f"code:in={SETS}/attendance-code"],
        ),
        (
            # Of another system, a code that looks the same.
            "Observation",
            {"valueCodeableConcept": concept("http://other", "I")},
            [f"value-concept:not-in={SETS}/attendance-code"],
            [f"value-concept:in={SETS}/attendance-code"],
        ),
        (
            "Observation",
            {},
            [f"value-concept:not-in={SETS}/attendance-code"],
            [f"value-concept:in={SETS}/attendance-code"],
        ),
        (
            "AllergyIntolerance",
            {"clinicalStatus": concept(f"{HL7}/allergyintolerance-clinical", "resolved")},
            [f"clinical-status:below={HL7}/allergyintolerance-clinical|inactive",
             f"clinical-status:below={HL7}/allergyintolerance-clinical|resolved",
             f"clinical-status:above={HL7}/allergyintolerance-clinical|resolved"],
            [f"clinical-status:below={HL7}/allergyintolerance-clinical|active",
             f"clinical-status:above={HL7}/allergyintolerance-clinical|inactive"],
        ),
        (
            "AllergyIntolerance",
            {"clinicalStatus": concept(f"{HL7}/allergyintolerance-clinical", "inactive")},
            [f"clinical-status:above={HL7}/allergyintolerance-clinical|resolved",
             f"clinical-status:below={HL7}/allergyintolerance-clinical|inactive"],
            [f"clinical-status:below={HL7}/allergyintolerance-clinical|resolved"],
        ),
    ],
)  # fmt: skip
def test_tokens_are_found_by_what_is_meant_and_said(
    connection: Connection, type_: str, elements: Json, queries: list[str], others: list[str]
) -> None:
    id_ = store(connection, type_, elements)
    assert [query for query in queries if found(connection, type_, query) != {id_}] == []
    assert [query for query in others if found(connection, type_, query)] == []


@pytest.mark.parametrize(
    "query",
    [
        "code:in=http://nothing",
        "code:not-in=http://nothing",
        "code:below=http://nothing|x",
        "code:below=x",
        f"clinical-status:below={HL7}/condition-clinical|nonsense",
        "identifier:of-type=a|b",
        "identifier:of-type=a|b|",
        "identifier:of-type=a||c",
        "identifier:of-type=a|b|c|d",
        "code:text=.",
    ],
)
def test_what_cannot_be_meant_is_refused(connection: Connection, query: str) -> None:
    with pytest.raises(Invalid):
        found(connection, "Condition", quote(query, safe="=:/|"))


def test_a_value_set_of_too_many_codes_is_refused_and_says_how_many(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expansion, "MOST", 3)
    with pytest.raises(TooCostly, match="stands for 8 codes"):
        found(connection, "Observation", "status:in=http://hl7.org/fhir/ValueSet/observation-status")
