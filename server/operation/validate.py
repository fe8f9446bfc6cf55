"""Whether a resource is good, and whether it could be created, updated or deleted as it is.

https://hl7.org/fhir/R4/resource-operation-validate.html
"""

from collections.abc import Sequence
from typing import Any

from server.fhir import Json, json
from server.fhir.exchange import FhirRequest
from server.fhir.issue import FhirError, Invalid, Issue, Unavailable
from server.fhir.outcome import outcome
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.record import judge
from server.record.event import entry
from server.record.record import Record
from server.store import audit

_METHODS = {"create": "POST", "update": "PUT", "delete": "DELETE"}
_OF_INSTANCES = ("update", "delete", "profile")

_CHECKED = (
    "What R4 says of the type was checked: structure, values, codes, references and rules{}. Nothing is in "
    "the way."
)
_NOTHING = Issue("informational", "There is nothing here to delete.", severity="information")
_ACCEPTED = "At this moment it would be accepted as {}{}; nothing was stored."
_MARKED = ", and marked as one to be corrected"


@implements("Resource-validate")
def validate(call: Call, record: Record) -> Result:
    """An OperationOutcome, whatever it says: that it is good, or everything that is wrong.

    What the agency's policy would accept all the same is told like anything else.
    """
    mode, resource = call.one("mode"), call.one("resource")
    _refuse_what_cannot_be(call, mode, resource)
    if mode == "profile":
        resource = _kept(call, record)
    profiles = _profiles(call, record)
    found = judge.faults(resource, record, profiles, full=True) if mode != "delete" else []
    told = list(found)
    if mode in _METHODS:
        told += [each for each in _tried(call, record, mode, resource) if not _is_told(each, found)]
    else:
        _account(call, record, 200)
    return Result({"return": outcome(_summed_up(told, mode, resource, record, profiles))})


def _refuse_what_cannot_be(call: Call, mode: str | None, resource: Json | None) -> None:
    if mode == "profile" and call.one("profile") is None:
        raise Invalid("The mode 'profile' needs the parameter 'profile'.")
    if mode in _OF_INSTANCES and call.id is None:
        raise Invalid(f"The mode '{mode}' is for one resource: [base]/{call.type}/[id]/$validate.")
    if mode == "create" and call.id is not None:
        raise Invalid(f"The mode 'create' is for a type: [base]/{call.type}/$validate.")
    if resource is None and mode not in ("delete", "profile"):
        raise Invalid("$validate needs the parameter 'resource'.")
    if resource is not None and resource.get("resourceType") != call.type:
        raise Invalid(
            f"The URL speaks of {call.type}, and the resource is of another type.", expression="resourceType"
        )


def _profiles(call: Call, record: Record) -> Sequence[str]:
    """The profile that was asked for.

    Raises:
        Invalid: there is none of that name, or it is one of another type.
    """
    asked = call.one("profile")
    if asked is None:
        return ()
    definition = record.door.library.definition(asked) if ":" in asked else None
    if definition is None:
        raise Invalid("There is no profile of this canonical here: nothing can be held against it.")
    if definition["type"] not in (call.type, "Resource", "DomainResource"):
        raise Invalid(f"The profile is one of {definition['type']}, and the URL speaks of {call.type}.")
    return (asked,)


def _kept(call: Call, record: Record) -> Json:
    assert call.type is not None
    assert call.id is not None
    resource: Json = json.decode(record.read(call.type, call.id).body.encode())
    return resource


def _tried(call: Call, record: Record, mode: str, resource: Json | None) -> tuple[Issue, ...]:
    """The interaction itself, carried out and undone: what it would be refused for, or that it would not."""
    path = "/".join(filter(None, (call.type, call.id)))
    headers = {name: call.request.headers[name] for name in ("if-match",) if name in call.request.headers}
    content = None if mode == "delete" else resource
    try:
        with record.undone() as trial:
            done = call.route(FhirRequest(_METHODS[mode], path, headers=headers, content=content), trial)
            trial.settle()
            marked = trial.marked
    except Unavailable:
        raise
    except FhirError as error:
        # It may have told something: it is accounted for as the refusal that it stands for.
        _account(call, record, error.status)
        return error.issues
    _account(call, record, 200)
    return (_accepted(mode, marked=marked),) if "ETag" in done.headers else (_NOTHING,)


def _accepted(mode: str, *, marked: bool) -> Issue:
    what = {"create": "a create", "update": "an update", "delete": "a delete"}[mode]
    told = _ACCEPTED.format(what, _MARKED if marked else "")
    return Issue("informational", told, severity="information")


def _is_told(issue: Issue, found: Sequence[Issue]) -> bool:
    return any((issue.code, issue.expression) == (each.code, each.expression) for each in found)


def _account(call: Call, record: Record, outcome: int) -> None:
    assert call.type is not None
    number, mode = record.door.library.type_number(call.type), call.one("mode")
    said = f"{f'{call.id}/' if call.id else ''}$validate{f'?mode={mode}' if mode else ''}"
    line = entry(record.access, record.at, "operation", number, query=said, outcome=outcome)
    audit.record(record.connection, line)


def _summed_up(
    told: list[Issue], mode: str | None, resource: Json | None, record: Record, profiles: Sequence[str]
) -> list[Issue]:
    """Where nothing is wrong, what the resource was held against."""
    if resource is None or mode == "delete" or any(each.severity in judge.GRAVE for each in told):
        return told
    meta: Any = resource.get("meta", {})
    named = (*meta.get("profile", ()), *judge.governing(resource, record), *profiles)
    every = dict.fromkeys(each for each in named if record.door.library.definition(each))
    more = f", and the profiles {', '.join(every)}" if every else ""
    return [Issue("informational", _CHECKED.format(more), severity="information"), *told]
