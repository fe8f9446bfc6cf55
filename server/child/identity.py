"""Which identifiers make a child one child, and what becomes of those that cannot be right."""

import re
from collections.abc import Iterator
from typing import Any

from server.access.agency import Agency
from server.fhir import Json
from server.fhir.identifier import FORMER_UPN, LA_CHILD_ID, NHS_NUMBER, ULN, UPN, fault, unverified
from server.fhir.issue import Issue, Unprocessable
from server.record.hook import Claim

UNVERIFIED_REASON = "https://w3id.org/single-child-record/StructureDefinition/unverified-reason"

SUPERSEDING = frozenset({UPN})
"""The systems whose former values have a system of their own."""

_UNIQUE = frozenset({NHS_NUMBER, UPN, ULN})
_OF_AN_AUTHORITY = re.compile(re.escape(LA_CHILD_ID) + r"[0-9]{3}")


def claims(resource: Json) -> list[Claim]:
    """The identifiers of unique systems that a Patient carries: each is one child's, for all agencies."""
    return sorted({(system, value) for system, value in _pairs(resource) if _is_unique(system)})


def superseded(resource: Json) -> list[Claim]:
    """The UPNs that a Patient had before: they claim nothing, and lead to it as long as they are nobody
    else's."""
    return sorted({(UPN, value) for system, value in _pairs(resource) if system == FORMER_UPN})


def checked(resource: Json, agency: Agency) -> Json:
    """The resource with identifiers that pass their check.

    One that fails is refused or, for an agency that says so, kept as unverified with the reason; it claims
    nothing.

    Raises:
        Unprocessable: each identifier that fails, with what is wrong with it.
    """
    given = resource.get("identifier")
    faults = _faults(given)
    if not faults:
        return resource
    if not agency.marks_identifiers:
        path = resource["resourceType"]
        raise Unprocessable(
            issues=tuple(
                Issue("business-rule", told, (f"{path}.identifier[{at}].value",))
                for at, told in faults.items()
            )
        )
    kept = [
        _marked(each, faults[at]) if at in faults else each for at, each in enumerate(resource["identifier"])
    ]
    return {**resource, "identifier": kept}


def _pairs(resource: Json) -> Iterator[tuple[str, str]]:
    """(system, value) of a Patient's identifiers; what was sent need not be valid yet."""
    given = resource.get("identifier") if resource.get("resourceType") == "Patient" else None
    for each in given if isinstance(given, list) else ():
        if isinstance(each, dict):
            system, value = each.get("system"), each.get("value")
            if isinstance(system, str) and isinstance(value, str) and value:
                yield system, value


def _is_unique(system: str) -> bool:
    return system in _UNIQUE or _OF_AN_AUTHORITY.fullmatch(system) is not None


def _faults(given: Any) -> dict[int, str]:
    if not isinstance(given, list):
        return {}
    found = {}
    for at, each in enumerate(given):
        if isinstance(each, dict):
            system, value = each.get("system"), each.get("value")
            if isinstance(system, str) and isinstance(value, str) and (told := fault(system, value)):
                found[at] = told
    return found


def _marked(identifier: Json, reason: str) -> Json:
    note = {"url": UNVERIFIED_REASON, "valueString": reason}
    return {
        **identifier,
        "extension": [*identifier.get("extension", ()), note],
        "system": unverified(identifier["system"]),
    }
