"""Validation of a resource against the structure of its type: every error at once, each with its place.

https://hl7.org/fhir/R4/validation.html
"""

from server.fhir import Json
from server.fhir.issue import Issue
from server.validation.fault import LIMIT, is_name
from server.validation.structure import resource as check_resource

_NOWHERE: Json = {}


def validate(resource: Json) -> list[Issue]:
    """The errors of a resource of any type of R4, in the order of its elements; a valid one has none."""
    faults = check_resource(resource, _NOWHERE)
    if faults is None:
        return []
    type = resource.get("resourceType") if isinstance(resource, dict) else None
    root = type if isinstance(type, str) and is_name(type) else "Resource"
    return [fault.issue(root) for fault in faults[:LIMIT]]
