"""Canonicals that lead nowhere: a definition may name only what exists."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from server.definition.snapshot import BASE
from server.fhir import Json

OWN = "https://w3id.org/single-child-record/"
_HL7 = "http://hl7.org/fhir/"
_KINDS = "|".join(
    (
        "CodeSystem",
        "CompartmentDefinition",
        "ConceptMap",
        "OperationDefinition",
        "SearchParameter",
        "StructureDefinition",
        "ValueSet",
    )
)
_CANONICAL = re.compile(rf"({OWN}|{_HL7})({_KINDS})/[^|#]+")
# In these HL7's canonicals are followed too; elsewhere (a mapping, prose, a system) a URL may be just a name.
_FOLLOWED = frozenset({"baseDefinition", "derivedFrom", "profile", "targetProfile", "valueSet"})


def dangling(definition: Json, exists: Callable[[tuple[str, str]], bool]) -> Iterator[str]:
    """The canonicals in a definition that name none of ours, or none of HL7's where one is needed."""
    return (text for key, text in _texts(definition, "") if not all(map(exists, _named(key, text))))


def _named(key: str, text: str) -> Iterator[tuple[str, str]]:
    """The definitions that a property has to find, by type and canonical."""
    if key == "baseDefinition":
        if text != BASE:
            yield "StructureDefinition", text.partition("|")[0]
        return
    found = _CANONICAL.match(text)
    if found and (found[1] == OWN or key in _FOLLOWED):
        yield found[2], found[0]


def _texts(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """Every string with the property that holds it."""
    match value:
        case str():
            yield key, value
        case dict():
            for name, each in value.items():
                yield from _texts(each, name)
        case list():
            for each in value:
                yield from _texts(each, key)
