"""What a profile's own value sets call a code: as good a display as the one of the code system.

https://hl7.org/fhir/R4/valueset-definitions.html#ValueSet.compose.include.concept.display
"""

from collections.abc import Iterator
from typing import Any

from server.definition.library import library
from server.fhir import Json
from server.validation.visit import Visit


def offers(visit: Visit, system: str, code: str) -> Iterator[str]:
    """The displays and designations of a code in what the profiles of the resource are bound to."""
    for url in (*visit.claims, *visit.resource.get("meta", {}).get("profile", ())):
        definition = library().resource("StructureDefinition", url)
        for value_set in _value_sets(definition) if definition else ():
            yield from _texts(value_set, system, code)


def _value_sets(definition: Json) -> Iterator[Json]:
    """Those that the profile itself names, contained or known."""
    contained = {f"#{each.get('id')}": each for each in definition.get("contained", ())}
    for element in definition.get("differential", {}).get("element", ()):
        url = element.get("binding", {}).get("valueSet")
        value_set = contained.get(url) or (library().resource("ValueSet", url) if url else None)
        if value_set:
            yield value_set


def _texts(value_set: Json, system: str, code: str) -> Iterator[str]:
    for include in value_set.get("compose", {}).get("include", ()):
        if include.get("system") == system:
            yield from _of(include.get("concept", ()), code)
    for contains in _expanded(value_set.get("expansion", {}).get("contains", ())):
        if contains.get("system") == system:
            yield from _of((contains,), code)


def _expanded(contains: Any) -> Iterator[Json]:
    for each in contains:
        yield each
        yield from _expanded(each.get("contains", ()))


def _of(concepts: Any, code: str) -> Iterator[str]:
    for each in concepts:
        if each.get("code") == code:
            yield from (text for text in (each.get("display"),) if text)
            yield from (designation["value"] for designation in each.get("designation", ()))
