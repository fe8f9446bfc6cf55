"""The invariants of R4 and ours: each can be asked, and is answered as a full FHIRPath engine answers it."""

import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from server.definition.library import library
from server.fhir import Json, json
from server.fhir.fhirpath import Environment, Expression, Misused, Unknown, compile
from server.fhir.fhirpath.erratum import _CORRECTED, corrected
from server.fhir.patience import Patience
from tests.fhir.fhirpath.yardstick import ASKED_ELSEWHERE, elements, every, finds, invariants

EXAMPLES = sorted((Path(__file__).parents[2] / "data" / "fhir-test-cases").glob("*.json"))
EVERY = sorted(set(every()))

NAMES_NOTHING = {
    ("cid-0", "ChargeItemDefinition"),
    ("inv-1", "Event"),
    ("inv-1", "Extension"),
    ("ras-1", "decimal"),
}
"""Invariants of HL7's that name an element which the type does not have."""
ABSTRACT = ("Definition", "Event", "FiveWs", "Request")
"""Patterns of the specification, of which there are no elements."""


def test_every_invariant_can_be_asked():
    assert len(EVERY) > 1500
    refused = {(key, type) for key, type, expression in EVERY if not asked(expression, type)}
    assert {each for each in refused if each[1].partition(".")[0] not in ABSTRACT} == NAMES_NOTHING - {
        ("inv-1", "Event")
    }


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_invariant_is_judged_in_a_published_example_as_fhirpathpy_judges_it(path):
    assert_judged_alike(json.decode(path.read_bytes()))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_and_where_elements_are_missing(path, is_soak):
    dice = random.Random(path.stem)
    for _ in range(200 if is_soak else 2):
        resource = json.decode(path.read_bytes())
        for _ in range(dice.randint(1, 6)):
            objects = [each for each, _ in elements(resource) if isinstance(each, dict)]
            pairs = [(each, key) for each in objects for key in each if key != "resourceType"]
            holder, key = dice.choice(pairs or [({"": ""}, "")])
            del holder[key]
        assert_judged_alike(resource)


def test_the_examples_have_something_to_judge():
    """Guards the comparisons above: both engines agree on nothing at all."""
    resources = [json.decode(path.read_bytes()) for path in EXAMPLES]
    judged = {key for each in resources for _, type in elements(each) for key, _ in invariants(type)}
    assert len(judged) > 100


@pytest.mark.parametrize("path", EXAMPLES[::5], ids=lambda path: path.stem)
def test_an_invariant_is_judged_alike_where_its_steps_are_counted(path):
    resource = json.decode(path.read_bytes())
    environment = Environment(resource=resource, patience=Patience(10**9, ""))
    for node, type in elements(resource):
        for _, expression in invariants(type):
            if ours := asked(expression, type):
                counted = compile(expression, type, library().children, counted=True)
                assert judged(counted, node, environment) == judged(ours, node, environment), expression


def assert_judged_alike(resource: Json) -> None:
    environment = Environment(resource=resource)
    for node, type in elements(resource):
        for key, expression in invariants(type):
            ours = asked(expression, type)
            if ours and key not in ASKED_ELSEWHERE:
                assert judged(ours, node, environment) == theirs(expression, node, type, resource), expression


def judged(expression: Expression, node: Any, environment: Environment) -> bool | None:
    found = expression.values(node, environment)
    return found[0] if found else None


def theirs(expression: str, node: Any, type: str, resource: Json) -> bool | None:
    found = finds(corrected(expression), node, type, resource)
    return found[0] if found else None


@cache
def asked(expression: str, type: str) -> Expression | None:
    try:
        return compile(expression, type, library().children)
    except Unknown:
        return None


def test_what_is_corrected_is_an_invariant_of_r4():
    assert set(_CORRECTED) <= {expression for _, _, expression in EVERY}


@pytest.mark.parametrize(
    ("type", "expression", "node", "holds"),
    [
        ("Period", "per-1", {"start": "2024-05", "end": "2024"}, False),
        ("Period", "per-1", {"start": "2024-05-02", "end": "2024-05-01"}, False),
        ("Period", "per-1", {"start": "2024-05-02T10:00:00Z", "end": "2024-05-02"}, False),
        ("Period", "per-1", {"start": "2024-05-02T10:00:00Z", "end": "2024-05-02T10:30:00+01:00"}, False),
        ("Period", "per-1", {"start": "2024-05-02T10:00:00Z", "end": "2024-05-03"}, True),
        ("Period", "per-1", {"start": "2024-05-02"}, True),
        ("Reference", "ref-1", {"display": "somebody"}, True),
        ("Reference", "ref-1", {"reference": "#p"}, True),
        ("Reference", "ref-1", {"reference": "#q"}, False),
        ("Bundle.entry", "bdl-8", {"resource": {}}, True),
        ("Bundle.entry", "bdl-8", {"fullUrl": "http://x/Patient/1/_history/1"}, False),
        ("Range", "rng-2", {"low": {"value": 1}, "high": {"value": 2}}, True),
        ("Range", "rng-2", {"low": {"value": 3}, "high": {"value": 2}}, False),
        ("Range", "rng-2", {"low": {"value": 3, "unit": "a"}, "high": {"value": 2, "unit": "b"}}, True),
        ("Questionnaire.item.enableWhen", "que-7", {"operator": "exists", "answerBoolean": True}, True),
        ("Questionnaire.item.enableWhen", "que-7", {"operator": "exists", "answerInteger": 1}, False),
        ("Questionnaire.item", "que-12", {"enableWhen": [{}, {}]}, False),
        ("RiskAssessment.prediction", "ras-2", {"qualitativeRisk": {}}, True),
        ("RiskAssessment.prediction", "ras-2", {"probabilityDecimal": 101}, False),
        ("CodeSystem", "csd-0", {"resourceType": "CodeSystem"}, True),
        ("CodeSystem", "csd-0", {"resourceType": "CodeSystem", "name": "not a Name"}, False),
        ("Duration", "drt-1", {"code": "min", "value": 1}, False),
    ],
)
def test_an_invariant_says_what_it_means(type, expression, node, holds):
    text = next(text for key, text in invariants(type) if key == expression)
    root = {"resourceType": "Basic", "contained": [{"resourceType": "Patient", "id": "p"}]}
    assert compile(text, type, library().children).holds(node, Environment(resource=root)) is holds


def test_an_invariant_that_cannot_be_evaluated_does_not_hold():
    misused = compile("name.given + 1 = 2", "Patient", library().children)
    patient = {"resourceType": "Patient", "name": [{"given": ["A", "B"]}]}
    assert misused.holds(patient, Environment(resource=patient)) is False
    with pytest.raises(Misused):
        misused.evaluate(patient, Environment(resource=patient))
