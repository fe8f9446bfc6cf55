"""Plain valid resources. A test states what matters to it, and the rest is here."""

import itertools
from typing import Any

from server.fhir.identifier import NHS_NUMBER, nhs_number

B = "https://w3id.org/single-child-record"
CATEGORY = f"{B}/CodeSystem/observation-category"
EPISODE = f"{B}/CodeSystem/episode-type"
HL7_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
TEST = "https://example.org/test"

Resource = dict[str, Any]

_numbers = itertools.count(1)


def word(prefix: str = "w") -> str:
    """A word that no other test uses: as an id, a code, a tag or a name."""
    return f"{prefix}{next(_numbers):06d}"


def nhs() -> str:
    """An NHS number that no other test uses; its check digit is right."""
    while True:
        nine = f"999{next(_numbers):06d}"
        for digit in "0123456789":
            if nhs_number(nine + digit):
                return nine + digit


def concept(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}


def reference(to: str) -> Resource:
    return {"reference": to}


def identifier(value: str, system: str = TEST) -> Resource:
    return {"system": system, "value": value}


def tagged(tag: str) -> Resource:
    """`meta` with a tag, by which the resources of one test are found together."""
    return {"tag": [{"system": TEST, "code": tag}]}


def labelled(label: str) -> Resource:
    """`meta` with a label of confidentiality."""
    return {"security": [{"system": CONFIDENTIALITY, "code": label}]}


def patient(**more: Any) -> Resource:
    return {"resourceType": "Patient", "name": [{"family": "Sample", "given": ["Robin"]}], **more}


def child(number: str | None = None, **more: Any) -> Resource:
    """A Patient that claims an NHS number."""
    return patient(identifier=[identifier(number or nhs(), NHS_NUMBER)], birthDate="2014-03-14", **more)


def organization(id: str, **more: Any) -> Resource:
    return {"resourceType": "Organization", "id": id, "name": id.replace("-", " ").capitalize(), **more}


def observation(
    about: str | None = None, code: str = "x", category: str = "vital-signs", **more: Any
) -> Resource:
    """An Observation of an HL7 category; `about`: the child's id."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [concept(HL7_CATEGORY, category)],
        "code": concept(TEST, code),
        **({"subject": reference(f"Patient/{about}")} if about else {}),
        **more,
    }


def mark(
    about: str, school: str, date: str = "2025-09-08", session: str = "am", code: str = "/", **more: Any
) -> Resource:
    """A mark of the register."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [concept(CATEGORY, "attendance")],
        "code": concept(f"{B}/CodeSystem/session", session),
        "subject": reference(f"Patient/{about}"),
        "effectiveDateTime": date,
        "performer": [reference(f"Organization/{school}")],
        "valueCodeableConcept": concept(f"{B}/CodeSystem/attendance-code", code),
        **more,
    }


def episode(
    about: str, agency: str, kind: str = "registration", start: str = "2024-09-02", **more: Any
) -> Resource:
    """An EpisodeOfCare, by which the agency works with the child."""
    return {
        "resourceType": "EpisodeOfCare",
        "status": "active",
        "type": [concept(EPISODE, kind)],
        "patient": reference(f"Patient/{about}"),
        "managingOrganization": reference(f"Organization/{agency}"),
        "period": {"start": start},
        **more,
    }


def encounter(about: str, agency: str, **more: Any) -> Resource:
    return {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": reference(f"Patient/{about}"),
        "serviceProvider": reference(f"Organization/{agency}"),
        **more,
    }


def team(about: str, *members: str, **more: Any) -> Resource:
    """A CareTeam: for a restricted child its members are the named."""
    return {
        "resourceType": "CareTeam",
        "status": "active",
        "subject": reference(f"Patient/{about}"),
        "participant": [{"member": reference(f"Organization/{member}")} for member in members],
        **more,
    }


def linkage(to: str, **more: Any) -> Resource:
    """A resource of no child that points at another."""
    items = [
        {"type": "source", "resource": reference(to)},
        {"type": "alternate", "resource": {"display": "Nobody"}},
    ]
    return {"resourceType": "Linkage", "item": items, **more}


def list_of(*paths: str, **more: Any) -> Resource:
    """A List of no child."""
    entries = [{"item": reference(path)} for path in paths]
    return {"resourceType": "List", "status": "current", "mode": "working", "entry": entries, **more}


def bundle(type_: str, *entries: Resource) -> Resource:
    return {"resourceType": "Bundle", "type": type_, **({"entry": list(entries)} if entries else {})}


def entry(
    method: str, url: str, resource: Resource | None = None, full_url: str | None = None, **request: str
) -> Resource:
    """An entry of a batch or transaction."""
    return {
        **({"fullUrl": full_url} if full_url else {}),
        **({"resource": resource} if resource is not None else {}),
        "request": {"method": method, "url": url, **request},
    }


def posted(resource: Resource, full_url: str | None = None, **request: str) -> Resource:
    """The entry that creates a resource."""
    return entry("POST", resource["resourceType"], resource, full_url, **request)


def put(resource: Resource, **request: str) -> Resource:
    """The entry that writes a resource under its id."""
    return entry("PUT", f"{resource['resourceType']}/{resource['id']}", resource, **request)


def urn() -> str:
    """A `urn:uuid` for an entry that has no id yet."""
    return f"urn:uuid:00000000-0000-4000-8000-{next(_numbers):012d}"


def search_parameter(code: str, base: str, type: str, expression: str, **more: Any) -> Resource:
    """One that is to be searched by."""
    id = f"{base}-{code}"
    return {
        "resourceType": "SearchParameter", "id": id, "url": f"{TEST}/SearchParameter/{id}", "name": "Added",
        "status": "active", "description": "Of a test.", "code": code, "base": [base], "type": type,
        "expression": expression, **more,
    }  # fmt: skip
