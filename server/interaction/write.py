"""The create, update and delete interactions.

https://hl7.org/fhir/R4/http.html#create
"""

from collections.abc import Sequence

from server.fhir import Json
from server.fhir.exchange import FhirRequest, FhirResponse
from server.fhir.issue import Malformed
from server.fhir.primitive import id as is_id
from server.interaction import answer, condition
from server.record import identified, precondition
from server.record.change import Change
from server.record.record import Record
from server.store.row import Stored

CASCADE = "_cascade"
"""`_cascade=delete`, or the header `X-Cascade: delete`: what refers to a resource goes with it."""


def create(request: FhirRequest, record: Record, type_: str, id_: str | None = None) -> FhirResponse:
    """POST [base]/[type], conditionally with If-None-Exist."""
    resource = answer.resource_of(request.content, type_)
    record.access.view(type_, "c")
    asked = request.headers.get("if-none-exist")
    if asked is not None:
        found = condition.matching(record, type_, asked)
        if found is not None:
            identified.same_child(record, resource, found)
            return answered(request, record, found, Change.NONE)
    return answered(request, record, record.create(resource, id_), Change.CREATED)


def update(request: FhirRequest, record: Record, type_: str, id_: str | None = None) -> FhirResponse:
    """PUT [base]/[type]/[id]; with an id that is new, a create. PUT [base]/[type]?…: what is found."""
    resource = answer.resource_of(request.content, type_)
    if id_ is None:
        return _update_found(request, record, resource)
    _same_id(resource, type_, id_)
    return answered(request, record, *_updated(request, record, resource, id_))


def delete(request: FhirRequest, record: Record, type_: str, id_: str | None = None) -> FhirResponse:
    """DELETE [base]/[type]/[id]: done already is done too. DELETE [base]/[type]?…: all that is found."""
    if_match, cascading = request.headers.get("if-match"), _is_cascading(request)
    if id_ is not None:
        ids = [id_]
    else:
        record.access.view(type_, "d")
        pairs = [pair for pair in request.query if pair[0] != CASCADE]
        ids = [row.id for row in condition.held(record, type_, pairs, record.door.delete_limit)]
        if not ids:
            precondition.hold(if_match, None)
    gone = [record.delete(type_, each, if_match, cascading=cascading) for each in ids]
    return _deleted(request, [each for each in gone if each])


def answered(request: FhirRequest, record: Record, stored: Stored, change: Change) -> FhirResponse:
    """As a write is answered."""
    prefer, status = request.headers.get("prefer", ""), 201 if change is Change.CREATED else 200
    return answer.written(stored, status, record.door.base_url, prefer, change)


def _update_found(request: FhirRequest, record: Record, resource: Json) -> FhirResponse:
    """Update the one that the condition finds; if there is none, create it."""
    type_, given = resource["resourceType"], resource.get("id")
    if given is not None and not is_id(given):
        raise Malformed("The resource has an 'id' that is none.", expression=f"{type_}.id")
    record.access.view(type_, "u")
    found = condition.held(record, type_, request.query)
    return update_found(request, record, resource, found[0] if found else None)


def update_found(
    request: FhirRequest, record: Record, resource: Json, found: Stored | None, id_: str | None = None
) -> FhirResponse:
    """Update what a condition found; where that is nothing, create it (under `id_`, if that was promised)."""
    type_, given = resource["resourceType"], resource.get("id")
    if found:
        if given not in (None, found.id):
            raise Malformed("The condition finds a resource with another id.", expression=f"{type_}.id")
        resource = {**resource, "id": found.id}
        return answered(request, record, *_updated(request, record, resource, found.id))
    if given is not None:
        return answered(request, record, *_updated(request, record, resource, given, only_new=True))
    precondition.hold(request.headers.get("if-match"), None)
    return answered(request, record, record.create(resource, id_), Change.CREATED)


def _updated(
    request: FhirRequest, record: Record, resource: Json, id_: str, *, only_new: bool = False
) -> tuple[Stored, Change]:
    headers = request.headers
    return record.update(
        resource["resourceType"],
        id_,
        resource,
        if_match=headers.get("if-match"),
        if_none_match=headers.get("if-none-match"),
        only_new=only_new,
    )


def _is_cascading(request: FhirRequest) -> bool:
    return (CASCADE, "delete") in request.query or request.headers.get("x-cascade", "").strip() == "delete"


def _deleted(request: FhirRequest, gone: Sequence[Stored]) -> FhirResponse:
    headers = answer.described(gone[0]) if len(gone) == 1 else {}
    if answer.preference(request.headers.get("prefer", ""), "return") == "OperationOutcome":
        what = f"{len(gone)} resources were deleted." if gone else "There was nothing to delete."
        return answer.told(200, what, headers)
    return FhirResponse(204, None, headers)


def _same_id(resource: Json, type_: str, id_: str) -> None:
    given = resource.get("id")
    if given != id_:
        said = "it has none" if given is None else "it has another"
        raise Malformed(f"The resource must have the id of the URL; {said}.", expression=f"{type_}.id")
