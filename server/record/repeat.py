"""A write that is sent again under its key (`Idempotency-Key`) is not carried out again.

https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header

The key is claimed in the transaction of the write: of two at once one waits, and is then a repeat. A refusal
rolls the claim back with all else, so what was refused may be tried again under the same key.
"""

from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING

from server.fhir import Json, json
from server.fhir.exchange import FhirRequest
from server.fhir.issue import Contended, Invalid, Unprocessable
from server.record.event import entry
from server.store import audit, idempotency

if TYPE_CHECKING:
    from server.record.record import Record

HEADER = "idempotency-key"
REMEMBERED = timedelta(hours=24)
LONGEST = 255

_TOLD = (
    "if-match", "if-none-match", "if-none-exist", "x-cascade", "x-confirm-new", "x-provenance",
    "x-security-context", "content-type",
)  # fmt: skip
"""The headers that make a request another one."""


def key(request: FhirRequest) -> str | None:
    """The key of a write; None for what has none, or changes nothing.

    Raises:
        Invalid: it can be no key.
    """
    found = request.headers.get(HEADER)
    if found is None or request.method in ("GET", "HEAD") or request.path.endswith("_search"):
        return None
    text = _plain(found)
    if not 0 < len(text) <= LONGEST or not text.isascii() or not text.isprintable():
        raise Invalid(f"An Idempotency-Key is of 1 to {LONGEST} printable ASCII characters.")
    return text


def part(header: str, at: int) -> str:
    """The key of one entry of a batch, which is a request by itself."""
    return f"{_plain(header)}#{at}"


def _plain(header: str) -> str:
    # The draft has it in quotes, and most clients leave them out.
    return header.strip().strip('"')


def claimed(record: "Record", request: FhirRequest, key: str) -> Json | None:
    """None: the key is this request's. Else the answer that was given under it.

    Raises:
        Unprocessable: another request has it.
    """
    record.begin()
    client, fingerprint = record.access.owner, _fingerprint(request)
    if idempotency.claim(record.connection, client, key, fingerprint, record.at, record.at - REMEMBERED):
        return None
    found = idempotency.found(record.connection, client, key)
    if found is None:
        raise Contended("The key was in use until this moment. Nothing was stored: send the request again.")
    first, answer = found
    if first != fingerprint:
        raise Unprocessable(
            "This Idempotency-Key was sent with another request. A key is for one request and its repeats."
        )
    status = int(answer["status"])
    audit.record(record.connection, entry(record.access, record.at, "repeat", None, outcome=status))
    return answer


def answered(record: "Record", key: str, answer: Json) -> None:
    """Keep the answer for a day. `answer` holds no resource: those are read again."""
    idempotency.answered(record.connection, record.access.owner, key, answer)


def _fingerprint(request: FhirRequest) -> str:
    digest = blake2b(digest_size=16)
    told = [request.headers.get(name, "") for name in _TOLD]
    line = [request.method, request.path, list(map(list, request.query)), told]
    digest.update(json.encode(line))
    digest.update(json.encode(request.content) if request.content is not None else request.raw or b"")
    return digest.hexdigest()
