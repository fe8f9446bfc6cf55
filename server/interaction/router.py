"""From a request to its interaction: the same for every agency and every type.

A Bundle's entries come back here, so that a batch entry is a request like any other.
"""

from server.access.access import Access
from server.fhir.exchange import FhirRequest, FhirResponse
from server.fhir.issue import (
    Contended,
    Duplicate,
    FhirError,
    Lost,
    MethodNotAllowed,
    NotFound,
    NotSupported,
)
from server.fhir.primitive import id as is_id
from server.interaction import batch, read, search, transaction, write
from server.record import refusal
from server.record.door import Door
from server.record.record import Record

ATTEMPTS = 4
"""How often a request that lost a race is tried before it is told so."""


def respond(request: FhirRequest, door: Door, access: Access) -> FhirResponse:
    """Answer a request in a transaction of its own (a batch: one for each entry).

    Raises:
        FhirError: the refusal; nothing of the request is stored but the account of it.
    """
    if batch.is_batch(request):
        return batch.batch(request, door, lambda entry: respond(entry, door, access))
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _once(request, door, access)
        except FhirError as error:
            if attempt == ATTEMPTS or not _worth_another(request, error):
                raise refusal.accounted(door, access, request, error) from error
    raise AssertionError


def route(request: FhirRequest, record: Record) -> FhirResponse:
    """Answer a request inside the caller's transaction."""
    method = "GET" if request.method == "HEAD" else request.method
    parts = tuple(request.path.split("/")) if request.path else ()
    match method, parts:
        case "POST", ():
            return transaction.transaction(request, record, route)
        case "GET", (type_,) if type_ in record.door.types:
            return search.search(request, record, type_)
        case "POST", (type_, "_search") if type_ in record.door.types:
            return search.search(request, record, type_)
        case "POST", (type_,) if type_ in record.door.types:
            return write.create(request, record, type_)
        case "GET", (type_, id_) if type_ in record.door.types and is_id(id_):
            return read.read(request, record, type_, id_)
        case "PUT", (type_, id_) if type_ in record.door.types and is_id(id_):
            return write.update(request, record, type_, id_)
        case "DELETE", (type_, id_) if type_ in record.door.types and is_id(id_):
            return write.delete(request, record, type_, id_)
        case "GET", (type_, id_, "_history") if type_ in record.door.types and is_id(id_):
            return read.history(request, record, type_, id_)
        case "GET", (type_, id_, "_history", vid) if type_ in record.door.types and is_id(id_):
            return read.vread(request, record, type_, id_, vid)
    raise _unknown(method, parts, record.door)


def _once(request: FhirRequest, door: Door, access: Access) -> FhirResponse:
    with door.database.transaction() as transaction:
        record = Record(door, transaction, access)
        response = route(request, record)
        record.flush()
    return response


def _worth_another(request: FhirRequest, error: FhirError) -> bool:
    """Whether trying again may end otherwise. What may have been stored is not stored again."""
    match error:
        case Contended():
            return True
        case Duplicate():
            # What another transaction wrote meanwhile may be what this one asks for on condition.
            return _conditional(request)
        case Lost():
            return request.method in ("GET", "HEAD") or request.path.endswith("_search")
    return False


def _conditional(request: FhirRequest) -> bool:
    return "if-none-exist" in request.headers or transaction.has_conditions(request)


def _unknown(method: str, parts: tuple[str, ...], door: Door) -> FhirError:
    """Why there is no such interaction: unbuilt, unknown, or the wrong method."""
    for part in parts:
        if part.startswith("$"):
            return NotSupported(f"The operation '{part[:60]}' is not built yet.")
    if parts in ((), ("_history",), ("_search",)) or parts[1:] == ("_history",):
        return NotSupported(f"{method} [base]/{'/'.join(parts)} is not built yet.")
    if parts[0] not in door.types:
        return NotFound(f"'{parts[0][:60]}' is not a resource type of FHIR R4.")
    if len(parts) > 1 and not is_id(parts[1]):
        return NotFound("What stands after the type is not an id.")
    if method == "PATCH":
        return NotSupported("PATCH is not built yet: read the resource, change it, and PUT it with If-Match.")
    if method in ("PUT", "DELETE") and len(parts) == 1:
        return NotSupported(f"A conditional {method} is not built yet.")
    if len(parts) > 2 and parts[1] != "_history" and parts[2] in door.types:
        return NotSupported("Searching a compartment is not built yet: use the search parameter 'patient'.")
    allowed = {1: "GET, HEAD, POST", 2: "GET, HEAD, PUT, DELETE"}.get(len(parts), "GET, HEAD")
    return MethodNotAllowed(f"{method} is not an interaction of this URL.", headers={"Allow": allowed})
