"""Who works with a child: read off the registrations, episodes, teams and contacts, in the transaction that
writes them."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from server.fhir import Json
from server.fhir.meta import labels
from server.fhir.period import HIGHEST, LOWEST, Interval, period
from server.search.view import INVOLVED, NAMED, RESTRICTED, VERY_RESTRICTED
from server.store.row import Sighting

BRINGING_IN = timedelta(days=28)
"""How long who starts a record sees the child before a registration, an episode or a contact must say why."""

_RESTRICTIONS = {"R": RESTRICTED, "V": VERY_RESTRICTED}


def restriction(patient: Json) -> int:
    """The strictest label on a Patient; 0 where it has none."""
    return max((_RESTRICTIONS.get(label, 0) for label in labels(patient)), default=0)


class Involvement:
    """Knows which Organization is which agency."""

    def __init__(self, organizations: Mapping[str, int]) -> None:
        self._organizations = organizations

    def sightings(self, resource: Json, author: int, at: datetime, new: bool) -> list[Sighting]:
        """Who sees the child because of this resource, and when."""
        match resource["resourceType"]:
            case "Patient":
                return _author(resource, author, at, new)
            case "EpisodeOfCare":
                involved, degree = [resource.get("managingOrganization")], INVOLVED
            case "Encounter":
                involved, degree = [resource.get("serviceProvider")], INVOLVED
            case "CareTeam":
                # Who is in the team around a restricted child is named.
                involved, degree = list(_members(resource)), NAMED
            case _:
                return []
        if resource.get("status") in ("entered-in-error", "cancelled", "planned-cancelled"):
            return []
        low, high = _when(resource, at)
        found = dict.fromkeys(
            number for each in involved if each and (number := self._agency(each)) is not None
        )
        return [Sighting(number, degree, min(low, at), high) for number in found]

    def _agency(self, reference: Json) -> int | None:
        text = reference.get("reference")
        return self._organizations.get(_relative(text)) if isinstance(text, str) else None


def _when(resource: Json, at: datetime) -> Interval:
    """From when to when a contact or an episode brings in who is behind it."""
    given = resource.get("period") or {}
    low, high = period(given)
    contact = resource["resourceType"] == "Encounter"
    if "start" not in given:
        low = at if contact else LOWEST
    if "end" not in given and (contact or resource.get("status") == "finished"):
        high = max(low, at)
    # A contact brings in for as long as its follow-up takes, and not for the minutes of a visit alone.
    return low, max(high, min(low, HIGHEST - BRINGING_IN) + BRINGING_IN) if contact else high


def _author(patient: Json, author: int, at: datetime, new: bool) -> list[Sighting]:
    if restriction(patient):
        return [Sighting(author, NAMED, LOWEST, HIGHEST)]
    return [Sighting(author, INVOLVED, LOWEST, at + BRINGING_IN)] if new else []


def _members(team: Json) -> Iterator[Json]:
    yield from team.get("managingOrganization", ())
    for participant in team.get("participant", ()):
        yield from (participant[name] for name in ("member", "onBehalfOf") if name in participant)


def _relative(text: str) -> str:
    """`Organization/x` of a reference to this server, whatever stands before it."""
    return "/".join(
        text.rpartition("/_history/")[0].split("/")[-2:] if "/_history/" in text else text.split("/")[-2:]
    )
