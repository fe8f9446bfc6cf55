"""Whether a resource is good, and whether it could be created, updated or deleted as it is.

https://hl7.org/fhir/R4/resource-operation-validate.html
"""

from server.definition.library import HL7
from server.fhir import Json, json
from server.fhir.exchange import FhirRequest
from server.fhir.issue import FhirError, Invalid, Issue, NotSupported, Unavailable
from server.interaction import answer
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.record.event import entry
from server.record.record import Record
from server.store import audit
from server.validation.validate import validate as faults

_METHODS = {"create": "POST", "update": "PUT", "delete": "DELETE"}
_OF_INSTANCES = ("update", "delete", "profile")

_CHECKED = (
    "The structure of R4 was checked: elements, how often they may be there, their types, the values of "
    "primitives, codes that a binding requires, and the narrative. Profiles, invariants and what references "
    "lead to were not."
)
_NOTHING = Issue("informational", "There is nothing here to delete.", severity="information")
_ACCEPTED = "At this moment it would be accepted as {}; nothing was stored."


@implements("Resource-validate")
def validate(call: Call, record: Record) -> Result:
    """An OperationOutcome, whatever it says: that it is good, or everything that is wrong."""
    mode, resource = call.one("mode"), call.one("resource")
    _refuse_what_cannot_be(call, mode, resource)
    if mode in _METHODS:
        issues = _tried(call, record, mode, resource)
    else:
        issues = tuple(faults(resource if mode != "profile" else _kept(call, record))) or _good(mode)
        _account(call, record, 200)
    return Result({"return": answer.outcome(issues)})


def _refuse_what_cannot_be(call: Call, mode: str | None, resource: Json | None) -> None:
    profile = call.one("profile")
    if profile is not None and profile.partition("|")[0] != f"{HL7}{call.type}":
        raise NotSupported("Profiles are not validated against yet: leave out 'profile'.")
    if mode == "profile" and profile is None:
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
    except Unavailable:
        raise
    except FhirError as error:
        # It may have told something: it is accounted for as the refusal that it stands for.
        _account(call, record, error.status)
        return error.issues
    _account(call, record, 200)
    return _good(mode) if "ETag" in done.headers else (_NOTHING,)


def _account(call: Call, record: Record, outcome: int) -> None:
    assert call.type is not None
    number, mode = record.door.library.type_number(call.type), call.one("mode")
    said = f"{f'{call.id}/' if call.id else ''}$validate{f'?mode={mode}' if mode else ''}"
    line = entry(record.access, record.at, "operation", number, query=said, outcome=outcome)
    audit.record(record.connection, line)


def _good(mode: str | None) -> tuple[Issue, ...]:
    told = [_CHECKED] if mode != "delete" else []
    if mode in _METHODS:
        told.append(
            _ACCEPTED.format({"create": "a create", "update": "an update", "delete": "a delete"}[mode])
        )
    return tuple(Issue("informational", each, severity="information") for each in told)
