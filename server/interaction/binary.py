"""A Binary is its bytes, on the way in and on the way out, unless the client speaks of the resource.

https://hl7.org/fhir/R4/binary.html
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import replace

from server.fhir import Json, json
from server.fhir.exchange import FhirRequest, FhirResponse
from server.fhir.issue import Malformed, UnsupportedMediaType

TYPE = "Binary"
CONTEXT = "x-security-context"

_WRITING = ("POST", "PUT")
_READING = ("GET", "HEAD")
_OWN = ("application/fhir+json", "application/fhir+xml", "application/json+fhir", "application/xml+fhir")
"""Who names one of these wants the resource, and not what is in it."""

_ALSO = ("application/json", "application/xml", "text/json", "text/xml", "json", "xml")
"""These may be meant either way: where the bytes are of another type, the resource is."""

_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+( *;[\x20-\x7e]*)?", re.ASCII)


def received(request: FhirRequest) -> FhirRequest:
    """The request with the resource in it, whether it was sent as one or as its bytes.

    Raises:
        Malformed: header and element name two security contexts. UnsupportedMediaType: bytes of no type.
    """
    if request.method not in _WRITING or (request.content is None and request.raw is None):
        return request
    content = _of_bytes(request, request.raw) if request.content is None else request.content
    context = request.headers.get(CONTEXT)
    if context is None or content.get("resourceType") != TYPE:
        return replace(request, content=content, raw=None)
    named = {"reference": context.strip()}
    said = content.get("securityContext", named)
    if not isinstance(said, dict) or said.get("reference") != named["reference"]:
        raise Malformed(
            "X-Security-Context and the element name two security contexts: send one of them.",
            expression="Binary.securityContext",
        )
    return replace(request, content={**content, "securityContext": said}, raw=None)


def answered(request: FhirRequest, response: FhirResponse) -> FhirResponse:
    """The answer to a read: the bytes, unless the client wants the resource."""
    if request.method not in _READING or response.status != 200 or response.body is None:
        return response
    if any(name in ("_summary", "_elements") for name, _ in request.query):
        return response
    resource = json.decode(response.body)
    type_ = resource.get("contentType")
    # Neither a Bundle, nor one that may not be shown whole, has bytes of its own.
    if resource.get("resourceType") != TYPE or not isinstance(type_, str) or _wants_resource(request, type_):
        return response
    context = resource.get("securityContext", {}).get("reference")
    headers = {
        **response.headers,
        "Content-Type": type_,
        # Whatever somebody put in here is not to be shown as a page of this server.
        "Content-Disposition": "attachment",
        **({"X-Security-Context": context} if isinstance(context, str) else {}),
    }
    return FhirResponse(response.status, b64decode(resource.get("data", "")), headers)


def _of_bytes(request: FhirRequest, raw: bytes | None) -> Json:
    type_ = request.headers.get("content-type", "").strip()
    if not _MEDIA_TYPE.fullmatch(type_):
        raise UnsupportedMediaType("The bytes of a Binary are sent with a Content-Type that says what.")
    id_ = request.path.partition("/")[2]
    found: Json = {"resourceType": TYPE, **({"id": id_} if id_ else {}), "contentType": type_}
    return {**found, "data": b64encode(raw).decode()} if raw else found


def _wants_resource(request: FhirRequest, content_type: str) -> bool:
    """By `_format`, else by `Accept`."""
    asked = dict(request.query).get("_format")
    wanted = [asked] if asked else list(_accepted(request.headers.get("accept", "")))
    wanted = [each.replace(" ", "+").partition(";")[0].strip().lower() for each in wanted]
    if any(each in _OWN for each in wanted):
        return True
    bare = content_type.partition(";")[0].strip().lower()
    ranges = (bare, f"{bare.partition('/')[0]}/*", "*/*")
    return bool(wanted) and not any(each in ranges for each in wanted) and any(e in _ALSO for e in wanted)


def _accepted(accept: str) -> Iterator[str]:
    """The media ranges that are not refused."""
    for each in accept.split(","):
        if each.strip() and not re.search(r";\s*q=0(\.0*)?\s*$", each):
            yield each.strip()
