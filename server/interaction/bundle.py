"""Bundles that answer: searchset and history, put together from stored text without parsing it.

https://hl7.org/fhir/R4/bundle.html
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from server import clock
from server.fhir import Json, json
from server.fhir.exchange import FhirRequest, FhirResponse
from server.fhir.issue import Issue, NotSupported
from server.fhir.meta import etag, instant
from server.fhir.outcome import outcome
from server.interaction import subset
from server.record.record import Record
from server.record.search import Found
from server.search.query import Query
from server.store.row import Stored

_UNBUILT = ("_since", "_at", "_list", "_sort", "_summary", "_elements")

_CUT = Issue(
    "incomplete",
    "The page refers to more resources than one answer brings along: the link 'related' yields the rest.",
    severity="warning",
)


def searchset(
    record: Record, path: str, type_: str | None, query: Query, found: Found, links: Iterable[tuple[str, str]]
) -> FhirResponse:
    """The answer to a search; a link is a relation and the query of its URL. `type_`: None for several."""
    base = record.door.base_url
    url = f"{base}/{path}" if path else base
    whole = [(name, f"{url}{'?' if said else ''}{said}") for name, said in links]
    part = subset.of_query(query, type_)
    entries = [_entry(base, part.of(row), _matching(found.scores.get(row.rid))) for row in found.rows]
    entries += (_entry(base, part.of(row), b'"search":{"mode":"include"}') for row in found.included)
    said = tuple(Issue("informational", told, severity="information") for told in found.explained)
    if issues := (*(() if found.rest is None else (_CUT,)), *said):
        entries.append(b'{"resource":' + json.encode(outcome(issues)) + b',"search":{"mode":"outcome"}}')
    return FhirResponse(200, _bundle("searchset", whole, entries, found.total))


def _matching(score: Decimal | None) -> bytes:
    """How a match is told from the rest; `score`: how good it is, where that differs."""
    told = b"" if score is None else f',"score":{score:f}'.encode()
    return b'"search":{"mode":"match"' + told + b"}"


def everything(
    record: Record,
    links: Iterable[tuple[str, str]],
    about: Sequence[Stored],
    support: Sequence[Stored],
    total: int | None,
) -> FhirResponse:
    """The answer to $everything; the links begin after the base."""
    base = record.door.base_url
    entries = [_entry(base, row, b'"search":{"mode":"match"}') for row in about]
    entries += (_entry(base, row, b'"search":{"mode":"include"}') for row in support)
    whole = [(relation, f"{base}/{url}") for relation, url in links]
    return FhirResponse(200, _bundle("searchset", whole, entries, total))


def history(
    record: Record,
    path: str,
    versions: Sequence[Stored],
    asked: Sequence[tuple[str, str]],
    total: int | None,
    read_to: datetime | None,
) -> FhirResponse:
    """The answer to a history. `asked`: the query of each link; `read_to`: the instant that it reaches."""
    base = record.door.base_url
    links = [(relation, f"{base}/{path}{'?' if query else ''}{query}") for relation, query in asked]
    entries = [_entry(base, row, _how(row)) for row in versions]
    # Who asks `_since` then misses nothing of what could not be seen yet.
    meta = {"lastUpdated": instant(read_to)} if read_to else None
    return FhirResponse(200, _bundle("history", links, entries, total, meta))


def only(request: FhirRequest, built: Sequence[str]) -> None:
    """Refuse what the specification has for this interaction and this server has not, rather than ignore it.

    Raises:
        NotSupported: naming the parameter.
    """
    for name, value in request.query:
        if name in _UNBUILT and name not in built and (name, value) != ("_summary", "false"):
            raise NotSupported(f"'{name}' is not built yet here.")


def _how(row: Stored) -> bytes:
    """What made a version, as a request that would make it again."""
    posted = row.version == 1 and clock.is_given_out(row.id, row.last_updated)
    method = "DELETE" if row.deleted else "POST" if posted else "PUT"
    url = row.type if posted else f"{row.type}/{row.id}"
    status = "204" if row.deleted else "201" if row.created else "200"
    response = {"status": status, "etag": etag(row.version), "lastModified": instant(row.last_updated)}
    return json.encode({"request": {"method": method, "url": url}, "response": response})[1:-1]


def _entry(base: str, row: Stored, rest: bytes) -> bytes:
    url = f'{{"fullUrl":"{base}/{row.type}/{row.id}",'.encode()
    body = b"" if row.deleted else b'"resource":' + row.body.encode() + b","
    return url + body + rest + b"}"


def _bundle(
    type_: str,
    links: Iterable[tuple[str, str]],
    entries: Sequence[bytes],
    total: int | None,
    meta: Json | None = None,
) -> bytes:
    head: Json = {"resourceType": "Bundle", "id": clock.new_id()}
    head |= {"meta": meta, "type": type_} if meta else {"type": type_}
    if total is not None:
        head["total"] = total
    head["link"] = [{"relation": relation, "url": url} for relation, url in links]
    text = json.encode(head)
    # An empty array is not allowed, so a Bundle of nothing has no `entry` at all.
    return text[:-1] + b',"entry":[' + b",".join(entries) + b"]}" if entries else text
