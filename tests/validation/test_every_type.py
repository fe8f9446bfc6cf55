"""A resource of each type with every element filled: the first of its types, the second, and so on."""

from typing import Any

import pytest

from server.definition.library import library
from server.definition.structure import Element, ElementType, Structure, structure
from server.fhir import Json
from server.fhir.issue import Issue
from server.fhir.primitive import PRIMITIVES
from server.terminology.codes import codes as listed_codes
from server.validation.validate import validate

_WORDS: dict[str, Any] = {
    "boolean": True,
    "integer": -1,
    "unsignedInt": 1,  # the size of the data below
    "positiveInt": 1,
    "decimal": 1,
    "string": "text",
    "markdown": "*text*",
    "code": "en",
    "id": "a",
    "uri": "urn:a",
    "url": "https://example.org",
    "canonical": "https://example.org/a|1",
    "oid": "urn:oid:1.2",
    "uuid": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
    "base64Binary": "YQ==",
    "date": "2024",
    "dateTime": "2024-02-29",
    "instant": "2024-02-29T10:00:00Z",
    "time": "10:00:00",
    "xhtml": '<div xmlns="http://www.w3.org/1999/xhtml">text</div>',
}
# Strings and data whose meaning is checked beside their type.
_MEANT = {"Reference.reference": "urn:a", "Attachment.hash": "hvfkN/qlp/zhXR3cuerq6jd2Z7g="}
_UNLISTED = {"mimetypes": "text/plain", "currencies": "GBP"}
_EXTENSION = {"url": "https://example.org/a", "valueString": "text"}
_DEPTH = 4
# What is filled in blindly breaks invariants, and modifier extensions that nobody knows are refused.
_OF_STRUCTURE = frozenset({"structure", "required", "value", "code-invalid"})


def _resource(type: str, turn: int) -> Json:
    known = _known(type)
    return {"resourceType": type, **_object(known, known.root, turn, 0)}


def _known(type: str) -> Structure:
    known = structure(type)
    assert known is not None
    return known


def _object(within: Structure, parent: Element, turn: int, depth: int) -> Json:
    filled: Json = {}
    for child in parent.children:
        properties = tuple(child.properties())
        name, type = properties[turn % len(properties)]
        if depth >= _DEPTH and child.min == 0 and type.code not in (*_WORDS, "Extension"):
            continue
        value = _MEANT.get(child.path) or _value(within, child, type, turn, depth + 1)
        filled[name] = [value] if child.repeats else value
    return filled


def _value(within: Structure, child: Element, type: ElementType, turn: int, depth: int) -> Any:
    if child.children or child.content:
        return _object(
            within, within.elements[child.content or child.path], turn, depth + 2 * bool(child.content)
        )
    match type.code:
        case "Resource":
            return {"resourceType": "Basic", "id": "a", "code": {"text": "text"}}
        case "Extension":
            return _EXTENSION
        case "code" | "CodeableConcept" if child.binding and child.binding.strength == "required":
            return _bound(child.binding.value_set, type.code)
        case code if code in _WORDS:
            return _WORDS[code]
        case code:
            return _object(_known(code), _known(code).root, turn, depth)


def _bound(value_set: str, type: str) -> Any:
    codes = listed_codes(value_set)
    if codes is None:
        word = _UNLISTED.get(value_set.partition("|")[0].rpartition("/")[2], "1")
        system = "http://unitsofmeasure.org"
    else:
        system, word = next(iter(codes))
    return word if type == "code" else {"coding": [{"system": system, "code": word}]}


def _of_structure(resource: Json) -> list[Issue]:
    return [
        issue
        for issue in validate(resource)
        # A datatype's profile may rule out what is filled in all the same: a simple quantity's comparator.
        if issue.code in _OF_STRUCTURE and "Quantity#" not in issue.source
    ]


@pytest.mark.parametrize("type", library().resource_types)
def test_a_resource_with_every_element_is_valid(type: str) -> None:
    for turn in range(12):
        assert _of_structure(_resource(type, turn)) == []


@pytest.mark.parametrize("turn", range(50))
def test_an_extension_takes_every_type(turn: int) -> None:
    extension = _object(_known("Extension"), _known("Extension").root, turn, 1)
    extension.pop("extension")
    assert _of_structure({"resourceType": "Basic", "code": {"text": "text"}, "extension": [extension]}) == []


@pytest.mark.parametrize("type", library().resource_types)
def test_a_resource_with_nothing_lacks_what_is_required_and_no_more(type: str) -> None:
    # What an invariant asks for besides is told by its rule.
    issues = [issue for issue in validate({"resourceType": type}) if not issue.rule]
    required = [f"{type}.{child.name}" for child in _known(type).root.children if child.min > 0]
    assert [issue.expression[0] for issue in issues] == required
    assert {issue.code for issue in issues} <= {"required"}


def test_there_is_a_word_for_every_primitive() -> None:
    assert set(_WORDS) == {*PRIMITIVES, "xhtml"}
    assert all(PRIMITIVES[type].valid(word) for type, word in _WORDS.items() if type in PRIMITIVES)
