"""Episodes and plans: what an agency has taken on for a child, from when, until when."""

from datetime import date
from typing import Any

from server.child.demonstration.element import concept, only, period, profile, status
from server.child.demonstration.submission import Submission
from server.fhir import Json

_PROFILE = {
    "child-in-need": "ChildInNeed",
    "child-protection-plan": "ChildProtectionPlan",
    "looked-after": "LookedAfterPeriod",
    "placement": "Placement",
    "early-help": "EarlyHelp",
    "elective-home-education": "ElectiveHomeEducation",
    "children-missing-education": "ChildMissingEducation",
    "youth-justice": "YouthJustice",
    "adoption": "Adoption",
    "deprivation-of-liberty": "DeprivationOfLiberty",
    "pre-proceedings": "PreProceedings",
    "health-service": "CareEpisode",
    "registration": "Registration",
}


def episode(
    submission: Submission, type_: str, start: date, end: date | None = None, **elements: Any
) -> Json:
    """Adds an EpisodeOfCare of a type of ours; `elements` are more of its own, by FHIR's names."""
    resource = only(
        resourceType="EpisodeOfCare",
        meta=profile(_PROFILE[type_]),
        extension=elements.pop("extension", []),
        status=status(end),
        type=[concept("episode-type", type_)],
        patient=submission.subject,
        managingOrganization=submission.organization,
        period=period(start, end),
        **elements,
    )
    return submission.add(f"{type_}/{start}", resource)


def plan(submission: Submission, type_: str, start: date, *activities: str, **elements: Any) -> Json:
    """Adds a CarePlan of a type of ours, with what is to be done in words."""
    resource = only(
        resourceType="CarePlan",
        meta=profile("ChildPlan"),
        extension=elements.pop("extension", []),
        status="active",
        intent="plan",
        category=[concept("plan-type", type_)],
        subject=submission.subject,
        period=period(start),
        author=submission.organization,
        activity=[{"detail": {"status": "in-progress", "description": words}} for words in activities],
        **elements,
    )
    return submission.add(f"{type_}/{start}", resource)
