"""Scopes in words that a person can agree to, or not.

https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from server.access.scope import Scope, parse

_IDENTITY = ("openid", "fhirUser", "profile")
_STANDING = {
    "offline_access": (
        "Go on without you",
        "It keeps this access after you sign out, until you take it back.",
    ),
    "online_access": ("Go on while you are signed in", "Its access ends when you sign out here."),
}
_TYPES = {
    "*": "everything",
    "Patient": "names, dates of birth, addresses and numbers",
    "RelatedPerson": "family and carers",
    "EpisodeOfCare": "registrations and services",
    "Encounter": "contacts and visits",
    "Observation": "attendance, health and other observations",
    "Condition": "needs and conditions",
    "CarePlan": "plans",
    "CareTeam": "the team around the child",
    "Flag": "flags",
    "Consent": "sharing decisions",
    "ServiceRequest": "referrals and requests",
    "Task": "tasks",
    "DocumentReference": "the list of documents",
    "Binary": "the content of documents",
    "Immunization": "immunisations",
    "AllergyIntolerance": "allergies",
    "MedicationRequest": "prescriptions",
    "MedicationStatement": "medicines taken",
    "Organization": "agencies",
    "Practitioner": "workers",
    "PractitionerRole": "workers' roles",
    "Location": "places",
    "AuditEvent": "who looked at the record",
    "Provenance": "who wrote the record",
}
_VERBS = (("rs", "see"), ("c", "add"), ("u", "change"), ("d", "delete"))
_WHOSE = {
    "patient": "Of one child only.",
    "user": "Of the children whom you may see.",
    "system": "Of the children with whom your agency works.",
}
_CAPITALS = re.compile(r"(?<!^)(?=[A-Z])")
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Item:
    """What may be given or left. `scopes` stand or fall together."""

    name: str
    words: str
    detail: str
    scopes: tuple[str, ...]


def items(scope: str) -> list[Item]:
    """What a person decides about, of the scopes that an app asks for."""
    asked = list(dict.fromkeys(scope.split()))
    identity = tuple(each for each in asked if each in _IDENTITY)
    told = [("Know who you are", "Your name, and who you are in the record.", identity)] if identity else []
    told += [(*_resource(found), (each,)) for each in asked if (found := parse(each)) is not None]
    told += [(*_STANDING[each], (each,)) for each in asked if each in _STANDING]
    return [Item(f"scope-{place}", *each) for place, each in enumerate(told, start=1)]


def given(scope: str, ticked: Iterable[str]) -> str:
    """The scopes that remain when only these are ticked; what no item speaks of is a matter of course."""
    names = set(ticked)
    left = {each for item in items(scope) if item.name not in names for each in item.scopes}
    return " ".join(each for each in scope.split() if each not in left)


def _resource(scope: Scope) -> tuple[str, str]:
    verbs = [word for letters, word in _VERBS if set(letters) & set(scope.interactions)]
    what = _TYPES.get(scope.type) or _CAPITALS.sub(" ", scope.type).lower()
    told = f"{_listed(verbs)} {what}"
    only = "".join(f" Only where {name} is {value[:_LONGEST]}." for name, value in parse_qsl(scope.query))
    return told[0].upper() + told[1:], _WHOSE[scope.level] + only


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
