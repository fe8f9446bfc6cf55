"""The published tests of FHIRPath: 935 expressions, each with what it finds or how it fails."""

from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from server.definition.library import library
from server.definition.xml import from_xml
from server.fhir import Json, json
from server.fhir.fhirpath import Environment, Misused, Unknown, Unread, compile, quantity, temporal
from server.terminology import ucum

DATA = Path(__file__).parents[2] / "data" / "fhir-test-cases" / "fhirpath"
SUITE = etree.parse(DATA / "tests-fhir-r4.xml").getroot()

OTHERWISE = {
    "testDollarOrderNotAllowed": "the order of children() is that in which they were written",
    "testFHIRPathAsFunction21": "'as' chooses among several: R4's own rule dom-3 relies on it",
    "LowBoundaryDecimal15": "the least is the least: -0.1 and not 0",
    "HighBoundaryDecimal15": "the greatest is the greatest: 0.1 and not 0",
    "HighBoundaryDecimal16": "a minus sign before a function is applied to what it finds",
    "HighBoundaryDateTimeMillisecond1": "08 is the whole hour, to its last minute",
    "HighBoundaryDateTimeMillisecond3": "08 is the whole hour, to its last minute",
}
"""What is answered otherwise, and why."""


CASES = [
    pytest.param(test, id=test.get("name"))
    for test in SUITE.iter("test")
    if test.get("name") not in OTHERWISE
]


@pytest.mark.parametrize("test", CASES)
def test_an_expression_finds_what_is_published(test):
    expression = test.find("expression")
    resource = read(test.get("inputfile", "patient-example.xml"))
    if expression.get("invalid"):
        with pytest.raises((Misused, Unknown, Unread)):
            found(expression.text, resource)
        return
    answer = found(expression.text, resource)
    if test.get("predicate") == "true":
        answer = ["true" if answer else "false"]
    assert sorted(answer) == sorted(output.text or "" for output in test.iter("output"))


def test_there_are_as_many_as_are_published():
    assert len(CASES) + len(OTHERWISE) == 935


def found(expression: str, resource: Json) -> list[str]:
    compiled = compile(expression, resource["resourceType"], library().children)
    environment = Environment(resource=resource, base_units=base_units, conforms_to=conforms_to)
    return [written(*item) for item in compiled.evaluate(resource, environment)]


def written(value: Any, type: str, _: Json | None) -> str:
    if type in temporal.TYPES:
        return f"@T{value}" if type in temporal.TIMES else f"@{value}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | Decimal):
        return str(value)
    return quantity.written(value)


def base_units(value: Decimal, code: str) -> tuple[Decimal, str] | None:
    measure = ucum.measure(code)
    return (measure.amount(value), measure.base) if measure else None


def conforms_to(resource: Json, profile: str) -> bool:
    definition = library().definition(profile)
    if definition is None:
        raise Misused(f"There is no profile '{profile}'.")
    return bool(definition["type"] == resource["resourceType"])


@cache
def read(name: str) -> Json:
    path = DATA / name
    if path.exists() and path.suffix == ".xml":
        return from_xml(path.read_bytes(), remarks=True)
    return json.decode(path.with_suffix(".json").read_bytes())
