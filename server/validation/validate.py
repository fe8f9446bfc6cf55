"""Validation of a resource against its type and profiles: every error at once, each with its place.

https://hl7.org/fhir/R4/validation.html
"""

from collections.abc import Sequence

from server.fhir import Json
from server.fhir.issue import Issue
from server.validation import resource as whole
from server.validation.context import ERRORS_ONLY, Context
from server.validation.fault import LIMIT, Fault, is_name
from server.validation.visit import Visit
from server.validation.world import environment


def validate(resource: Json, profiles: Sequence[str] = (), context: Context = ERRORS_ONLY) -> list[Issue]:
    """The errors of a resource of any type of R4, in the order of its elements; a valid one has none.

    It is held against its type, the profiles that its `meta` claims, and `profiles` (canonicals).
    """
    faults = whole.check(resource, Visit(resource, context, environment, tuple(profiles)))
    if faults is None:
        return []
    type = resource.get("resourceType") if isinstance(resource, dict) else None
    root = type if isinstance(type, str) and is_name(type) else "Resource"
    return [fault.issue(root) for fault in _once(faults)[:LIMIT]]


def _once(faults: list[Fault]) -> list[Fault]:
    """Two profiles may ask the same, and then it is said once."""
    seen = {(fault.path, fault.text): fault for fault in reversed(faults)}
    return [fault for fault in faults if seen[fault.path, fault.text] is fault]
