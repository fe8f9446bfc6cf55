"""Codes by meaning: the members of a value set, the codes above and below one.

https://hl7.org/fhir/R4/valueset.html#compositions
"""

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from server.definition.library import library

if TYPE_CHECKING:
    from tests.differential.naive.match import Token

Coded = set[tuple[str, str]]

_IMPLIED = {
    ("CareTeam", "status"): "http://hl7.org/fhir/care-team-status",
    ("Encounter", "status"): "http://hl7.org/fhir/encounter-status",
    ("EpisodeOfCare", "status"): "http://hl7.org/fhir/episode-of-care-status",
    ("List", "status"): "http://hl7.org/fhir/list-status",
    ("Location", "status"): "http://hl7.org/fhir/location-status",
    ("Observation", "status"): "http://hl7.org/fhir/observation-status",
    ("Patient", "gender"): "http://hl7.org/fhir/administrative-gender",
    ("RelatedPerson", "gender"): "http://hl7.org/fhir/administrative-gender",
    ("Library", "status"): "http://hl7.org/fhir/publication-status",
}


def implied(type_: str, code: str) -> str | None:
    """The system that a primitive code is from by its required binding; "" if it is from none."""
    return _IMPLIED.get((type_, code), "")


@cache
def members(url: str) -> Coded:
    """The codes of a value set that is made of whole systems, of lists, and of other value sets."""
    compose = (library().resource("ValueSet", url) or {})["compose"]
    assert "exclude" not in compose, url
    found: Coded = set()
    for include in compose["include"]:
        assert "filter" not in include, url
        system = include.get("system", "")
        concepts = include.get("concept") or (list(_concepts(system)) if system else [])
        found |= {(system, each["code"]) for each in concepts}
        for other in include.get("valueSet", ()):
            found |= members(other)
    return found


def family(way: str, asked: "Token", own: str | None) -> Coded:
    """A code with all above or below it in its system."""
    system = asked.system or own or ""
    parents = _parents(system)
    found, new = {asked.code}, {asked.code}
    while new:
        if way == "above":
            new = {above for each in new for above in parents.get(each, ())} - found
        else:
            new = {code for code, above in parents.items() if above & new} - found
        found |= new
    return {(system, each) for each in found}


@cache
def _parents(system: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for concept in _concepts(system):
        named = {
            each["valueCode"]
            for each in concept.get("property", ())
            if each["code"] in ("subsumedBy", "parent") and "valueCode" in each
        }
        found.setdefault(concept["code"], set()).update(named)
        for child in concept.get("concept", ()):
            found.setdefault(child["code"], set()).add(concept["code"])
    return found


def _concepts(system: str) -> Iterator[Any]:
    todo = [library().resource("CodeSystem", system) or {}]
    while todo:
        for concept in todo.pop().get("concept", ()):
            yield concept
            todo.append(concept)
