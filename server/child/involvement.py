"""Who works with a child: read off the registrations, episodes, teams and contacts, in the transaction that
writes them."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from server.fhir import Json
from server.fhir.meta import SEAL, labels
from server.fhir.period import HIGHEST, LOWEST, Interval, period
from server.record.hook import Act
from server.record.places import PEOPLE
from server.search.sight import INVOLVED, NAMED
from server.search.types.reference import localised
from server.store.row import RESTRICTED, VERY_RESTRICTED, Sighting

BRINGING_IN = timedelta(days=28)
"""How long who starts a record sees the child before a registration, an episode or a contact must say why."""

_OVER = ("entered-in-error", "cancelled", "planned-cancelled", "inactive")

_RESTRICTIONS = {"R": RESTRICTED, "V": VERY_RESTRICTED}


_OURS = "https://w3id.org/single-child-record/StructureDefinition/"
RESPONSIBLE, NO_CONTACT = f"{_OURS}parental-responsibility", f"{_OURS}no-contact"


def restriction(patient: Json) -> int:
    """The labels on a Patient, as bits; 0 where it has none."""
    return reduce(or_, (_RESTRICTIONS.get(label, 0) for label in labels(patient)), 0)


def sealed(resource: Json) -> bool:
    """Whether a resource is labelled so."""
    return any(
        all(label.get(name) == value for name, value in SEAL.items())
        for label in resource.get("meta", {}).get("security", ())
    )


class Involvement:
    """Knows which Organization is which agency."""

    def __init__(self, organizations: Mapping[str, int], base_url: str) -> None:
        self._organizations, self._base_url = organizations, base_url

    def sightings(self, resource: Json, act: Act) -> list[Sighting]:
        """Who sees the child because of this resource, and until when."""
        match resource["resourceType"]:
            case "Patient":
                # Of two lines about one the later is kept: who is named there is brought in for good.
                lines = (*_labelled(resource, act), *self._practitioners(resource, act))
                return list({line.principal: line for line in lines}.values())
            case "RelatedPerson":
                return _parent(resource, act)
            case "EpisodeOfCare":
                involved = _all_of(resource, act, "managingOrganization", "careManager", "team")
            case "Encounter":
                involved = _all_of(resource, act, "serviceProvider", "participant")
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
            number = self._principal(reference, act)
            if number is not None:
                untils[number] = max(high, untils.get(number, high))
        if resource["resourceType"] == "CareTeam":
            # Whoever says to be of the team, which is for the agency's own provider or account to say.
            _, untils[-act.rid] = period(resource.get("period") or {})
        return [Sighting(number, degree, LOWEST, until) for number, until in untils.items()]

    def _principal(self, reference: Json | None, act: Act) -> int | None:
        """The number by which `sight` knows an agency, a worker or a team; of families it is another
        matter."""
        text = (reference or {}).get("reference")
        known = (localised(text, self._base_url) or "") if isinstance(text, str) else ""
        if known in self._organizations:
            return self._organizations[known]
        rid = act.rids(known) if known.partition("/")[0] in PEOPLE else None
        return None if rid is None else -rid

    def _practitioners(self, patient: Json, act: Act) -> list[Sighting]:
        """A child's practitioners: they are brought in, their agencies are not."""
        found = (self._principal(each, act) for each in patient.get("generalPractitioner", ()))
        people = dict.fromkeys(number for number in found if number is not None and number < 0)
        return [Sighting(number, INVOLVED, LOWEST, HIGHEST) for number in people]


def _all_of(resource: Json, act: Act, *names: str) -> list[tuple[Json | None, Interval]]:
    """What these elements refer to, for the time of the resource."""
    when = _when(resource, act.at)
    found = (resource.get(name) for name in names)
    every = (each for value in found for each in (value if isinstance(value, list) else [value]))
    return [(each.get("individual", each) if each else None, when) for each in every]


def _parent(person: Json, act: Act) -> list[Sighting]:
    """Who holds parental responsibility may see the child, unless they may not be told of it."""
    said = {each.get("url"): each.get("valueBoolean") for each in person.get("extension", ())}
    if person.get("active") is False or said.get(NO_CONTACT) or said.get(RESPONSIBLE) is not True:
        return []
    return [Sighting(-act.rid, INVOLVED, *period(person.get("period") or {}))]


def _labelled(patient: Json, act: Act) -> list[Sighting]:
    """Who starts a record sees the child for a while; who labels it is named."""
    until = act.at + BRINGING_IN
    people = [Sighting(each, INVOLVED, LOWEST, until) for each in act.user if act.label is None]
    if restriction(patient) and not act.label:
        return [Sighting(act.agency, NAMED, LOWEST, HIGHEST), *people]
    return [Sighting(act.agency, INVOLVED, LOWEST, until), *people] if act.label is None else []


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
