"""A resource that a file asks for, before it is known whether the record has it.

Its content may hold None: an element that the file speaks of and that is empty there. Elements that a draft
does not mention are somebody else's, and are left as they are when the record has the resource already.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from server.child.intake.report import Origin
from server.fhir import Json

BASE = "https://w3id.org/single-child-record"

_REFERENCE = "draft:"


@dataclass(slots=True)
class Draft:
    """`key` is its name among the drafts of its child, by which others refer to it. `initial` holds what is
    said only when it is created. A draft without origins was concluded from several rows and is no one's."""

    key: str
    kind: str
    content: Json
    origins: list[Origin] = field(default_factory=list)
    initial: Json = field(default_factory=dict)
    earliest_start: bool = False

    @property
    def type(self) -> str:
        return str(self.content["resourceType"])

    @property
    def identifiers(self) -> list[tuple[str, str]]:
        """The identifiers by which the record can be asked for it."""
        return [(one["system"], one["value"]) for one in self.content.get("identifier", ())]

    def settled(self, references: Mapping[str, Json]) -> "Draft":
        """The draft with its references to other drafts turned into those of the transaction."""
        return replace(self, content=_settled(self.content, references))


@dataclass(slots=True)
class ChildDrafts:
    """All that the files say of one child: the child itself, then its resources in the order to write."""

    patient: Draft
    drafts: dict[str, Draft] = field(default_factory=dict)


PATIENT = "patient"
"""The key of the child's own draft."""


def reference(key: str) -> Json:
    """A reference to another draft, settled when it is written."""
    return {"reference": f"{_REFERENCE}{key}"}


def referred(text: str) -> str | None:
    """The key of the draft to which the text of a reference points; None if it points at none."""
    return text.removeprefix(_REFERENCE) if text.startswith(_REFERENCE) else None


def extension_url(name: str) -> str:
    """The URL of an extension of ours."""
    return f"{BASE}/StructureDefinition/{name}"


def extension(name: str, **value: Any) -> Json:
    """An extension of ours; with the value None it says that there is none."""
    return {"url": extension_url(name), **value}


def complex_extension(name: str, **values: tuple[str, Any]) -> Json:
    """An extension of ours made of parts, each given as the type of its value and the value."""
    parts = [{"url": part, f"value{type}": value} for part, (type, value) in values.items()]
    return {"url": extension_url(name), "extension": parts}


def concept(coding: Json | None) -> Json | None:
    """A CodeableConcept of one coding."""
    return None if coding is None else {"coding": [coding]}


def own_concept(system: str, code: str) -> Json:
    """A CodeableConcept of one of our own structural codes, which no file spells."""
    return {"coding": [{"system": f"{BASE}/CodeSystem/{system}", "code": code}]}


def component(code: str, **value: Any) -> Json | None:
    """A component of an Observation; None without a value, for an empty cell observed nothing."""
    if all(one is None for one in value.values()):
        return None
    return {"code": own_concept("observation-code", code), **value}


def profile(name: str) -> Json:
    """The `meta` of a resource that follows one of our profiles."""
    return {"profile": [extension_url(name)]}


def period(start: str | None, end: str | None) -> Json:
    """A Period between two dates."""
    return {"start": start, "end": end}


def source_identifier(agency: str, *parts: str) -> Json:
    """What the resource is found by when its row comes again: the agency and the row's natural key."""
    value = "/".join(quote(part, safe="") for part in parts)
    return {"system": f"{BASE}/sid/source/{agency}", "value": value}


def pruned(value: Any) -> Any:
    """The value as FHIR writes it: without None, empty lists and objects, and extensions that say nothing."""
    if isinstance(value, Mapping):
        kept = {key: pruned(member) for key, member in value.items()}
        kept = {key: member for key, member in kept.items() if not _empty(member)}
        return {} if set(kept) == {"url"} else kept
    if isinstance(value, list):
        return [member for member in map(pruned, value) if not _empty(member)]
    return value


def _settled(value: Any, references: Mapping[str, Json]) -> Any:
    if isinstance(value, dict):
        key = referred(value["reference"]) if isinstance(value.get("reference"), str) else None
        return references[key] if key else {name: _settled(one, references) for name, one in value.items()}
    if isinstance(value, list):
        return [_settled(one, references) for one in value]
    return value


def _empty(value: Any) -> bool:
    return value is None or value == [] or value == {}
