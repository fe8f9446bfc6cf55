"""Whether a resource may be kept: what the definitions say, the domain's rules, and the agency's policy.

https://hl7.org/fhir/R4/validation.html
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from server.fhir import Json
from server.fhir.issue import FhirError, Issue, Malformed, Unprocessable
from server.validation.context import Context
from server.validation.validate import validate

if TYPE_CHECKING:
    from server.record.record import Record

GRAVE = frozenset({"fatal", "error"})

_LEADS_NOWHERE = "ref-1"
"""Asked of all references of a transaction together, when they are sent, and of those who are to keep it."""


def governing(resource: Json, record: "Record") -> tuple[str, ...]:
    """The profiles of the domain that a resource of this caller has to keep, whether it names them or not."""
    return record.door.hooks.profiles(resource) if record.access.agency.policy.applied else ()


def faults(
    resource: Json, record: "Record", profiles: Sequence[str] = (), *, full: bool = False
) -> list[Issue]:
    """What is wrong with a resource: by R4, by the profiles that it names or is governed by, by the rules
    across the resources of a child; and by `profiles`. `full`: warnings and information too."""
    given = governing(resource, record)
    context = Context(record.around.resolve, record.door.hooks.day(resource, given), full)
    found = validate(resource, tuple(dict.fromkeys((*given, *profiles))), context)
    if not full:
        found = [issue for issue in found if issue.rule != _LEADS_NOWHERE]
    # The rules across resources take for granted that each of them is one.
    if any(map(is_basic, found)):
        return found
    return [*found, *_across(resource, given, record, context)]


def _across(resource: Json, given: Sequence[str], record: "Record", context: Context) -> list[Issue]:
    if not given:
        return []
    statutes = record.door.hooks.statutes
    around = statutes.around(resource, given, context.full)
    others = record.around.others(resource, around) if around else {}
    return statutes.issues(resource, given, others, context)


def is_basic(issue: Issue) -> bool:
    """Whether the resource is none of its type at all, whatever a profile or an invariant says."""
    return issue.severity in GRAVE and not (issue.profile or issue.rule)


def tolerated(found: Sequence[Issue], record: "Record") -> tuple[Issue, ...]:
    """The faults, if the agency's policy accepts all of them.

    Raises:
        Malformed: it is no resource of its type. Unprocessable: a rule is broken that the policy insists on.
            Both with everything that is wrong.
    """
    grave = tuple(issue for issue in found if issue.severity in GRAVE)
    if any(map(is_basic, grave)):
        raise Malformed(issues=grave)
    policy = record.access.agency.policy
    if not all(issue.profile and policy.marks(issue.profile) for issue in grave):
        raise Unprocessable(issues=grave)
    return grave


def refusal(resource: Json, record: "Record") -> tuple[Issue, ...]:
    """What a resource would be refused for."""
    try:
        tolerated(faults(resource, record), record)
    except FhirError as error:
        return error.issues
    return ()
