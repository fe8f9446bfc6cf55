"""Search expressions as closures: all of R4's, finding exactly what a full FHIRPath engine finds."""

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fhirpathpy import compile as fhirpath
from fhirpathpy.engine.nodes import ResourceNode
from fhirpathpy.models import models

from server.definition.children import Children, children
from server.definition.library import library
from server.fhir import Json
from server.fhir.expression import parse, roots
from server.fhir.json import decode, encode
from server.fhir.path import Unknown, applicable, compile, is_closure
from server.fhir.reference import parse as reference

EXAMPLES = sorted((Path(__file__).parent.parent / "data" / "fhir-test-cases").glob("*.json"))
TYPES = library().resource_types

EXPRESSIONS = sorted(
    {
        (type, parameter.expression)
        for type in TYPES
        for parameter in library().search_parameters(type).values()
        if parameter.expression and parameter.url.startswith("http://hl7.org/fhir/")
    }
)

OBSERVATION: Json = {
    "resourceType": "Observation",
    "id": "one",
    "meta": {"tag": [{"code": "a"}, {"code": "b"}]},
    "contained": [{"resourceType": "Patient", "id": "inside"}],
    "extension": [{"url": "urn:x", "valueString": "x"}, {"url": "urn:y", "valueCode": "y"}],
    "status": "final",
    "effectivePeriod": {"start": "2024-01-01"},
    "subject": {"reference": "Patient/1"},
    "performer": [{"reference": "Organization/1"}, {"reference": "#inside"}],
    "valueQuantity": {"value": 5},
    "component": [{"valueQuantity": {"value": 6}}, {"valueString": "seven"}, {"code": {"text": "t"}}],
}
PATIENT: Json = {
    "resourceType": "Patient",
    "name": [{"family": "Aa", "given": ["B", None, "C"]}, {"given": ["D"]}],
    "telecom": [{"system": "phone", "value": "1"}, {"system": "email", "value": "2"}, {"value": "3"}],
    "contact": [{"gender": "female"}],
    "deceasedBoolean": False,
    "multipleBirthInteger": 2,
    "_birthDate": {"extension": [{"url": "urn:t", "valueTime": "12:00:00"}]},
    "birthDate": "2020-01-01",
}


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("Observation.status", [("final", "code")]),
        ("Observation.id", [("one", "id")]),
        ("Resource.id", [("one", "id")]),
        ("status", [("final", "code")]),
        ("Observation", [(OBSERVATION, "Observation")]),
        ("Observation.issued", []),
        ("Observation.meta.tag", [({"code": "a"}, "Coding"), ({"code": "b"}, "Coding")]),
        ("Observation.effective", [({"start": "2024-01-01"}, "Period")]),
        ("(Observation.effective as dateTime)", []),
        ("Observation.effective.as(Period).start", [("2024-01-01", "dateTime")]),
        ("Observation.value", [({"value": 5}, "Quantity")]),
        ("Observation.value as Quantity", [({"value": 5}, "Quantity")]),
        ("Observation.value.ofType(Quantity).value", [(5, "decimal")]),
        ("(Observation.component.value as Quantity)", [({"value": 6}, "Quantity")]),
        ("Observation.component.value", [({"value": 6}, "Quantity"), ("seven", "string")]),
        ("Observation.component.code.text", [("t", "string")]),
        ("Observation.component[2]", [({"code": {"text": "t"}}, "BackboneElement")]),
        ("Observation.component[1].value", [("seven", "string")]),
        ("Observation.component.first().value.value", [(6, "decimal")]),
        ("Observation.component[9].value", []),
        ("Observation.subject | Patient.name", [({"reference": "Patient/1"}, "Reference")]),
        ("Patient.name | Encounter.status", []),
        ("Observation.subject.where(resolve() is Patient)", [({"reference": "Patient/1"}, "Reference")]),
        ("Observation.subject.where(resolve() is Group)", []),
        ("Observation.performer.where(resolve() is Patient)", [({"reference": "#inside"}, "Reference")]),
        ("Observation.extension('urn:x').value", [("x", "string")]),
        ("Observation.extension('urn:y').value.as(code)", [("y", "code")]),
        ("Observation.extension('urn:z').value", []),
        ("Observation.extension.where(url = 'urn:x').value", [("x", "string")]),
        ("Observation.where(hasExtension('urn:x')).status", [("final", "code")]),
        ("Observation.component.where(value.exists()).value as string", [("seven", "string")]),
        ("Observation.component.where(value is Quantity).value", [({"value": 6}, "Quantity")]),
        ("Observation.status = 'final'", [(True, "boolean")]),
        ("Observation.status != 'final'", [(False, "boolean")]),
        ("Observation.issued = 'x'", []),
        ("Observation.issued = 'x' or Observation.status = 'final'", [(True, "boolean")]),
        ("Observation.issued = 'x' and Observation.status = 'amended'", [(False, "boolean")]),
        ("Observation.issued.exists() or Observation.component.exists(value is string)", [(True, "boolean")]),
        ("(Observation.subject | Observation.performer[0]).reference", None),
    ],
)
def test_a_path_finds_elements_with_their_types(expression, found):
    if found is None:
        found = [("Patient/1", "string"), ("Organization/1", "string")]
    assert is_closure(expression, "Observation", library().children)
    assert compile(expression, "Observation", library().children)(OBSERVATION) == found


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("Patient.name.given", [("B", "string"), ("C", "string"), ("D", "string")]),
        ("Patient.telecom.where(system='phone')", [({"system": "phone", "value": "1"}, "ContactPoint")]),
        ("Patient.telecom.where(system!='phone').value", [("2", "string")]),
        ("Patient.contact", [({"gender": "female"}, "BackboneElement")]),
        ("Patient.contact.gender", [("female", "code")]),
        ("Patient.deceased.exists() and Patient.deceased != false", [(False, "boolean")]),
        ("Patient.multipleBirth as integer", [(2, "integer")]),
    ],
)
def test_a_path_on_a_patient(expression, found):
    assert is_closure(expression, "Patient", library().children)
    assert compile(expression, "Patient", library().children)(PATIENT) == found


@pytest.mark.parametrize(
    ("deceased", "answer"),
    [({"deceasedBoolean": True}, True), ({"deceasedDateTime": "2024-01-01"}, True), ({}, False)],
)
def test_a_date_of_death_is_a_death(deceased, answer):
    found = library().search_parameters("Patient")["deceased"].extract({"resourceType": "Patient"} | deceased)
    assert found == [(answer, "boolean")]


@pytest.mark.parametrize(
    ("element", "is_patient"),
    [
        ({"reference": "Patient/1"}, True),
        ({"reference": "Patient/1/_history/2"}, True),
        ({"reference": "https://example.org/fhir/Patient/1"}, True),
        ({"reference": "https://example.org/Patient/Group/1"}, False),
        ({"reference": "PatientGroup/1"}, False),
        ({"reference": "Group/1"}, False),
        ({"reference": "Group/1", "type": "Patient"}, False),
        ({"reference": "#p"}, True),
        ({"reference": "#g"}, False),
        ({"reference": "#nowhere"}, False),
        ({"reference": "urn:uuid:1bd4f32c-9f5b-4a5e-8f70-b9b5fa6c5e4d"}, False),
        ({"reference": "urn:uuid:1bd4f32c-9f5b-4a5e-8f70-b9b5fa6c5e4d", "type": "Patient"}, True),
        ({"type": "Patient", "identifier": {"value": "1"}}, True),
        ({"identifier": {"value": "1"}}, False),
        ({"display": "someone"}, False),
    ],
)
def test_what_a_reference_resolves_to_is_read_off_the_reference(element, is_patient):
    flag = {
        "resourceType": "Flag",
        "contained": [{"resourceType": "Patient", "id": "p"}, {"resourceType": "Group", "id": "g"}],
        "subject": element,
    }
    assert library().search_parameters("Flag")["patient"].extract(flag) == (
        [(element, "Reference")] if is_patient else []
    )


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("Patient.telecom.count()", [(3, "integer")]),
        ("Patient.name.where(given.count() > 1).family", [("Aa", "string")]),
        ("Patient.birthDate.extension('urn:t').value", [("12:00:00", "time")]),
        ("Patient.name.family | Patient.name.skip(1).given", [("Aa", "string"), ("D", "string")]),
        ("Resource.contained.count()", [(0, "integer")]),
        ("Patient.name.tail()", [({"given": ["D"]}, "HumanName")]),
    ],
)
def test_what_is_beyond_the_closures_is_found_by_the_whole_of_fhirpath(expression, found):
    assert not is_closure(expression, "Patient", library().children)
    assert compile(expression, "Patient", library().children)(json.loads(encode(PATIENT))) == found


@pytest.mark.parametrize("expression", ["Patient.nmae", "Patient.name.gvien", "Patient.where(nmae.exists())"])
def test_an_element_that_does_not_exist_is_refused_when_the_path_is_made(expression):
    with pytest.raises(Unknown, match=r"has no element '(nmae|gvien)'\."):
        compile(expression, "Patient", library().children)


def test_every_search_expression_of_r4_is_a_closure():
    assert len({expression for _, expression in EXPRESSIONS}) > 1200
    assert [it for type, it in EXPRESSIONS if not is_closure(it, type, library().children)] == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_closure_finds_in_a_published_example_what_fhirpathpy_finds(path):
    assert_equal_to_fhirpathpy(decode(path.read_bytes()))


@pytest.mark.parametrize("type", TYPES)
def test_a_closure_finds_in_a_resource_full_of_elements_what_fhirpathpy_finds(type):
    for turn in range(11):  # Observation.value has eleven types
        assert_equal_to_fhirpathpy(filled(type, turn))


def assert_equal_to_fhirpathpy(resource: Json) -> None:
    type = resource["resourceType"]
    for expression in (it for its, it in EXPRESSIONS if its == type):
        ours = path(type, expression)(resource)
        theirs = engine(type, expression)(resource)
        assert canonical(each for each, _ in ours) == canonical(each.data for each in theirs), expression
        # A union of theirs forgets the types; and where there is no name of one, they give the place.
        typed = {each.path for each in theirs if each.path and "." not in each.path}
        assert typed <= {each for _, each in ours}, expression


@cache
def path(type: str, expression: str) -> Callable[[Json], list[tuple[Any, str]]]:
    return compile(expression, type, library().children)


def canonical(values: Iterator[Any]) -> set[str]:
    return {json.dumps(each, sort_keys=True, default=str) for each in values}


@cache
def engine(type: str, expression: str) -> Callable[[Json], list[ResourceNode]]:
    """fhirpathpy on the parts about the type, in the words it knows.

    To it `as` is an error on several elements, and `Resource` no type of anything.
    """
    union = parse(expression)
    abstract = {"Resource", "DomainResource"}
    parts = [
        text
        for part, text in zip(union.parts, union.text, strict=True)
        if not roots(part) or roots(part) & ({type} | abstract)
    ]
    text = " | ".join(parts).replace("hasExtension(", "extension(").replace(".as(", ".ofType(")
    text = re.sub(r"\(([\w.]+) as (\w+)\)", r"\1.ofType(\2)", text)
    text = re.sub(r"\b(Domain)?Resource\.", f"{type}.", text)
    resolve = {"resolve": {"fn": resolved, "arity": {0: []}}}
    evaluate = fhirpath(text, models["r4"], {"returnRawData": True, "userInvocationTable": resolve})
    return lambda resource: [ResourceNode.create_node(each) for each in evaluate(resource, None)]


def resolved(elements: list[Json]) -> list[ResourceNode]:
    types = (reference(each.get("reference", "")).type or each.get("type") for each in elements)
    return [ResourceNode.create_node({"resourceType": type}) for type in types if type]


PRIMITIVES = {
    "base64Binary": "AAAA",
    "boolean": True,
    "date": "2024-01-02",
    "dateTime": "2024-01-02T03:04:05Z",
    "decimal": 1,
    "instant": "2024-01-02T03:04:05Z",
    "integer": 3,
    "positiveInt": 4,
    "time": "03:04:05",
    "unsignedInt": 5,
}
# Words that the conditions of R4's expressions ask for.
CODES = ("phone", "email", "composed-of", "depends-on", "derived-from", "predecessor", "successor")
URLS = sorted(
    {url for _, expression in EXPRESSIONS for url in re.findall(r"xtension\('([^']+)'\)", expression)}
)
TARGETS = ("Patient", "Practitioner", "Group", "RelatedPerson", "Location")


def filled(type: str, turn: int) -> Json:
    """A resource with every element down to the fourth level; the turn picks the types of choices."""
    return {"resourceType": type, "id": f"{type}-{turn}"} | element(type, turn, 4)


def element(type: str, turn: int, depth: int) -> Json:
    found: Json = {}
    for name, properties in structure(type.partition(".")[0]).get(type, {}).items():
        key, its, repeated = properties[turn % len(properties)]
        if name in ("id", "contained", "modifierExtension") or its in ("Element", "xhtml"):
            continue
        if name == "extension":
            values = [{"url": url, "valueReference": {"reference": "Patient/1"}} for url in URLS if depth > 2]
        else:
            values = [value(its, each, depth) for each in (turn, turn + 1)]
        if values and values[0]:
            found[key] = values if repeated else values[0]
    return found


def value(type: str, turn: int, depth: int) -> Any:
    if type == "Reference":
        return {"reference": f"{TARGETS[turn % 5]}/{turn}"}
    if type == "Resource":
        return {"resourceType": "Composition", "id": "c"}
    if type[0].islower():
        return PRIMITIVES.get(type, CODES[turn % 7] if type in ("code", "string") else f"urn:{type}:{turn}")
    return element(type, turn, depth - 1) if depth else {}


@cache
def structure(type: str) -> Children:
    return children(encode(library().definition(type)))


def test_a_parameter_of_another_type_is_not_applicable():
    assert applicable("Patient.name | Person.name", "Person")
    assert applicable("Resource.id", "Person")
    assert not applicable("Patient.name | Person.name", "Practitioner")


def test_every_expression_finds_something_where_every_element_is_filled():
    """Guards the comparisons above: on resources without values any two engines would agree."""
    resources = {type: [filled(type, turn) for turn in range(11)] for type in TYPES}
    missed = [
        expression
        for type, expression in EXPRESSIONS
        if not any(path(type, expression)(resource) for resource in resources[type])
    ]
    assert missed == []
