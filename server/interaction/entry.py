"""An entry of a batch or transaction is a request, and its answer is an entry.

https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.request
"""

import re
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote

from server import clock
from server.fhir import Json, json
from server.fhir.exchange import FhirRequest, FhirResponse
from server.fhir.issue import Malformed, TooLarge
from server.fhir.meta import instant
from server.fhir.primitive import instant as is_instant
from server.record.door import Door

_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH")
_HEADERS = {"ifNoneMatch": "if-none-match", "ifMatch": "if-match", "ifNoneExist": "if-none-exist"}
_TOLD = (("Location", "location"), ("Content-Location", "location"), ("ETag", "etag"))
_FHIR_JSON = "application/fhir+json"
_SLASHES = re.compile("/{2,}")
_OUTCOME = b'{"resourceType":"OperationOutcome"'


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


def request(entry: Json, at: int, base_url: str, headers: Mapping[str, str] = {}) -> FhirRequest:
    """The request that an entry stands for; `headers` are those it has from the Bundle's.

    Raises:
        Malformed: it stands for none.
    """
    asked = entry.get("request")
    path = f"Bundle.entry[{at}].request"
    if not isinstance(asked, dict):
        raise Malformed("The entry has no 'request'.", expression=path)
    method = asked.get("method")
    if method not in _METHODS:
        raise Malformed(
            "The method of an entry is one of " + ", ".join(_METHODS) + ".", expression=f"{path}.method"
        )
    where, query = _url(asked.get("url"), base_url, f"{path}.url")
    resource = entry.get("resource")
    told = {name: _text(asked[key], f"{path}.{key}") for key, name in _HEADERS.items() if key in asked}
    return FhirRequest(
        method=method,
        path=where,
        query=tuple(parse_qsl(query, keep_blank_values=True)),
        # In a Bundle everything is a resource: a Binary is not its bytes.
        headers={"accept": _FHIR_JSON, "content-type": _FHIR_JSON, **headers, **told, **_since(asked, path)},
        content=resource if isinstance(resource, dict) else None,
    )


def _text(value: Any, path: str) -> str:
    """A condition. One that cannot be read is refused: without it the write would be another."""
    if not isinstance(value, str):
        raise Malformed(f"'{path.rpartition('.')[2]}' has to be a string.", expression=path)
    return value


def _url(url: Any, base_url: str, path: str) -> tuple[str, str]:
    """(path, query) of a URL that is relative to the base, or begins with it."""
    if not isinstance(url, str) or not url:
        raise Malformed("The entry has no 'request.url'.", expression=path)
    local = url.removeprefix(base_url) if url == base_url or url.startswith(f"{base_url}/") else url
    where, _, query = local.lstrip("/").partition("?")
    where = _SLASHES.sub("/", where)
    if ":" in where.partition("/")[0]:
        raise Malformed("The URL of an entry is relative to the base of this server.", expression=path)
    return unquote(where).rstrip("/"), query


def _since(asked: Json, path: str) -> dict[str, str]:
    """`ifModifiedSince` is an instant, which stands in the place of the header's date of HTTP."""
    given = asked.get("ifModifiedSince")
    if given is None:
        return {}
    if not is_instant(given):
        raise Malformed("'ifModifiedSince' is an instant.", expression=f"{path}.ifModifiedSince")
    return {"if-modified-since": given}


def text(response: FhirResponse, *, shown: bool = True) -> bytes:
    """The entry that answers; `shown`: with the resource."""
    status = HTTPStatus(response.status)
    told: Json = {"status": f"{status.value} {status.phrase}"}
    headers = response.headers
    for name, key in _TOLD:
        if name in headers:
            told[key] = headers[name]
    if "Last-Modified" in headers:
        told["lastModified"] = _modified(headers["Last-Modified"])
    head = json.encode(told)
    if response.body and (response.status >= 400 or ("ETag" in headers and _is_outcome(response.body))):
        return b'{"response":' + head[:-1] + b',"outcome":' + response.body + b"}}"
    resource = b'"resource":' + response.body + b"," if response.body and shown else b""
    return b"{" + resource + b'"response":' + head + b"}"


@lru_cache(maxsize=64)
def _modified(date: str) -> str:
    # The entries of a transaction are all of one moment.
    return instant(parsedate_to_datetime(date))


def _is_outcome(body: bytes) -> bool:
    """Whether it tells of what was written, instead of showing it: `Prefer: return=OperationOutcome`."""
    return body.startswith(_OUTCOME)


def bundle(type_: str, answers: Sequence[bytes]) -> bytes:
    """The Bundle of the answers."""
    return filled({"resourceType": "Bundle", "id": clock.new_id(), "type": type_}, answers)


def filled(head: Json, entries: Sequence[bytes]) -> bytes:
    """A Bundle with its entries."""
    text = json.encode(head)
    return text[:-1] + b',"entry":[' + b",".join(entries) + b"]}" if entries else text
