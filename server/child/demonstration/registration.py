"""Being on roll: the registration itself, special educational needs, suspensions and meetings at school."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from server.child.demonstration import calendar
from server.child.demonstration.child import Child
from server.child.demonstration.contact import contact
from server.child.demonstration.element import coded, component, concept, extension, part_of, period, profile
from server.child.demonstration.episode import episode
from server.child.demonstration.submission import Submission
from server.fhir import Json

_REASONS = ("DB", "VA", "PP", "VP", "PA", "BU", "DA", "OW", "MT")
_REMOVED = {
    "elective-home-education": "Parent has written that the child will be educated otherwise than at school",
    "children-missing-education": "Continuously absent, and not found after reasonable enquiry",
}


@dataclass(frozen=True, slots=True)
class Suspension:
    """School days on which a pupil may not come."""

    days: tuple[date, ...]
    reason: str


def registration(submission: Submission) -> None:
    """The entry in the register that brings a school or a setting in, and the needs it plans for."""
    child = submission.child
    assert child.entry is not None
    enrolled = episode(
        submission, "registration", child.entry, child.left, extension=list(_extensions(child))
    )
    if child.sen_type:
        submission.add("sen-need", sen_need(submission, enrolled))


def sen_need(submission: Submission, enrolled: Json) -> Json:
    """The first-ranked special educational need."""
    return {
        "resourceType": "Condition",
        "meta": profile("Need"),
        "extension": [extension("rank", valuePositiveInt=1), part_of(enrolled)],
        "category": [concept("need-category", "sen-need")],
        "code": concept("sen-type", submission.child.sen_type),
        "subject": submission.subject,
    }


def dual_registration(submission: Submission, start: date) -> None:
    """A place at the alternative provision beside the one at the main school."""
    extensions = [
        coded("enrolment-status", "enrolment-status", "S"),
        coded("nc-year", "nc-year", _nc_year(submission.child.year_group)),
        coded("sen-provision", "sen-provision", submission.child.sen),
    ]
    episode(submission, "registration", start, extension=extensions)


def suspensions(child: Child, days: list[date]) -> list[Suspension]:
    """When a pupil was suspended in the last school days: one span in each equal part of them."""
    dice = child.dice("suspensions")
    share = len(days) // max(child.suspensions, 1)
    found = []
    for part in range(child.suspensions):
        length = dice.choices((1, 2, 3, 5), (40, 30, 20, 10))[0]
        # Over before the last day, so that the pupil has come back and been met.
        first = part * share + dice.randint(1, share - length - 2)
        found.append(Suspension(tuple(days[first : first + length]), dice.choice(_REASONS)))
    return found


def exclusion(submission: Submission, suspension: Suspension) -> None:
    """A suspension as the school reports it, and the meeting on the day after its last."""
    child = submission.child
    first, last = suspension.days[0], suspension.days[-1]
    submission.add(
        f"suspension/{first}",
        {
            "resourceType": "Observation",
            "meta": profile("SchoolExclusion"),
            "status": "final",
            "category": [concept("observation-category", "exclusion")],
            "code": concept("exclusion-category", "SUSP"),
            "subject": submission.subject,
            "effectivePeriod": period(first, last),
            "performer": [submission.organization],
            "component": [
                component("sessions", valueInteger=2 * len(suspension.days)),
                component("reason-1", valueCodeableConcept=concept("exclusion-reason", suspension.reason)),
                component("sen-provision", valueCodeableConcept=concept("sen-provision", child.sen)),
            ],
        },
    )
    contact(submission, "school-meeting", calendar.next_school_day(last))


def permanent_exclusion(submission: Submission, day: date) -> None:
    """A permanent exclusion: it has a beginning and no end."""
    submission.add(
        "permanent-exclusion",
        {
            "resourceType": "Observation",
            "meta": profile("SchoolExclusion"),
            "status": "final",
            "category": [concept("observation-category", "exclusion")],
            "code": concept("exclusion-category", "PERM"),
            "subject": submission.subject,
            "effectivePeriod": period(day),
            "performer": [submission.organization],
            "component": [component("reason-1", valueCodeableConcept=concept("exclusion-reason", "PA"))],
        },
    )


def _extensions(child: Child) -> Iterator[Json]:
    dice = child.dice("registration")
    dual = child.attendance == "dual"
    yield coded("enrolment-status", "enrolment-status", "M" if dual else "C")
    if child.year_group >= -2:
        yield coded("nc-year", "nc-year", _nc_year(child.year_group))
    yield coded("sen-provision", "sen-provision", child.sen)
    yield extension("part-time", valueBoolean=child.year_group < 0 or child.attendance == "part-time")
    if child.household.community.language != "ENG":
        yield coded("proficiency-in-english", "proficiency-in-english", dice.choice("ABCDE"))
    if child.year_group >= 0 and dice.random() < 0.24:
        assert child.entry is not None
        yield extension(
            "free-school-meals",
            extension=[
                {"url": "period", "valuePeriod": period(child.entry)},
                {"url": "country", "valueCode": "ENG"},
            ],
        )
    if child.left and child.circumstance in _REMOVED:
        yield extension("removal-ground", valueCodeableConcept={"text": _REMOVED[child.circumstance]})


def _nc_year(year_group: int) -> str:
    return {-2: "N1", -1: "N2", 0: "R"}.get(year_group, str(year_group))
