"""A request that the client does not wait for: accepted at once, answered by a worker, fetched when done.

http://hl7.org/fhir/R4/async.html and http://hl7.org/fhir/R5/async-bundle.html

The answer is a Bundle of type batch-response with one entry, as R5 has it. It is for the client that asked,
is kept for a day, and is given out only while all that it shows may be seen.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

from server import clock
from server.access.access import Access
from server.fhir import Json, json
from server.fhir.exchange import FhirRequest, FhirResponse
from server.fhir.issue import FhirError, Invalid, Malformed, MethodNotAllowed, NotFound, Throttled
from server.fhir.meta import http_date
from server.fhir.primitive import id as is_id
from server.fhir.primitive import legible
from server.interaction import answer, entry
from server.record.door import Door
from server.record.record import Record
from server.record.still import Key, seen, shown, still_seen
from server.store import asynchronous as store

PATH = "_async"
KEPT = timedelta(hours=24)
MOST = 50
"""Requests of one client that wait to be answered."""

_PREFERENCE = "respond-async"
_METHODS = ("GET", "HEAD", "DELETE", "OPTIONS")
_AGAIN = "1"
"""Seconds after which a client may ask again."""


def is_asynchronous(request: FhirRequest) -> bool:
    """Whether the client would rather not wait, or asks after a request that it left."""
    return _is_left(request) or answer.preference(request.headers.get("prefer", ""), _PREFERENCE) is not None


def asynchronous(request: FhirRequest, door: Door, access: Access) -> FhirResponse:
    """Any request with `Prefer: respond-async`; [base]/_async/[id] by GET and DELETE."""
    return _status(request, door, access) if _is_left(request) else _accept(request, door, access)


def _is_left(request: FhirRequest) -> bool:
    return request.path.partition("/")[0] == PATH


def _accept(request: FhirRequest, door: Door, access: Access) -> FhirResponse:
    """Leave the request to a worker.

    Raises:
        Throttled: the client has left too many. Invalid: it holds what no text of the database can.
    """
    asked = (text for pair in request.query for text in pair)
    said = "".join((request.path, *asked, *request.headers.values()))
    if legible(said) != said:
        raise Invalid("The URL or a header holds a character that no text may hold, such as NUL.")
    with door.database.autocommit() as connection:
        if store.open_jobs(connection, access.owner) >= MOST:
            raise Throttled(f"A client may leave {MOST} requests: wait until one is answered.")
        id_ = store.leave(connection, _left(request, access), clock.now())
    door.woken.set()
    where = f"{door.base_url}/{PATH}/{id_}"
    return FhirResponse(202, None, {"Content-Location": where, "Preference-Applied": _PREFERENCE})


def _status(request: FhirRequest, door: Door, access: Access) -> FhirResponse:
    """GET asks how it stands, and fetches the answer; DELETE calls it off."""
    id_ = request.path.removeprefix(f"{PATH}/")
    if not is_id(id_):
        raise _unknown()
    match request.method:
        case "GET" | "HEAD":
            return _standing(id_, door, access)
        case "DELETE":
            with door.database.autocommit() as connection:
                if not store.drop(connection, id_, access.owner):
                    raise _unknown()
            return FhirResponse(202)
    raise MethodNotAllowed(
        f"{request.method} is not an interaction of this URL.", headers={"Allow": ", ".join(_METHODS)}
    )


def _standing(id_: str, door: Door, access: Access) -> FhirResponse:
    with door.database.transaction() as transaction:
        job = store.find(transaction.connection, id_, access.owner)
        if job is None:
            raise _unknown()
        if job.status != store.DONE:
            return FhirResponse(202, None, {"X-Progress": job.status, "Retry-After": _AGAIN})
        record = Record(door, transaction, access)
        about = [((type_, called), whole) for type_, called, whole in job.detail["about"]]
        text: str = job.detail["answer"]
        if not still_seen(record, [*about, *shown(json.decode(text.encode()))]):
            raise _unknown()
        return FhirResponse(200, text.encode(), {"Expires": http_date(job.updated + KEPT)})


def _unknown() -> FhirError:
    return NotFound("There is no such request: it was never left, was called off, or is too old.")


# ---- as it is kept -----------------------------------------------------------------------------------------


def _left(request: FhirRequest, access: Access) -> Json:
    return {
        "client": access.owner,
        "caller": access.client,
        "account": access.user.id if access.user else None,
        "purpose": access.purpose,
        "patient": access.patient,
        "agency": access.agency.code,
        "scopes": [str(scope) for scope in access.scopes],
        "method": request.method,
        "path": request.path,
        "query": [list(pair) for pair in request.query],
        "headers": dict(request.headers),
        # As text: a column of JSON would write its numbers anew.
        "content": None if request.content is None else json.encode(request.content).decode(),
        "raw": None if request.raw is None else b64encode(request.raw).decode(),
    }


def request_of(detail: Json) -> FhirRequest:
    """The request that was left."""
    content, raw = detail["content"], detail["raw"]
    return FhirRequest(
        detail["method"],
        detail["path"],
        tuple((name, value) for name, value in detail["query"]),
        detail["headers"],
        None if content is None else json.decode(content.encode()),
        None if raw is None else b64decode(raw),
    )


def answered(request: FhirRequest, response: FhirResponse, record: Record) -> Json:
    """What is kept of a job that is done: the answer, and what it is about without showing it by its id."""
    bundle = entry.bundle("batch-response", [entry.text(_as_resource(response))])
    about = [[*key, whole] for key, whole in seen(record, _about(request, record.door)).items()]
    return {"client": record.access.owner, "answer": bundle.decode(), "about": about}


def _as_resource(response: FhirResponse) -> FhirResponse:
    """What is no resource is put into one: an entry holds nothing else."""
    type_ = response.headers.get("Content-Type")
    if type_ is None or response.body is None:
        return response
    binary = {"resourceType": "Binary", "contentType": type_, "data": b64encode(response.body).decode()}
    return FhirResponse(response.status, json.encode(binary), response.headers)


def _inside(request: FhirRequest, base_url: str) -> Iterator[str]:
    """What the entries of a Bundle ask for, as far as they can be read: the others were refused."""
    entries = (request.content or {}).get("entry") if request.path == "" else None
    for at, each in enumerate(entries if isinstance(entries, list) else ()):
        with suppress(Malformed):
            yield entry.request(each if isinstance(each, dict) else {}, at, base_url).path


def _about(request: FhirRequest, door: Door) -> list[Key]:
    """The resource whose operation was called, for what it gives back need not have its id."""
    parts = [path.split("/") for path in (request.path, *_inside(request, door.base_url))]
    return [
        (each[0], each[1]) for each in parts if len(each) > 2 and each[0] in door.types and is_id(each[1])
    ]
