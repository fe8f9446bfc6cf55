"""What one agency sends about one child in one go: a transaction Bundle under construction.

https://hl7.org/fhir/R4/http.html#transaction
"""

import uuid
from dataclasses import dataclass, field

from server.child.demonstration.agencies import Agency
from server.child.demonstration.child import Child
from server.child.demonstration.element import BASE, identifier
from server.fhir import Json
from server.fhir.identifier import NHS_NUMBER

Batch = tuple[str, Json]
"""The agency that writes, and its transaction Bundle."""

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, BASE)


@dataclass(slots=True)
class Submission:
    """`add` takes resources one by one and gives back the reference by which the next ones name them."""

    agency: Agency
    child: Child
    entries: list[Json] = field(default_factory=list)
    _patient: Json | None = None

    @property
    def subject(self) -> Json:
        """A reference to the child: into this Bundle if it holds the Patient, or one that finds it."""
        return self._patient or {"reference": found_by(self.child)}

    @property
    def organization(self) -> Json:
        """A reference to the agency that writes."""
        return {"reference": self.agency.reference}

    def add(self, label: str, resource: Json, id: str = "") -> Json:
        """Puts a resource in; `label` is its key in the agency's own system, `id` asks for that id."""
        type_ = resource["resourceType"]
        key = f"{self.child.key}/{label}"
        reference = {"reference": f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'{self.agency.code}/{type_}/{key}')}"}
        if type_ == "Patient":
            self._patient = reference
        else:
            source = identifier(f"source/{self.agency.code}", key)
            resource = _identified(resource, source)
        self.entries.append(_entry(reference["reference"], resource, id))
        return reference

    def batch(self) -> Batch:
        """The agency and the finished Bundle."""
        return self.agency.code, transaction(self.entries)


def found_by(child: Child) -> str:
    """The conditional reference that finds a child by its NHS number, as an agency that knows it would."""
    if not child.nhs_number:
        raise ValueError(f"{child.key} has no NHS number to be found by.")
    return f"Patient?identifier={NHS_NUMBER}|{child.nhs_number}&birthdate={child.birth}"


def transaction(entries: list[Json]) -> Json:
    """A transaction Bundle of entries."""
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def put(resource: Json) -> Json:
    """The entry of a resource that has its id."""
    url = f"{resource['resourceType']}/{resource['id']}"
    return {"resource": resource, "request": {"method": "PUT", "url": url}}


def _identified(resource: Json, source: Json) -> Json:
    """The source's own key among the identifiers: who sends the same again can say so."""
    rest = dict(resource)
    first: Json = {name: rest.pop(name) for name in ("resourceType", "meta", "extension") if name in rest}
    return {**first, "identifier": [*rest.pop("identifier", ()), source], **rest}


def _entry(url: str, resource: Json, id: str) -> Json:
    type_ = resource["resourceType"]
    if id:
        resource = {"resourceType": type_, "id": id} | resource
        return {"fullUrl": url, "resource": resource, "request": {"method": "PUT", "url": f"{type_}/{id}"}}
    return {"fullUrl": url, "resource": resource, "request": {"method": "POST", "url": type_}}
