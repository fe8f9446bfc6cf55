"""Rows of the SSDA903 return as what they say of a looked-after child."""

from collections.abc import Sequence
from dataclasses import dataclass

from server.child.intake.children import Child
from server.child.intake.code import code, code_list, required_code
from server.child.intake.draft import (
    BASE,
    PATIENT,
    Draft,
    concept,
    extension,
    own_concept,
    period,
    reference,
)
from server.child.intake.source import Row, in_order
from server.fhir import Json

LEGAL_STATUS = code_list("cla-legal-status")
CATEGORY_OF_NEED = code_list("cla-category-of-need")
NEW_EPISODE = code_list("cla-reason-new-episode")
EPISODE_CEASED = code_list("cla-reason-episode-ceased")
PLACEMENT_TYPE = code_list("cla-placement-type")
PLACEMENT_PROVIDER = code_list("cla-placement-provider")
PLACEMENT_CHANGE = code_list("cla-placement-change-reason")
PARTICIPATION = code_list("cla-review-participation")
MISSING = code_list("cla-missing-type")
WORKER_CHANGE = code_list("social-worker-change-reason")

_CONTINUES = "X1"
_STARTS = "S"
_NOT_OFSTED = "XXXXXXX"
_ROLE_CODE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"


@dataclass(frozen=True, slots=True)
class Episode:
    """One row of the episodes: the placement it led to, and what tells how it hangs together with others."""

    draft: Draft
    start: str
    end: str | None
    begins: bool
    ceased: Json | None

    @property
    def ends(self) -> bool:
        """Whether the child ceased to be looked after with it."""
        return self.ceased is not None and self.ceased["code"] != _CONTINUES


@dataclass(frozen=True, slots=True)
class Period:
    """A time of being looked after without a break, and the key of its draft."""

    key: str
    start: str
    end: str | None


def header(child: Child, row: Row) -> None:
    """The header row's own facts are the child's; here, that she is a mother herself."""
    born = row.day("MC_DOB")
    drafts = []
    # Only a mother is a fact to keep: a 0 stays unasked for and is listed as not held.
    if row.peek("MOTHER") is not None and _asserted(row, "MOTHER"):
        drafts.append(_circumstance(child, row, "young-parent"))
    if born is not None:
        drafts.append(
            child.resource(
                "RelatedPerson",
                "Family",
                ("child", born),
                row,
                patient=reference(PATIENT),
                relationship=[{"coding": [{"system": _ROLE_CODE, "code": "CHILD"}]}],
                birthDate=born,
            )
        )
    child.add(*drafts)


def episode(child: Child, row: Row) -> Episode:
    """One legal status and one placement from a day on, as a Placement."""
    start, end = in_order(row, "DECOM", "DEC")
    begun, ceased = code(row, "RNE", NEW_EPISODE), code(row, "REC", EPISODE_CEASED)
    draft = child.episode(
        "Placement",
        "placement",
        ("placement", start),
        row,
        period=period(start, end),
        extension=[
            extension("reason-new-episode", valueCodeableConcept=concept(begun)),
            extension("legal-status", valueCodeableConcept=concept(required_code(row, "LS", LEGAL_STATUS))),
            extension("category-of-need", valueCodeableConcept=concept(code(row, "CIN", CATEGORY_OF_NEED))),
            extension(
                "placement-type", valueCodeableConcept=concept(required_code(row, "PLACE", PLACEMENT_TYPE))
            ),
            extension(
                "placement-provider",
                valueCodeableConcept=concept(code(row, "PLACE_PROVIDER", PLACEMENT_PROVIDER)),
            ),
            extension("reason-episode-ceased", valueCodeableConcept=concept(ceased)),
            extension(
                "placement-change-reason",
                valueCodeableConcept=concept(code(row, "REASON_PLACE_CHANGE", PLACEMENT_CHANGE)),
            ),
            extension("placement-setting", valueReference=_setting(row.text("URN"))),
            extension("home-address", valueAddress=_address(row.text("HOME_POST"))),
            extension("placement-address", valueAddress=_address(row.text("PL_POST"))),
        ],
    )
    child.add(draft)
    return Episode(
        child.drafts[draft.key], start, end, begun is not None and begun["code"] == _STARTS, ceased
    )


def periods(child: Child, episodes: Sequence[Episode]) -> list[Period]:
    """The runs of episodes that follow each other, each as a LookedAfterPeriod of which they become part.

    The period is known by each of its episodes: the return of the next year has only the later ones.
    """
    return [_period(child, run) for run in _runs(sorted(episodes, key=lambda episode: episode.start))]


def review(child: Child, row: Row, within: Sequence[Period]) -> None:
    """A review of the care plan, in the time of care that it falls into."""
    day = row.required_day("REVIEW")
    part = extension(
        "review-participation", valueCodeableConcept=concept(code(row, "REVIEW_CODE", PARTICIPATION))
    )
    draft = child.contact(
        "looked-after-review",
        ("review", day),
        row,
        period=period(day, day),
        extension=[part],
        episodeOfCare=[reference(key)] if (key := _at(day, within)) else None,
    )
    child.add(draft, several=True)


def unaccompanied(child: Child, row: Row) -> None:
    """An unaccompanied asylum-seeking child, until the day on which the status ceases."""
    child.person.sex(row, "SEX")
    # The XML form has a flag of its own, and a 0 there is no fact to keep.
    if row.peek("UASC") is None or _asserted(row, "UASC"):
        child.add(_circumstance(child, row, "unaccompanied-asylum-seeking", until=row.day("DUC")))


def missing(child: Child, row: Row) -> None:
    """Missing from care, or away without authorisation."""
    start, end = in_order(row, "MIS_START", "MIS_END")
    draft = child.observation(
        "MissingEpisode",
        "missing",
        ("missing", start),
        row,
        code=concept(required_code(row, "MISSING", MISSING)),
        effectivePeriod=period(start, end),
    )
    child.add(draft, several=True)


def social_worker(child: Child, row: Row) -> None:
    """A social worker's time with the child: a member of the one team that the returns tell of."""
    start, end = in_order(row, "SW_DECOM", "SW_DEC")
    worker = {
        "type": "Practitioner",
        "identifier": {"system": f"{BASE}/sid/swe-number", "value": row.required("SW_ID")},
    }
    reason = concept(code(row, "SW_REASON", WORKER_CHANGE))
    participant = {
        "extension": [extension("social-worker-change-reason", valueCodeableConcept=reason)],
        "role": [own_concept("team-role", "social-worker")],
        "member": worker,
        "onBehalfOf": child.importer.organization,
        "period": period(start, end),
    }
    team = child.resource(
        "CareTeam",
        "TeamAroundTheChild",
        ("social-workers",),
        row,
        status="active",
        category=[own_concept("team-category", "team-around-the-child")],
        subject=reference(PATIENT),
        participant=[participant],
    )
    known = child.drafts.setdefault(team.key, team)
    if known is not team:
        known.origins += team.origins
        known.content["participant"] += (
            [participant] if participant not in known.content["participant"] else []
        )


def deprivation_of_liberty(child: Child, row: Row) -> None:
    """A time under an order that deprives the child of liberty."""
    start, end = in_order(row, "DOLO_START", "DOLO_END")
    key = ("deprivation-of-liberty", start)
    draft = child.episode(
        "DeprivationOfLiberty", "deprivation-of-liberty", key, row, period=period(start, end)
    )
    child.add(draft)


def _runs(episodes: Sequence[Episode]) -> list[list[Episode]]:
    runs: list[list[Episode]] = []
    for episode in episodes:
        if not runs or episode.begins or runs[-1][-1].ends:
            runs.append([])
        runs[-1].append(episode)
    return runs


def _period(child: Child, run: Sequence[Episode]) -> Period:
    first, last = run[0], run[-1]
    end = last.end if last.ends else None
    ceased = last.ceased if last.ends else None
    draft = child.episode(
        "LookedAfterPeriod",
        "looked-after",
        ("looked-after", first.start),
        None,
        period=period(first.start, end),
        extension=[extension("reason-episode-ceased", valueCodeableConcept=concept(ceased))],
    )
    draft.content["identifier"] = [
        known for one in run for known in child.known_by("looked-after", one.start)
    ]
    draft.earliest_start = not first.begins
    child.add(draft)
    for one in run:
        part_of = extension("part-of", valueReference=reference(draft.key))
        one.draft.content["extension"] = [part_of, *one.draft.content["extension"]]
    return Period(draft.key, first.start, end)


def _at(day: str, within: Sequence[Period]) -> str | None:
    return next((one.key for one in within if one.start <= day and (one.end is None or day <= one.end)), None)


def _circumstance(child: Child, row: Row, name: str, until: str | None = None) -> Draft:
    status = "active" if until is None else "inactive"
    clinical = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    return child.need(
        "circumstance",
        ("circumstance", name),
        row,
        clinicalStatus={"coding": [{"system": clinical, "code": status}]},
        code=own_concept("circumstance", name),
        abatementDateTime=until,
    )


def _setting(urn: str | None) -> Json | None:
    """The setting by its URN; sevenfold X stands for one that Ofsted does not inspect."""
    if urn is None or urn.upper() == _NOT_OFSTED:
        return None if urn is None else {"display": urn.upper()}
    return {"type": "Organization", "identifier": {"system": f"{BASE}/sid/ofsted-urn", "value": urn}}


def _address(postcode: str | None) -> Json | None:
    return None if postcode is None else {"postalCode": postcode}


def _asserted(row: Row, column: str) -> bool:
    """Whether the cell says yes; if it says no it is left unread, for no is not kept."""
    known = Row(row.file, row.number, row.cells, row.place).flag(column)
    return bool(known and row.flag(column))
