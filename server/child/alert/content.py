"""What is written: a Task for whom it asks, a ChildFlag for all who work with the child.

https://hl7.org/fhir/R4/task.html, https://hl7.org/fhir/R4/flag.html
"""

from collections.abc import Iterator
from datetime import datetime

from server.child.alert.definition import ALERTS, BASE, FLAGS, Compiled
from server.child.alert.evaluate import Occasion
from server.child.alert.facts import Facts
from server.fhir import Json
from server.fhir.meta import instant
from server.fhir.period import HOME

WORKLIST = f"{BASE}/CodeSystem/worklist-code"
CODE: Json = {"system": WORKLIST, "code": "alert", "display": "Something has to be known about a child"}

_PRIORITY = {"high": "urgent", "medium": "asap", "low": "routine"}
_OVER = frozenset({"completed", "cancelled", "rejected", "failed", "entered-in-error"})
_NO_LONGER, _NEVER = "It is so no longer.", "What it was raised for was corrected, taken back, or has passed."
_CARE = ("ChildInNeed", "ChildProtectionPlan", "LookedAfterPeriod", "EarlyHelp")


def task(alert: Compiled, facts: Facts, occasion: Occasion, owner: str, at: datetime) -> Json:
    """What an agency is asked to do, why, and by what it can be seen."""
    said, patient = alert.alert, f"Patient/{facts.patient['id']}"
    assert said.task is not None
    first = occasion.evidence[0] if occasion.evidence else facts.patient
    return {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "priority": _PRIORITY[said.level],
        "code": {"coding": [CODE, {"system": ALERTS, "code": said.name, "display": said.title}]},
        "description": said.task.words,
        "focus": {"reference": _name(first)},
        "for": {"reference": patient},
        "executionPeriod": {"start": instant(occasion.begins)},
        "authoredOn": instant(at),
        "lastModified": instant(at),
        "owner": {"reference": owner},
        "reasonCode": {"text": said.description},
        **_input(facts, occasion, owner),
    }


def _input(facts: Facts, occasion: Occasion, owner: str) -> Json:
    found: list[Json] = [{"type": {"text": "Reason"}, "valueString": each} for each in occasion.reasons]
    found += [
        {"type": {"text": "Evidence"}, "valueReference": {"reference": _name(each)}}
        for each in occasion.evidence
    ]
    found += [
        {"type": {"text": "Worker"}, "valueReference": {"reference": each}}
        for each in dict.fromkeys(_workers(facts, owner))
    ]
    return {"input": found} if found else {}


def _workers(facts: Facts, owner: str) -> Iterator[str]:
    """Who works with the child for the owner, as its open episodes say it."""
    for profile in _CARE:
        for each in facts.open(profile):
            manager = (each.get("careManager") or {}).get("reference")
            if manager and (each.get("managingOrganization") or {}).get("reference") == owner:
                yield manager


def flag(alert: Compiled, facts: Facts, occasion: Occasion, contact: Json | None) -> Json:
    """That it is so, since when, and whom to call."""
    said = alert.alert
    assert said.flag is not None
    coding = {"system": FLAGS, "code": said.flag.code, "display": said.title}
    return {
        "resourceType": "Flag",
        "meta": {"profile": [f"{BASE}/StructureDefinition/ChildFlag"]},
        **({"extension": [_contact(contact)]} if contact else {}),
        "status": "active",
        "code": {"coding": [coding]},
        "subject": {"reference": f"Patient/{facts.patient['id']}"},
        "period": {"start": f"{occasion.begins.astimezone(HOME).date()}"},
        **({"author": {"reference": _name(contact)}} if contact else {}),
    }


def _contact(organization: Json) -> Json:
    detail: Json = {"name": organization.get("name", organization["id"])}
    reached = [each for each in organization.get("telecom", ()) if each.get("system") in ("phone", "email")]
    if reached:
        detail["telecom"] = reached
    return {"url": f"{BASE}/StructureDefinition/contact", "valueContactDetail": detail}


def closed(was: Json, at: datetime, *, voided: bool) -> Json | None:
    """The same, over; None: it is over already, as whoever was asked has said."""
    if was["resourceType"] == "Flag":
        if was["status"] != "active":
            return None
        end = max(f"{at.astimezone(HOME).date()}", was["period"]["start"])
        return {**was, "status": "inactive", "period": {**was["period"], "end": end}}
    if was["status"] in _OVER:
        return None
    started = was.get("executionPeriod", {})
    return {
        **was,
        "status": "cancelled" if voided else "completed",
        "statusReason": {"text": _NEVER if voided else _NO_LONGER},
        "executionPeriod": {**started, "end": instant(at)},
        "lastModified": instant(at),
    }


def is_active(resource: Json, system: str, code: str) -> bool:
    """Whether it is a Flag that says this, and still does."""
    codings = (resource.get("code") or {}).get("coding", ())
    return resource.get("status") == "active" and any(
        each.get("system") == system and each.get("code") == code for each in codings
    )


def _name(resource: Json) -> str:
    return f"{resource['resourceType']}/{resource['id']}"
