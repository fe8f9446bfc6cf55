"""A request and a response in FHIR's terms, free of HTTP libraries; a Bundle entry is one too.

https://hl7.org/fhir/R4/http.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from server.fhir import Json


@dataclass(frozen=True, slots=True)
class FhirRequest:
    """`path` is relative to the base and has no leading slash; `query` keeps order and repetition, decoded;
    header names are in lower case; `content` is the parsed resource of the body, if there was one; `raw` is a
    body that is none (a JSON Patch, the bytes of a Binary), of the type that the header `content-type` names.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Json | None = None
    raw: bytes | None = None


@dataclass(frozen=True, slots=True)
class FhirResponse:
    """`body` is UTF-8 JSON of one resource, or None for no content; with a header `Content-Type` it is what
    that says, and goes out as it is."""

    status: int
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
