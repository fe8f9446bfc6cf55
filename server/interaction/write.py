"""The create, update and delete interactions.

https://hl7.org/fhir/R4/http.html#create
"""

from urllib.parse import parse_qsl, urlencode

from server.fhir import Json
from server.fhir.exchange import FhirRequest, FhirResponse
from server.fhir.issue import Malformed, MultipleMatches, PreconditionFailed
from server.interaction import answer
from server.record.record import Record
from server.search.query import parse
from server.store.row import Stored


def create(request: FhirRequest, record: Record, type_: str, id_: str | None = None) -> FhirResponse:
    """POST [base]/[type], conditionally with If-None-Exist."""
    resource = answer.resource_of(request.content, type_)
    record.access.view(type_, "c")
    condition = request.headers.get("if-none-exist")
    if condition is not None:
        found = matching(record, type_, condition)
        if found is not None:
            return answer.written(found, 200, record.door.base_url, request.headers.get("prefer", ""))
    stored = record.create(resource, id_)
    return answer.written(stored, 201, record.door.base_url, request.headers.get("prefer", ""))


def update(request: FhirRequest, record: Record, type_: str, id_: str) -> FhirResponse:
    """PUT [base]/[type]/[id]; with an id that is new, a create."""
    resource = answer.resource_of(request.content, type_)
    _same_id(resource, type_, id_)
    stored, new = record.update(
        type_,
        id_,
        resource,
        if_match=request.headers.get("if-match"),
        if_absent=request.headers.get("if-none-match", "").strip() == "*",
    )
    status = 201 if new else 200
    return answer.written(stored, status, record.door.base_url, request.headers.get("prefer", ""))


def delete(request: FhirRequest, record: Record, type_: str, id_: str) -> FhirResponse:
    """DELETE [base]/[type]/[id]: done already is done too."""
    buried = record.delete(type_, id_, request.headers.get("if-match"))
    return FhirResponse(204, None, answer.described(buried) if buried else {})


def matching(record: Record, type_: str, condition: str) -> Stored | None:
    """The one resource that a condition finds, while no other transaction acts on the same condition.

    Raises:
        MultipleMatches: it finds several. PreconditionFailed: it says nothing.
    """
    pairs = parse_qsl(condition.partition("?")[2] or condition, keep_blank_values=True)
    query = parse(type_, pairs, record.door.registry, strict=True)
    if not query.conditions:
        raise PreconditionFailed("The condition names no search parameter: it would match anything.")
    record.alone(f"{type_}?{sorted(pairs)}")
    found = record.search(query, count=2, complete=True, said=urlencode(query.self_parameters)).rows
    if len(found) > 1:
        raise MultipleMatches("The condition matches more than one resource.")
    return found[0] if found else None


def _same_id(resource: Json, type_: str, id_: str) -> None:
    given = resource.get("id")
    if given != id_:
        said = "it has none" if given is None else "it has another"
        raise Malformed(f"The resource must have the id of the URL; {said}.", expression=f"{type_}.id")
