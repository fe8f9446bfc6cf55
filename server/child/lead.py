"""Who leads the work with a child: the lead professional of the team around it, by the Organization."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from server.fhir import Json
from server.fhir.period import period

ROLE = "https://w3id.org/single-child-record/CodeSystem/team-role"
LEADING = ("lead-professional", "social-worker")
"""Who leads; where nobody is called so, who is by law the worker of the child."""

_Resource = Callable[[str], Json | None]


def organizations(teams: Sequence[Json], at: datetime, resource: _Resource) -> tuple[str, ...]:
    """Of those who lead at this moment, as references; `resource` finds what a reference leads to."""
    for role in LEADING:
        found = dict.fromkeys(
            text
            for team in teams
            if team.get("status") == "active" and _holds(team, at)
            for participant in team.get("participant", ())
            if _has(participant, role) and _holds(participant, at)
            for text in _organization(participant, team, resource)
        )
        if found:
            return tuple(found)
    return ()


def _holds(element: Json, at: datetime) -> bool:
    low, high = period(element.get("period") or {})
    return low <= at < high


def _has(participant: Json, role: str) -> bool:
    codings = (coding for concept in participant.get("role", ()) for coding in concept.get("coding", ()))
    return any(each.get("system") == ROLE and each.get("code") == role for each in codings)


def _organization(participant: Json, team: Json, resource: _Resource) -> Iterator[str]:
    """For whom somebody is in the team: as the team says, or as the worker's own role does."""
    member = (participant.get("member") or {}).get("reference", "")
    stated = participant.get("onBehalfOf") or (resource(member) or {}).get("organization")
    if member.startswith("Organization/"):
        yield member
    elif isinstance(stated, dict) and "reference" in stated:
        yield stated["reference"]
    else:
        yield from (each["reference"] for each in team.get("managingOrganization", ()) if "reference" in each)
