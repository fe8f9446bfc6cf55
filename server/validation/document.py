"""A resource as it stands in a file, validated: every issue with its line and column."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from server.definition import xml_place
from server.definition.xml import from_xml
from server.fhir import Json, json_place
from server.fhir.issue import Issue, Malformed
from server.fhir.json import decode
from server.validation.context import Context
from server.validation.validate import validate

Place = tuple[int, int]

_CHOSEN = re.compile(r"\.ofType\((\w)(\w*)\)")
# The sentence of a refusal says the place in words.
_SAID = re.compile(r"line (\d+), column (\d+)")


@dataclass(frozen=True, slots=True)
class Located:
    """An issue, and where in the file it is; None if that is nowhere in particular."""

    issue: Issue
    place: Place | None


Held = Callable[[Json], tuple[Sequence[str], Context]]
"""What a resource is held against beside its type and its own claims, and how."""


def examine(body: bytes, held: Held) -> list[Located]:
    """Everything that is to be said of a document: JSON, or XML if it begins with '<'."""
    try:
        resource = read(body)
    except Malformed as malformed:
        return [Located(each, _said(each.diagnostics)) for each in malformed.issues]
    issues = validate(resource, *held(resource))
    places = _places(body, resource) if issues else {}
    return [Located(each, _place(each.expression, places)) for each in issues]


def read(body: bytes) -> Json:
    """The resource, where nothing is to be kept: comments in XML are passed over.

    Raises:
        Malformed: it is neither JSON nor the XML of a resource.
    """
    return from_xml(body, remarks=True) if _is_xml(body) else decode(body)


def _is_xml(body: bytes) -> bool:
    return body.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")


def _places(body: bytes, resource: Json) -> Mapping[str, Place]:
    if _is_xml(body):
        return xml_place.places(body)
    type = resource.get("resourceType", "Resource")
    return {f"{type}{path}": place for path, place in json_place.places(body.decode("utf-8-sig")).items()}


def _said(diagnostics: str) -> Place | None:
    found = _SAID.search(diagnostics)
    return (int(found[1]), int(found[2])) if found else None


def _place(expression: Sequence[str], places: Mapping[str, Place]) -> Place | None:
    """Of the element, or of the innermost one around it that is there."""
    path = _normal(expression[0]) if expression else ""
    while path and path not in places:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return places.get(path)


def _normal(expression: str) -> str:
    """`value.ofType(Quantity)` as a file has it, `valueQuantity`; and without `[0]`."""
    named = _CHOSEN.sub(lambda type: type[1].upper() + type[2], expression)
    return named.replace("[0]", "")
