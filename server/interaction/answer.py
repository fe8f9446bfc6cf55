"""Responses in FHIR's terms: the headers that a resource has, and what `Prefer` asks for.

https://hl7.org/fhir/R4/http.html#ops
"""

from collections.abc import Mapping

from server.fhir import Json, json
from server.fhir.exchange import FhirResponse
from server.fhir.issue import FhirError, Issue, Malformed
from server.fhir.meta import etag, http_date
from server.fhir.outcome import outcome
from server.record.change import Change
from server.store.row import Stored


def of(stored: Stored, status: int, headers: Mapping[str, str] = {}) -> FhirResponse:
    """A version, whole."""
    return FhirResponse(status, stored.body.encode(), {**described(stored), **headers})


def written(
    stored: Stored, status: int, base_url: str, prefer: str, change: Change = Change.NONE
) -> FhirResponse:
    """The answer to a write: where the version is, and as much of it as the client prefers."""
    location = f"{base_url}/{stored.type}/{stored.id}/_history/{stored.version}"
    # Whoever wrote on condition learns by it which resource that was.
    headers = {**described(stored), "Location" if status == 201 else "Content-Location": location}
    match preference(prefer, "return"):
        case "minimal":
            return FhirResponse(status, None, headers)
        case "OperationOutcome":
            return told(status, f"{stored.type}/{stored.id}: {change.value}.", headers)
        case _:
            return FhirResponse(status, stored.body.encode(), headers)


def told(status: int, what: str, headers: Mapping[str, str]) -> FhirResponse:
    """An OperationOutcome of what was done."""
    issue = Issue("informational", what, severity="information")
    return FhirResponse(status, json.encode(outcome((issue,))), headers)


def described(stored: Stored) -> dict[str, str]:
    """ETag and Last-Modified."""
    return {"ETag": etag(stored.version), "Last-Modified": http_date(stored.last_updated)}


def preference(prefer: str, name: str) -> str | None:
    """The value of one preference (RFC 7240)."""
    for part in prefer.replace(";", ",").split(","):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value.strip('"')
    return None


def refused(error: FhirError) -> FhirResponse:
    """An OperationOutcome with everything that was wrong."""
    return FhirResponse(error.status, json.encode(outcome(error.issues)), error.headers)


def resource_of(content: Json | None, type_: str | None = None) -> Json:
    """The resource that a request carries.

    Raises:
        Malformed: there is none, or it is of another type than the URL.
    """
    if content is None:
        raise Malformed("The request must carry a resource.")
    found = content.get("resourceType")
    if not isinstance(found, str):
        raise Malformed("The resource must name its type in 'resourceType'.", expression="resourceType")
    if type_ is not None and found != type_:
        raise Malformed(
            f"The URL speaks of {type_}, and the resource is of another type.", expression="resourceType"
        )
    return content
