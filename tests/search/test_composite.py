"""Composites: what stands together in one element is found together, and nothing else is."""

import pytest
from sqlalchemy import Connection

from server.fhir import Json
from server.fhir.issue import Invalid
from tests.search.indexed import found, store

UCUM = "http://unitsofmeasure.org"


def code(text: str) -> Json:
    return {"coding": [{"system": "s", "code": text}]}


def grams(value: int) -> Json:
    return {"value": value, "system": UCUM, "code": "g"}


COMPONENTS = {
    "code": code("panel"),
    "valueQuantity": grams(1),
    "component": [
        {"code": code("a"), "valueQuantity": grams(10)},
        {"code": code("b"), "valueQuantity": grams(20)},
        {"code": code("c"), "valueCodeableConcept": code("x")},
        {"code": code("d"), "valueCodeableConcept": code("y")},
        {"code": code("e"), "valueString": "text"},
    ],
}


@pytest.mark.parametrize(
    ("type_", "elements", "queries", "others"),
    [
        (
            "Observation",
            {"code": code("c"), "valueCodeableConcept": code("v")},
            ["code-value-concept=c$v", "code-value-concept=s|c$s|v", "code-value-concept=s|$v",
             "code-value-concept=x$y,c$v", "combo-code-value-concept=c$v",
             "code-value-concept:missing=false", "component-code-value-concept:missing=true"],
            ["code-value-concept=c$w", "code-value-concept=v$c", "code-value-concept=t|c$v",
             "code-value-concept=c$w,x$v", "component-code-value-concept=c$v",
             "code-value-concept:missing=true", "code-value-quantity:missing=false"],
        ),
        (
            "Observation",
            COMPONENTS,
            ["component-code-value-quantity=a$10", "component-code-value-quantity=s|b$gt19",
             f"component-code-value-quantity=a$0.010|{UCUM}|kg", "component-code-value-quantity=b$le20,x$1",
             "combo-code-value-quantity=a$10", "combo-code-value-quantity=panel$1",
             "code-value-quantity=panel$lt2", "component-code-value-concept=c$x",
             "component-code-value-concept=s|d$s|y", "combo-code-value-concept=d$y",
             "component-code-value-quantity:missing=false", "combo-code-value-quantity:missing=false"],
            ["component-code-value-quantity=a$20", "component-code-value-quantity=b$10",
             "component-code-value-quantity=panel$1", "component-code-value-quantity=panel$10",
             "combo-code-value-quantity=panel$10", "combo-code-value-quantity=a$1",
             "code-value-quantity=a$10", "code-value-quantity=panel$10", "component-code-value-concept=c$y",
             "component-code-value-concept=d$x", "component-code-value-concept=t|c$x",
             "combo-code-value-concept=panel$x", "component-code-value-quantity=e$ge0",
             "component-code-value-quantity:missing=true", "combo-code-value-quantity:missing=true"],
        ),
        (
            "Observation",
            {"code": code("c"), "valueDateTime": "2024-05-06"},
            ["code-value-date=c$2024-05-06", "code-value-date=c$gt2024-05-05", "code-value-date=c$2024"],
            ["code-value-date=c$2023", "code-value-date=x$2024"],
        ),
        (
            "Observation",
            {"code": code("c$d"), "valueString": "Zoë$ and"},
            [r"code-value-string=c\$d$zoe", r"code-value-string=c\$d$zoe\$ a"],
            [r"code-value-string=c\$d$and"],
        ),
        (
            "DocumentReference",
            {"relatesTo": [
                {"code": "replaces", "target": {"reference": "DocumentReference/1"}},
                {"code": "appends", "target": {"reference": "DocumentReference/2"}},
            ]},
            ["relationship=DocumentReference/1$replaces", "relationship=2$appends",
             "relationship=1$http://hl7.org/fhir/document-relationship-type|replaces"],
            ["relationship=DocumentReference/1$appends", "relationship=2$replaces",
             "relationship=1$http://other|replaces"],
        ),
        (
            "Group",
            {"characteristic": [
                {"code": code("a"), "valueBoolean": True, "exclude": False},
                {"code": code("b"), "valueCodeableConcept": code("v"), "exclude": False},
            ]},
            ["characteristic-value=a$true", "characteristic-value=b$v"],
            ["characteristic-value=b$true", "characteristic-value=a$v", "characteristic-value=a$false"],
        ),
        (
            "MolecularSequence",
            {"referenceSeq": {"chromosome": code("1"), "windowStart": 10, "windowEnd": 20},
             "variant": [{"start": 1, "end": 5}, {"start": 7, "end": 9}]},
            ["chromosome-variant-coordinate=1$ge1$le5", "chromosome-variant-coordinate=1$7$9",
             "chromosome-window-coordinate=1$10$20"],
            ["chromosome-variant-coordinate=1$1$9", "chromosome-variant-coordinate=1$7$5",
             "chromosome-variant-coordinate=2$7$9", "chromosome-window-coordinate=1$10$21"],
        ),
        (
            "ValueSet",
            {"useContext": [
                {"code": {"system": "s", "code": "age"},
                 "valueRange": {"low": {"value": 5}, "high": {"value": 9}}},
                {"code": {"system": "s", "code": "venue"}, "valueCodeableConcept": code("v")},
            ]},
            ["context-type-quantity=age$gt8", "context-type-value=s|venue$v",
             "context-type-quantity=s|age$lt6"],
            ["context-type-quantity=venue$gt8", "context-type-value=age$v", "context-type-quantity=age$gt9"],
        ),
    ],
)  # fmt: skip
def test_the_parts_of_a_composite_are_of_the_same_element(
    connection: Connection, type_: str, elements: Json, queries: list[str], others: list[str]
) -> None:
    id_ = store(connection, type_, elements)
    assert [query for query in queries if found(connection, type_, query) != {id_}] == []
    assert [query for query in others if found(connection, type_, query)] == []


@pytest.mark.parametrize(
    "query",
    ["code-value-quantity=a", "code-value-quantity=a$", "code-value-quantity=$5", "code-value-quantity=a$5$6",
     "code-value-quantity=a$b", "code-value-quantity=|$5", "component-code-value-quantity=a$x",
     "code-value-date=a$yesterday"],
)  # fmt: skip
def test_a_composite_value_that_makes_no_sense_is_refused(connection: Connection, query: str) -> None:
    with pytest.raises(Invalid):
        found(connection, "Observation", query)
