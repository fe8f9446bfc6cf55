"""A line of the audit as the AuditEvent that it stands for.

https://hl7.org/fhir/R4/auditevent.html
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from server.access.agency import Agency
from server.fhir import Json
from server.fhir.meta import instant
from server.record.auditevent.vocabulary import act, coding
from server.store import account
from server.store.row import Entry

TYPE = "AuditEvent"
CLIENT = "https://w3id.org/single-child-record/sid/client"
"""Of the identifiers of apps."""

_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_PURPOSE = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_ENTITY = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
_SOURCE = "http://terminology.hl7.org/CodeSystem/security-source-type"
_RIGHTS = "https://w3id.org/single-child-record/access"
_FAILED, _REFUSED = 500, 400


@dataclass(frozen=True, slots=True)
class Names:
    """What the numbers of lines are called, as far as the reader may know it.

    `agencies`: by number. `patients`: ids by child. `resources`: references by rid. `types`:
    names of types by number. `queries`: the lines of which it may be told what was asked.
    """

    agencies: Mapping[int, Agency]
    patients: Mapping[int, str]
    resources: Mapping[int, str]
    types: Mapping[int, str]
    queries: frozenset[str]
    base_url: str


def auditevent(line: Entry, names: Names) -> Json:
    """The resource."""
    said = act(line.interaction)
    at = account.recorded(line.id)
    found: Json = {
        "resourceType": TYPE,
        "id": line.id,
        "meta": {"versionId": "1", "lastUpdated": instant(at)},
        "type": coding(said.type),
        "subtype": [coding(each) for each in said.subtypes],
        "action": said.action,
        "period": _period(line, at),
        "recorded": instant(at),
        "outcome": "8" if line.outcome >= _FAILED else "4" if line.outcome >= _REFUSED else "0",
        "outcomeDesc": f"HTTP {line.outcome}",
        "agent": _agents(line, names),
        "source": {
            "site": names.base_url,
            "observer": {
                "identifier": {"system": "urn:ietf:rfc:3986", "value": names.base_url},
                "display": "The record itself",
            },
            "type": [{"system": _SOURCE, "code": "4", "display": "Application Server"}],
        },
    }
    if entities := _entities(line, names):
        found["entity"] = entities
    return found


def _period(line: Entry, at: datetime) -> Json:
    # A stamp may be a moment ahead, so that versions follow one another.
    return {"start": instant(min(line.at, at)), "end": instant(max(line.at, at))}


def _agents(line: Entry, names: Names) -> list[Json]:
    purpose: list[Json] = [{"coding": [{"system": _PURPOSE, "code": line.purpose}]}] if line.purpose else []
    if line.reason:
        purpose.append({"text": line.reason})
    agents: list[Json] = []
    if line.person or line.account:
        agents.append(_agent(_PARTICIPATION, "IRCP", "information recipient", requestor=True))
        if line.person:
            agents[-1]["who"] = {"reference": line.person}
        if line.account:
            agents[-1]["altId"] = line.account
    if line.client or not agents:
        app = _agent(_DICOM, "110153", "Source Role ID", requestor=not agents)
        if line.client:
            app["who"] = {"identifier": {"system": CLIENT, "value": line.client}}
            app["name"] = line.client
        agents.append(app)
    if purpose:
        agents[0]["purposeOfUse"] = purpose
    if agency := names.agencies.get(line.agency):
        party = _agent(_PARTICIPATION, "RESP", "responsible party", requestor=False)
        party["who"] = {"reference": agency.organization, "display": agency.name}
        if line.rights:
            party["policy"] = [f"{_RIGHTS}/{agency.code}|{line.rights}"]
        agents.append(party)
    return agents


def _agent(system: str, code: str, display: str, *, requestor: bool) -> Json:
    type_ = {"coding": [{"system": system, "code": code, "display": display}]}
    return {"type": type_, "requestor": requestor}


def _entities(line: Entry, names: Names) -> list[Json]:
    children = dict.fromkeys(child for child in (line.child, *line.children) if child in names.patients)
    found = [
        _entity("1", "Person", "1", "Patient", what={"reference": f"Patient/{names.patients[child]}"})
        for child in children
    ]
    found += [
        _entity("2", "System Object", "4", "Domain Resource", what={"reference": reference})
        for hit in line.hits
        if (reference := names.resources.get(hit)) and not reference.startswith("Patient/")
    ]
    if line.id in names.queries and (line.query or line.type in names.types):
        found.append(_query(line, names))
    return found


def _query(line: Entry, names: Names) -> Json:
    """What was asked, which may name what the asker looked for: for few to see."""
    type_ = names.types.get(line.type) if line.type else None
    entity = _entity("2", "System Object", "24", "Query")
    if type_:
        entity["detail"] = [{"type": "type", "valueString": type_}]
    if line.query:
        entity["query"] = b64encode(line.query.encode()).decode()
    return entity


def _entity(type_: str, kind: str, role: str, part: str, **further: Any) -> Json:
    return {
        **further,
        "type": {"system": _ENTITY, "code": type_, "display": kind},
        "role": {"system": _ROLE, "code": role, "display": part},
    }
