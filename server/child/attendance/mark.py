"""Marks of the register: one live mark for each school, child, date and session."""

import re
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from server.child.attendance import code
from server.fhir import Json
from server.record.hook import Claim, Counted
from server.search.types.reference import localised
from server.search.types.token import cut

CATEGORY = "https://w3id.org/single-child-record/CodeSystem/observation-category"
SESSIONS = "https://w3id.org/single-child-record/CodeSystem/session"
SESSION = "https://w3id.org/single-child-record/sid/attendance-session"
COUNTED_BY = ("category", f"{CATEGORY}|attendance")
"""The search parameter and the token that every mark carries."""

_VOID = ("entered-in-error", "cancelled")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Mark(NamedTuple):
    """What a mark says: `school` as its reference has it, `day` as its date begins. `plain`: whether it is of
    the register and of nothing else."""

    school: str
    day: str
    session: str
    code: code.Code
    plain: bool


def read(resource: Json, base_url: str = "") -> Mark | None:
    """The mark that an Observation is; None: it is none, was entered in error, or does not say when or
    where."""
    if resource["resourceType"] != "Observation" or resource["status"] in _VOID:
        return None
    categories = [
        (coding.get("system"), coding.get("code"))
        for category in resource.get("category", ())
        for coding in category.get("coding", ())
    ]
    if (CATEGORY, "attendance") not in categories:
        return None
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
    day = resource.get("effectiveDateTime", "")[:10]
    if not (schools and sessions and day):
        return None
    plain = len(categories) == len(schools) == len(sessions) == 1
    return Mark(schools[0], day, sessions[0], _code(resource), plain)


def claims(resource: Json, base_url: str) -> list[Claim]:
    """What a mark claims within its child. A mark that was entered in error claims nothing."""
    found = read(resource, base_url)
    return [claim(found.school, found.day, found.session)] if found else []


def claim(school: str, day: str, session: str) -> Claim:
    """What a mark of that school, day and session claims."""
    return SESSION, cut(f"{school}|{day}|{session}")


def counted(resource: Json, base_url: str) -> Counted | None:
    """Where a mark stands in the totals, and as what; None: nowhere."""
    found = read(resource, base_url)
    if found is None or found.session not in code.SESSIONS:
        return None
    day = day_of(found)
    if day is None:
        return None
    place = 2 * (day.day - 1) + code.SESSIONS.index(found.session)
    return Counted(found.school, 12 * day.year + day.month - 1, place, found.code.letter, found.plain)


@lru_cache(maxsize=1024)
def _date(text: str) -> date | None:
    return date.fromisoformat(text) if _DAY.fullmatch(text) else None


def day_of(mark: Mark) -> date | None:
    """The day of a mark, if it is known to the day."""
    return _date(mark.day)


def _code(resource: Json) -> code.Code:
    for coding in resource.get("valueCodeableConcept", {}).get("coding", ()):
        found = code.find(coding.get("system"), coding.get("code"))
        if found is not None:
            return found
    return code.UNKNOWN
