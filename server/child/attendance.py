"""Marks of the register: one live mark for each school, child, date and session."""

from server.fhir import Json
from server.record.hook import Claim
from server.search.types.reference import localised
from server.search.types.token import cut

CATEGORY = "https://w3id.org/single-child-record/CodeSystem/observation-category"
SESSIONS = "https://w3id.org/single-child-record/CodeSystem/session"
SESSION = "https://w3id.org/single-child-record/sid/attendance-session"


def claims(resource: Json, base_url: str) -> list[Claim]:
    """What a mark claims within its child. A mark that was entered in error claims nothing."""
    if resource["resourceType"] != "Observation" or not _is_mark(resource):
        return []
    schools = sorted(
        localised(each["reference"], base_url) or ""
        for each in resource.get("performer", ())
        if "reference" in each
    )
    sessions = sorted(
        coding["code"]
        for coding in resource["code"].get("coding", ())
        if coding.get("system") == SESSIONS and "code" in coding
    )
    date = resource.get("effectiveDateTime", "")[:10]
    if resource["status"] in ("entered-in-error", "cancelled") or not (schools and sessions and date):
        return []
    return [(SESSION, cut(f"{schools[0]}|{date}|{sessions[0]}"))]


def _is_mark(resource: Json) -> bool:
    return any(
        coding.get("system") == CATEGORY and coding.get("code") == "attendance"
        for category in resource.get("category", ())
        for coding in category.get("coding", ())
    )
