"""Codings: a code exists in its system, and a text beside it is one of those that the system has.

https://hl7.org/fhir/R4/datatypes.html#Coding
"""

from dataclasses import replace

from server.definition.library import library
from server.fhir import Json
from server.terminology import systems
from server.terminology.provider import CannotTell, Concept
from server.validation import wording
from server.validation.fault import Fault, Faults, shown
from server.validation.visit import Visit

# Of other systems, others may hold a version with other texts, or another language.
_PUBLISHED_HERE = ("http://hl7.org/fhir/", "http://terminology.hl7.org/CodeSystem/")

_DISPLAY = ".display"

# More codings than this in one process are not worth the memory; they are asked again.
_REMEMBERED = 20_000


def check(coding: Json, visit: Visit) -> Faults:
    """The faults of a Coding as a whole, when everything is to be said of it."""
    if not visit.context.full or "system" not in coding or "code" not in coding:
        return None
    system, code, display = coding["system"], coding["code"], coding.get("display")
    found = _known(system, code, display)
    if found is None or (found.path == _DISPLAY and _is_offered(system, code, str(display), visit)):
        return None
    return [replace(found)]


def of_unit(quantity: Json, visit: Visit) -> Faults:
    """The same of the unit of a Quantity."""
    if not visit.context.full or "system" not in quantity or "code" not in quantity:
        return None
    found = _known(quantity["system"], quantity["code"], None)
    return [replace(found)] if found else None


def _known(system: str, code: str, display: str | None) -> Fault | None:
    known: dict[object, Fault | None] = library().memo.setdefault(check, {})
    asked = system, code, display
    if asked not in known:
        if len(known) >= _REMEMBERED:
            known.clear()
        known[asked] = _fault(*asked)
    return known[asked]


def _is_offered(system: str, code: str, display: str, visit: Visit) -> bool:
    return _folded(display) in map(_folded, wording.offers(visit, system, code))


def _fault(system: str, code: str, display: str | None) -> Fault | None:
    try:
        held = systems.system(system)
        if held is None:
            return None
        concept = held.find(code)
        complete = held.complete
    except CannotTell:
        return None
    if concept is None:
        text = f"is no code of {system}; {shown(code)} does not exist there."
        return Fault("code-invalid", text, ".code") if complete else None
    if display is None or concept.display is None or _folded(display) in _texts(concept):
        return None
    text = f"is not what the code {shown(code)} is called in {system}: '{concept.display}'."
    return Fault("invalid", text, _DISPLAY, "error" if system.startswith(_PUBLISHED_HERE) else "warning")


def _texts(concept: Concept) -> set[str]:
    """Everything that the concept is called."""
    said = (concept.display, *(each.value for each in concept.designations))
    return {_folded(each) for each in said if each}


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
