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
from server.interaction import (
    asynchronous,
    batch,
    binary,
    declared,
    history,
    patch,
    purpose,
    read,
    search,
    transaction,
    write,
)
from server.interaction.act import act
from server.operation import invoke
from server.record import refusal, repeat
from server.record.door import Door
from server.record.record import Record

ATTEMPTS = 4
"""How often a request that lost a race is tried before it is told so."""


def respond(request: FhirRequest, door: Door, access: Access) -> FhirResponse:
    """Answer a request, now or later."""
    access = purpose.stated(request, door, access)
    if asynchronous.is_asynchronous(request):
        return asynchronous.asynchronous(request, door, access)
    return answered(request, door, access)


def answered(request: FhirRequest, door: Door, access: Access) -> FhirResponse:
    """Answer a request in a transaction of its own (a batch: one for each entry).

    Raises:
        FhirError: the refusal; nothing of the request is stored but the account of it.
    """
    if batch.is_batch(request):
        return batch.batch(request, door, lambda entry: answered(entry, door, access))
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _once(request, door, access, again=attempt > 1)
        except FhirError as error:
            if attempt == ATTEMPTS or not _worth_another(request, error):
                raise refusal.accounted(door, access, request, error) from error
    raise AssertionError


def route(request: FhirRequest, record: Record) -> FhirResponse:
    """Answer a request inside the caller's transaction."""
    method = "GET" if request.method == "HEAD" else request.method
    parts = tuple(request.path.split("/")) if request.path else ()
    if invoke.is_call(parts):
        return invoke.operation(request, record, route)
    if parts and declared.lacks(parts[0], method, request.path, record.door.types):
        raise _unknown(method, parts, record.door)
    if parts[:1] == (binary.TYPE,):
        request = binary.received(request)
    match parts:
        case (type_, *rest) if type_ in record.door.types:
            answer = _of_type if not rest or rest[0].startswith("_") else _of_instance
            found = answer(request, record, method, type_, rest)
        case _:
            found = _of_system(request, record, method, parts)
    if found is None:
        raise _unknown(method, parts, record.door)
    return binary.answered(request, found) if parts[:1] == (binary.TYPE,) else found


def _of_system(
    request: FhirRequest, record: Record, method: str, parts: tuple[str, ...]
) -> FhirResponse | None:
    match method, parts:
        case "POST", ():
            return transaction.transaction(request, record, route)
        case ("GET", ()) | ("POST", ("_search",)):
            return search.system_search(request, record)
        case "GET", ("_history",):
            return history.history(request, record)
        case "GET", ("metadata",) if record.door.statement:
            # Of an entry of a Bundle; asked for by itself, it is given to everybody.
            mode = dict(request.query).get("mode", "full")
            return FhirResponse(200, record.door.statement(mode))
    return None


def _of_type(
    request: FhirRequest, record: Record, method: str, type_: str, rest: list[str]
) -> FhirResponse | None:
    match method, rest:
        case ("GET", []) | ("POST", ["_search"]):
            return search.search(request, record, type_)
        case "POST", []:
            return write.create(request, record, type_)
        case "PUT", []:
            return write.update(request, record, type_)
        case "PATCH", []:
            return patch.patch(request, record, type_)
        case "DELETE", []:
            return write.delete(request, record, type_)
        case "GET", ["_history"]:
            return history.history(request, record, type_)
    return None


def _of_instance(
    request: FhirRequest, record: Record, method: str, type_: str, rest: list[str]
) -> FhirResponse | None:
    id_ = rest[0]
    if not is_id(id_):
        return None
    inside = [type_, *rest[:-1]] if method == "POST" and rest[-1] == "_search" else [type_, *rest]
    if (method == "GET" or len(inside) == len(rest)) and search.is_compartment(record, inside):
        return search.compartment_search(request, record, type_, id_, inside[2])
    match method, rest[1:]:
        case "GET", []:
            return read.read(request, record, type_, id_)
        case "PUT", []:
            return write.update(request, record, type_, id_)
        case "PATCH", []:
            return patch.patch(request, record, type_, id_)
        case "DELETE", []:
            return write.delete(request, record, type_, id_)
        case "GET", ["_history"]:
            return history.history(request, record, type_, id_)
        case "GET", ["_history", vid]:
            return read.vread(request, record, type_, id_, vid)
    return None


def _once(request: FhirRequest, door: Door, access: Access, *, again: bool) -> FhirResponse:
    with door.database.transaction() as transaction:
        record = Record(door, transaction, access)
        # What takes long would be overtaken by who reads history, and so would be what was overtaken before.
        if again or (request.method == "POST" and not request.path):
            record.hold()
        return act(request, record, route)


def _worth_another(request: FhirRequest, error: FhirError) -> bool:
    """Whether trying again may end otherwise. What may have been stored is not stored again."""
    match error:
        case Contended():
            return True
        case Duplicate():
            # What another transaction wrote meanwhile may be what this one asks for on condition.
            return _conditional(request)
        case Lost():
            # Under a key it is not stored twice.
            reads = request.method in ("GET", "HEAD") or request.path.endswith("_search")
            return reads or repeat.HEADER in request.headers
    return False


def _conditional(request: FhirRequest) -> bool:
    by_search = request.method == "PUT" and "/" not in request.path
    return by_search or "if-none-exist" in request.headers or transaction.has_conditions(request)


def _unknown(method: str, parts: tuple[str, ...], door: Door) -> FhirError:
    """Why there is no such interaction: the wrong method, unbuilt, or unknown."""
    allowed = declared.methods("/".join(parts), door.types)
    if allowed and method not in allowed:
        told = f"{method[:20]} is not an interaction of this URL."
        return MethodNotAllowed(told, headers={"Allow": ", ".join(allowed)})
    if parts in ((), ("_history",), ("_search",)) or parts[1:] == ("_history",):
        return NotSupported(f"{method} [base]/{'/'.join(parts)} is not built yet.")
    if parts[0] not in door.types:
        return NotFound(f"'{parts[0][:60]}' is not a resource type of FHIR R4.")
    if len(parts) > 1 and not is_id(parts[1]):
        return NotFound("What stands after the type is not an id.")
    return NotFound("There is no such URL.")
