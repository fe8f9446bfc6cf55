"""Who works with a child: read off the registrations, episodes, teams and contacts, in the transaction that
writes them."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from server.fhir import Json
from server.fhir.meta import labels
from server.fhir.period import HIGHEST, LOWEST, Interval, period
from server.record.hook import Act
from server.search.types.reference import localised
from server.search.view import INVOLVED, NAMED, RESTRICTED, VERY_RESTRICTED
from server.store.row import Sighting

BRINGING_IN = timedelta(days=28)
"""How long who starts a record sees the child before a registration, an episode or a contact must say why."""

_OVER = ("entered-in-error", "cancelled", "planned-cancelled", "inactive")

_RESTRICTIONS = {"R": RESTRICTED, "V": VERY_RESTRICTED}


def restriction(patient: Json) -> int:
    """The strictest label on a Patient; 0 where it has none."""
    return max((_RESTRICTIONS.get(label, 0) for label in labels(patient)), default=0)


class Involvement:
    """Knows which Organization is which agency."""

    def __init__(self, organizations: Mapping[str, int], base_url: str) -> None:
        self._organizations, self._base_url = organizations, base_url

    def sightings(self, resource: Json, act: Act) -> list[Sighting]:
        """Who sees the child because of this resource, and until when."""
        match resource["resourceType"]:
            case "Patient":
                return _labelled(resource, act)
            case "EpisodeOfCare":
                involved = [(resource.get("managingOrganization"), _when(resource, act.at))]
            case "Encounter":
                involved = [(resource.get("serviceProvider"), _when(resource, act.at))]
            case "CareTeam":
                involved = list(_members(resource))
            case _:
                return []
        if resource.get("status") in _OVER:
            return []
        # Who is in the team around a restricted child is named, if one who is named says so.
        degree = NAMED if resource["resourceType"] == "CareTeam" and act.named else INVOLVED
        untils: dict[int, datetime] = {}
        for reference, (_, high) in involved:
            number = self._agency(reference)
            if number is not None:
                untils[number] = max(high, untils.get(number, high))
        return [Sighting(number, degree, LOWEST, until) for number, until in untils.items()]

    def _agency(self, reference: Json | None) -> int | None:
        text = (reference or {}).get("reference")
        return (
            self._organizations.get(localised(text, self._base_url) or "") if isinstance(text, str) else None
        )


def _labelled(patient: Json, act: Act) -> list[Sighting]:
    """Who starts a record sees the child for a while; who labels it is named."""
    if restriction(patient) and not act.label:
        return [Sighting(act.agency, NAMED, LOWEST, HIGHEST)]
    return [Sighting(act.agency, INVOLVED, LOWEST, act.at + BRINGING_IN)] if act.label is None else []


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


def _members(team: Json) -> Iterator[tuple[Json | None, Interval]]:
    """The organizations of a team, each for its own time and the team's."""
    low, high = period(team.get("period") or {})
    for organization in team.get("managingOrganization", ()):
        yield organization, (low, high)
    for participant in team.get("participant", ()):
        _, until = period(participant.get("period") or {})
        for name in ("member", "onBehalfOf"):
            yield participant.get(name), (low, min(high, until))
