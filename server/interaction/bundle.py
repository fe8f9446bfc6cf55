"""Bundles that answer: searchset and history, put together from stored text without parsing it.

https://hl7.org/fhir/R4/bundle.html
"""

from collections.abc import Iterable, Sequence
from urllib.parse import urlencode

from server import clock
from server.fhir import Json, json
from server.fhir.exchange import FhirRequest, FhirResponse
from server.fhir.issue import Invalid, Issue, NotSupported
from server.fhir.meta import etag, instant
from server.interaction.answer import outcome
from server.record.door import Door
from server.record.record import Found, Record
from server.search.query import MAX_COUNT, Query
from server.store.row import Stored

_UNBUILT = ("_since", "_at", "_list", "_sort", "_summary", "_elements")

_CUT = Issue(
    "too-costly",
    "The page refers to more resources than one answer brings along: some are left out. "
    "Ask for a smaller _count.",
    severity="warning",
)


def searchset(
    record: Record, type_: str, query: Query, found: Found, page: str | None, following: str | None
) -> FhirResponse:
    """The answer to a search."""
    base = record.door.base_url
    asked = urlencode([("_page", page)] if page else query.self_parameters, safe="|,:/$*")
    links = [("self", f"{base}/{type_}{'?' if asked else ''}{asked}")]
    if following:
        links.append(("next", f"{base}/{type_}?_page={following}"))
    entries = [_entry(base, row, b'"search":{"mode":"match"}') for row in found.rows]
    entries += (_entry(base, row, b'"search":{"mode":"include"}') for row in found.included)
    if found.cut:
        entries.append(b'{"resource":' + json.encode(outcome((_CUT,))) + b',"search":{"mode":"outcome"}}')
    return FhirResponse(200, _bundle("searchset", links, entries, found.total))


def history(
    request: FhirRequest, record: Record, versions: Sequence[Stored], count: int, path: str
) -> FhirResponse:
    """The answer to a history; `versions` may be one longer than the page."""
    base, shown = record.door.base_url, versions[:count]
    links = [("self", f"{base}/{path}/_history")]
    if len(versions) > count and shown:
        links.append(("next", f"{base}/{path}/_history?_count={count}&_before={shown[-1].version}"))
    entries = [_entry(base, row, _how(row, base)) for row in shown]
    total = len(shown) if len(links) == 1 and not request.query else None
    return FhirResponse(200, _bundle("history", links, entries, total))


def history_page(request: FhirRequest, door: Door) -> tuple[int, int | None]:
    """(entries a page, the version to go on below)."""
    only(request, ("_count", "_before"))
    asked = dict(request.query)
    return _number(asked, "_count", 50), (_number(asked, "_before", 0) if "_before" in asked else None)


def only(request: FhirRequest, built: Sequence[str]) -> None:
    """Refuse what the specification has for this interaction and this server has not, rather than ignore it.

    Raises:
        NotSupported: naming the parameter.
    """
    for name, value in request.query:
        if name in _UNBUILT and name not in built and (name, value) != ("_summary", "false"):
            raise NotSupported(f"'{name}' is not built yet here.")


def _number(asked: dict[str, str], name: str, otherwise: int) -> int:
    text = asked.get(name)
    if text is None:
        return otherwise
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid(f"'{name}' must be a number, and is '{text[:60]}'.")
    return min(int(text), MAX_COUNT) if name == "_count" else int(text)


def _how(row: Stored, base: str) -> bytes:
    method = "DELETE" if row.deleted else "POST" if row.version == 1 else "PUT"
    url = row.type if method == "POST" else f"{row.type}/{row.id}"
    status = {"DELETE": "204", "POST": "201"}.get(method, "200")
    response = {"status": status, "etag": etag(row.version), "lastModified": instant(row.last_updated)}
    return json.encode({"request": {"method": method, "url": url}, "response": response})[1:-1]


def _entry(base: str, row: Stored, rest: bytes) -> bytes:
    url = f'{{"fullUrl":"{base}/{row.type}/{row.id}",'.encode()
    body = b"" if row.deleted else b'"resource":' + row.body.encode() + b","
    return url + body + rest + b"}"


def _bundle(
    type_: str, links: Iterable[tuple[str, str]], entries: Sequence[bytes], total: int | None
) -> bytes:
    head: Json = {"resourceType": "Bundle", "id": clock.new_id(), "type": type_}
    if total is not None:
        head["total"] = total
    head["link"] = [{"relation": relation, "url": url} for relation, url in links]
    text = json.encode(head)
    # An empty array is not allowed, so a Bundle of nothing has no `entry` at all.
    return text[:-1] + b',"entry":[' + b",".join(entries) + b"]}" if entries else text
