"""Yearly outcomes, adoption and permanence in the SSDA903 return, as what they say of a child."""

from server.child.intake import date
from server.child.intake.children import Child
from server.child.intake.code import code, code_list, required_code
from server.child.intake.draft import (
    Draft,
    complex_extension,
    component,
    concept,
    own_concept,
    period,
)
from server.child.intake.source import Refused, Row, in_order
from server.fhir import Json

SDQ_REASON = code_list("cla-sdq-reason")
IN_TOUCH = code_list("care-leaver-in-touch")
ACTIVITY = code_list("care-leaver-activity")
ACCOMMODATION = code_list("care-leaver-accommodation")
NOT_PLACED = code_list("cla-adoption", group="reason-no-longer-placed")
ADOPTER_SEX = code_list("cla-adoption", group="sex-of-adopter")
ADOPTER_STATUS = code_list("cla-adoption", group="legal-status-of-adopter")
PERMANENCE = code_list("cla-previous-permanence")
AUTHORITY = code_list("local-authority", "outside-england-la")
_HEALTH = {
    "CONVICTED": "convicted",
    "HEALTH_CHECK": "health-check",
    "IMMUNISATIONS": "immunisations",
    "TEETH_CHECK": "teeth-check",
    "HEALTH_ASSESSMENT": "health-assessment",
    "SUBSTANCE_MISUSE": "substance-misuse",
    "INTERVENTION_RECEIVED": "intervention-received",
    "INTERVENTION_OFFERED": "intervention-offered",
}


def health(child: Child, row: Row, year: int) -> None:
    """The year's outcomes: the strengths and difficulties score, and health with what goes with it."""
    time = _collection_period(year)
    components = [component(code, valueBoolean=row.flag(column)) for column, code in _HEALTH.items()]
    drafts = []
    if any(components):
        drafts.append(
            child.observation(
                "LookedAfterHealth",
                "looked-after-health",
                ("health", str(year)),
                row,
                code=own_concept("observation-code", "looked-after-health"),
                effectivePeriod=time,
                component=components,
            )
        )
    score, reason = _score(row), code(row, "SDQ_REASON", SDQ_REASON)
    if score is not None and reason is not None:
        raise Refused("There is a score, and a reason why there is none.", "SDQ_REASON")
    if score is not None or reason is not None:
        drafts.append(
            child.observation(
                "StrengthsAndDifficulties",
                "sdq",
                ("sdq", str(year)),
                row,
                code=own_concept("observation-code", "sdq-score"),
                effectivePeriod=time,
                valueInteger=score,
                dataAbsentReason=concept(reason),
            )
        )
    child.add(*drafts)


def leaver(child: Child, row: Row, year: int) -> None:
    """A care leaver at the birthday within the collection year."""
    born = row.required_day("DOB")
    lists = (
        ("IN_TOUCH", "in-touch", IN_TOUCH),
        ("ACTIV", "activity", ACTIVITY),
        ("ACCOM", "accommodation", ACCOMMODATION),
    )
    draft = child.observation(
        "CareLeaver",
        "care-leaver",
        ("care-leaver", str(year)),
        row,
        code=own_concept("observation-code", "care-leaver"),
        effectiveDateTime=date.birthday(born, year),
        component=[
            component(name, valueCodeableConcept=concept(code(row, column, known)))
            for column, name, known in lists
        ],
    )
    child.add(draft)


def placed_for_adoption(child: Child, row: Row) -> None:
    """The time for which the child was to be placed for adoption."""
    start, end = in_order(row, "DATE_PLACED", "DATE_PLACED_CEASED")
    ceased = concept(code(row, "REASON_PLACED_CEASED", NOT_PLACED))
    draft = child.episode(
        "Adoption",
        "adoption",
        ("adoption", start),
        row,
        period=period(start, end),
        extension=[complex_extension("adoption", ceasedReason=("CodeableConcept", ceased))],
    )
    child.add(draft)


def adoption(child: Child, row: Row) -> None:
    """The decision and the adopters: part of the last time placed for adoption, if the return has one."""
    decided = row.required_day("DATE_INT")
    parts = complex_extension(
        "adoption",
        decisionDate=("Date", decided),
        matchDate=("Date", row.day("DATE_MATCH")),
        currentFosterCarer=("Boolean", row.flag("FOSTER_CARE")),
        adopters=("PositiveInt", row.positive("NB_ADOPTR")),
        adopterSex=("CodeableConcept", concept(code(row, "SEX_ADOPTR", ADOPTER_SEX))),
        adopterLegalStatus=("CodeableConcept", concept(code(row, "LS_ADOPTR", ADOPTER_STATUS))),
    )
    draft = child.episode(
        "Adoption",
        "adoption",
        ("adoption", "decision", decided),
        row,
        period=period(decided, None),
        extension=[parts],
    )
    placed = [one for one in child.drafts.values() if one.kind == "Adoption" and one.key.count("/") == 1]
    if not placed or draft.key in child.drafts:
        child.add(draft)
        return
    _decide(max(placed, key=lambda one: one.key), draft)


def previous_permanence(child: Child, row: Row) -> None:
    """What became of an earlier time in care: an adoption, an order, or nothing (Z1)."""
    value = required_code(row, "PREV_PERM", PERMANENCE)
    authority = concept(code(row, "LA_PERM", AUTHORITY))
    draft = child.observation(
        "PreviousPermanence",
        "previous-permanence",
        ("previous-permanence",),
        row,
        code=own_concept("observation-code", "previous-permanence"),
        effectiveDateTime=row.partial_date("DATE_PERM"),
        valueCodeableConcept=concept(value),
        component=[component("authority", valueCodeableConcept=authority)],
    )
    child.add(draft)


def _decide(placed: Draft, decision: Draft) -> None:
    """Adds the decision to a time placed for adoption, which it also becomes known by."""
    parts = decision.content["extension"][0]["extension"]
    known = placed.content["extension"][0]["extension"]
    if [one for one in known if one["url"] == "decisionDate"]:
        raise Refused(f"The row contradicts row {placed.origins[-1].row}, which speaks of the same thing.")
    known += parts
    placed.content["identifier"] += decision.content["identifier"]
    placed.origins += decision.origins


def _collection_period(year: int) -> Json:
    return period(f"{year}-04-01", f"{year + 1}-03-31")


def _score(row: Row) -> int | None:
    score = row.whole("SDQ_SCORE")
    if score is not None and score > 40:
        raise Refused(f"'{score}' is no score: the highest is 40.", "SDQ_SCORE")
    return score
