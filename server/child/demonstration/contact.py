"""Contacts: a worker of one agency meets a child, or those around it."""

from datetime import date
from typing import Any

from server.child.demonstration.element import concept, period, profile
from server.child.demonstration.submission import Submission
from server.child.demonstration.workers import Worker
from server.fhir import Json

_CLASS_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_CLASS = {
    "home-visit": "HH",
    "statutory-visit": "HH",
    "health-visit": "HH",
    "phone-call": "VR",
    "strategy-discussion": "VR",
    "emergency-attendance": "EMER",
    "return-interview": "FLD",
}


def contact(
    submission: Submission, type_: str, day: date, worker: Worker | None = None, **elements: Any
) -> Json:
    """Adds an Encounter of a type of ours; `elements` are more of its own, by FHIR's names."""
    resource = {
        "resourceType": "Encounter",
        "meta": profile("AgencyContact"),
        "extension": elements.pop("extension", []),
        "status": "finished",
        "class": {"system": _CLASS_SYSTEM, "code": _CLASS.get(type_, "AMB")},
        "type": [concept("encounter-type", type_)],
        "subject": submission.subject,
        "participant": [{"individual": {"reference": worker.reference}}] if worker else [],
        "period": period(day, day),
        "serviceProvider": submission.organization,
        **elements,
    }
    return submission.add(f"{type_}/{day}", {name: value for name, value in resource.items() if value})
