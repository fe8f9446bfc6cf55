"""The FHIR elements that the demonstration's resources are put together from."""

from datetime import date, datetime
from typing import Any

from server.fhir import Json

BASE = "https://w3id.org/single-child-record"


def profile(name: str) -> Json:
    """The `meta` of a resource of one of the domain's profiles."""
    return {"profile": [f"{BASE}/StructureDefinition/{name}"]}


def coding(system: str, code: str) -> Json:
    """A coding of one of the domain's own code systems."""
    return {"system": f"{BASE}/CodeSystem/{system}", "code": code}


def concept(system: str, code: str) -> Json:
    """A CodeableConcept of one of the domain's own code systems."""
    return {"coding": [coding(system, code)]}


def extension(name: str, **value: Any) -> Json:
    """One of the domain's extensions: `extension("rank", valuePositiveInt=1)`."""
    return {"url": f"{BASE}/StructureDefinition/{name}", **value}


def coded(name: str, system: str, code: str) -> Json:
    """One of the domain's extensions with a coded value."""
    return extension(name, valueCodeableConcept=concept(system, code))


def part_of(episode: Json) -> Json:
    """The extension that puts an episode or a plan into a larger one."""
    return extension("part-of", valueReference=episode)


def component(code: str, **value: Any) -> Json:
    """A component of an Observation: `component("sessions", valueInteger=4)`."""
    return {"code": concept("observation-code", code), **value}


def identifier(system: str, value: str) -> Json:
    """An identifier of one of the domain's own systems."""
    return {"system": f"{BASE}/sid/{system}", "value": value}


def period(start: date | datetime, end: date | datetime | None = None) -> Json:
    """A period; open when there is no end."""
    return {"start": start.isoformat()} | ({"end": end.isoformat()} if end else {})


def status(end: date | None) -> str:
    """The status of an episode that has ended, or not."""
    return "finished" if end else "active"


def only(**elements: Any) -> Json:
    """The elements that hold something: FHIR knows no empty ones."""
    return {name: value for name, value in elements.items() if value not in ("", None, [], {})}
