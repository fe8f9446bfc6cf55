"""An entry of a batch or transaction is a request, and its answer is an entry.

https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.request
"""

from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote

from server import clock
from server.fhir import Json, json
from server.fhir.exchange import FhirRequest, FhirResponse
from server.fhir.issue import Malformed, TooLarge
from server.fhir.meta import instant
from server.record.door import Door

_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH")
_HEADERS = {"ifNoneMatch": "if-none-match", "ifMatch": "if-match", "ifNoneExist": "if-none-exist",
            "ifModifiedSince": "if-modified-since"}  # fmt: skip


def entries(request: FhirRequest, door: Door) -> list[Json]:
    """The entries of a Bundle.

    Raises:
        Malformed: they are not a list of objects. TooLarge: there are more than the declared limit.
    """
    content = request.content or {}
    found = content.get("entry", [])
    if content.get("resourceType") != "Bundle" or not isinstance(found, list):
        raise Malformed("What is posted to the base must be a Bundle of type batch or transaction.")
    if len(found) > door.bundle_limit:
        raise TooLarge(f"The Bundle has {len(found)} entries; at most {door.bundle_limit} are taken.")
    for at, each in enumerate(found):
        if not isinstance(each, dict):
            raise Malformed("An entry must be an object.", expression=f"Bundle.entry[{at}]")
    return found


def request(entry: Json, at: int, prefer: str = "") -> FhirRequest:
    """The request that an entry stands for.

    Raises:
        Malformed: it stands for none.
    """
    asked = entry.get("request")
    path = f"Bundle.entry[{at}].request"
    if not isinstance(asked, dict):
        raise Malformed("The entry has no 'request'.", expression=path)
    method, url = asked.get("method"), asked.get("url")
    if method not in _METHODS:
        raise Malformed(
            "The method of an entry is one of " + ", ".join(_METHODS) + ".", expression=f"{path}.method"
        )
    if not isinstance(url, str) or not url:
        raise Malformed("The entry has no 'request.url'.", expression=f"{path}.url")
    where, _, query = url.lstrip("/").partition("?")
    headers = {name: asked[key] for key, name in _HEADERS.items() if isinstance(asked.get(key), str)}
    resource = entry.get("resource")
    return FhirRequest(
        method=method,
        path=unquote(where),
        query=tuple(parse_qsl(query, keep_blank_values=True)),
        headers={"prefer": prefer, **headers},
        content=resource if isinstance(resource, dict) else None,
    )


def text(response: FhirResponse, full_url: str | None = None, minimal: bool = False) -> bytes:
    """The entry that answers; `minimal`: without the resource that was written."""
    status = HTTPStatus(response.status)
    told: Json = {"status": f"{status.value} {status.phrase}"}
    headers = response.headers
    for name, key in (("Location", "location"), ("ETag", "etag")):
        if name in headers:
            told[key] = headers[name]
    if "Last-Modified" in headers:
        told["lastModified"] = instant(parsedate_to_datetime(headers["Last-Modified"]))
    parts = [b'"fullUrl":' + json.encode(full_url)] if full_url else []
    if response.status >= 400 and response.body:
        outcome = b',"outcome":' + response.body + b"}"
        return b"{" + b",".join([*parts, b'"response":' + json.encode(told)[:-1] + outcome]) + b"}"
    if response.body and not minimal:
        parts.append(b'"resource":' + response.body)
    return b"{" + b",".join([*parts, b'"response":' + json.encode(told)]) + b"}"


def bundle(type_: str, answers: Sequence[bytes]) -> bytes:
    """The Bundle of the answers."""
    head = json.encode({"resourceType": "Bundle", "id": clock.new_id(), "type": type_})
    return head[:-1] + b',"entry":[' + b",".join(answers) + b"]}" if answers else head
