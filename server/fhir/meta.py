"""What the server owns of a resource: `id`, `meta.versionId`, `meta.lastUpdated`; and its security labels.

https://hl7.org/fhir/R4/resource.html#Meta
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache

from server.fhir import Json

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

SEAL = {"system": "https://w3id.org/single-child-record/CodeSystem/seal", "code": "sealed"}
"""The label of what only those see who may unseal: what connects a child adopted with who it was."""

REDACTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "REDACTED"}


def stamped(resource: Json, id_: str, version: int, at: datetime) -> Json:
    """The resource with what the server owns put in; every other property stays where the client put it."""
    given = resource.get("meta", {})
    # What is no object is left for the validator to speak of.
    meta = (
        {"versionId": str(version), "lastUpdated": instant(at), **_rest(given)}
        if isinstance(given, dict)
        else given
    )
    owned = {"id": id_, "meta": meta}
    if "id" in resource and "meta" in resource:
        return {**resource, **owned}
    rest = {name: value for name, value in resource.items() if name not in ("resourceType", *owned)}
    return {"resourceType": resource["resourceType"], **owned, **rest}


def _rest(given: Json) -> Json:
    if not given:
        return given
    return {name: value for name, value in given.items() if name not in ("versionId", "lastUpdated")}


def instant(at: datetime) -> str:
    """`at` as a FHIR instant, in milliseconds of UTC."""
    # A page writes one for each of its entries, and strftime is slow.
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


@lru_cache(maxsize=256)
def http_date(at: datetime) -> str:
    """`at` for a Last-Modified header (RFC 9110): whole seconds."""
    utc = at.astimezone(UTC)
    # Not by strftime: the names are English whatever the locale.
    return f"{_DAYS[utc.weekday()]}, {utc.day:02d} {_MONTHS[utc.month - 1]} {utc.year:04d} {utc:%H:%M:%S} GMT"


def etag(version: int) -> str:
    """The weak entity tag of a version."""
    return f'W/"{version}"'


def labels(resource: Json) -> Iterator[str]:
    """The codes of confidentiality that the resource is labelled with."""
    for coding in resource.get("meta", {}).get("security", ()):
        if coding.get("system") == CONFIDENTIALITY and "code" in coding:
            yield coding["code"]
