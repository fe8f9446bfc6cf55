"""The whole demonstration as transactions, each written as the agency whose record it is."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

from server.child.demonstration import agencies, attendance, care, health, patient, registration, support
from server.child.demonstration.agencies import (
    EARLY_HELP,
    HEALTH,
    POLICE,
    SCHOOLS,
    WEXSHIRE,
    YOUTH_JUSTICE,
    Agency,
)
from server.child.demonstration.child import Child
from server.child.demonstration.population import population
from server.child.demonstration.submission import Batch, Submission
from server.child.demonstration.workers import directory

_COMPASS = next(school for school in SCHOOLS if school.code == "compass-centre")


def batches(today: date) -> Iterator[Batch]:
    """Agencies and workers, then child by child, then what ties brothers and sisters together.

    Of each child the first transaction brings the Patient, and with it the registration, episode or contact
    by which that agency is involved; every other agency finds the child by NHS number and birth date.
    """
    yield from directory()
    everyone = population(today)
    for child in everyone:
        for submission in _submissions(child, today):
            yield submission.batch()
    yield from _families(everyone)


def _submissions(child: Child, today: date) -> Iterator[Submission]:
    first, *others = _agencies(child)
    for agency in (first, *others):
        submission = Submission(agency, child)
        if agency is first:
            submission.add("patient", patient.patient(child), child.story)
            patient.family(submission)
        _write(submission, today)
        yield submission


def _agencies(child: Child) -> Iterator[Agency]:
    """Who is in touch with a child, the one that brings the Patient first."""
    social_care = agencies.social_care(child.authority)
    if child.unborn or child.restricted == "V":
        yield social_care
        return
    if child.restricted:
        # Who labels a child is named, and names the team.
        yield social_care
    if child.setting:
        yield child.setting
    yield HEALTH
    if child.known_to_social_care and not child.restricted:
        yield social_care
    if _has_education_service(child):
        yield agencies.education(child.authority)
    if child.authority == WEXSHIRE and child.circumstance == "early-help":
        yield EARLY_HELP
    if child.authority == WEXSHIRE and child.circumstance == "youth-justice":
        yield _COMPASS
        yield YOUTH_JUSTICE
    if child.missing and not child.known_to_social_care:
        yield POLICE


def _has_education_service(child: Child) -> bool:
    watched = ("elective-home-education", "children-missing-education")
    return child.sen == "E" or child.circumstance in watched or child.attendance == "severe"


def _write(submission: Submission, today: date) -> None:
    match submission.agency.kind:
        case "school" | "early-years":
            _school(submission, today)
        case "health":
            health.health(submission, today)
        case "social-care":
            care.social_care(submission, today)
            care.missing(submission, today)
        case "education-service":
            _education(submission, today)
        case "early-help":
            support.early_help(submission, today)
        case "youth-justice":
            support.youth_justice(submission, today)
        case "police":
            care.missing(submission, today)


def _school(submission: Submission, today: date) -> None:
    child = submission.child
    if submission.agency is _COMPASS and child.setting is not _COMPASS:
        start = today - timedelta(days=120)
        registration.dual_registration(submission, start)
        attendance.register(submission, attendance.dual_marks(child, today, start))
        return
    registration.registration(submission)
    if child.left and child.dice("removal").random() < 0.25:
        registration.permanent_exclusion(submission, child.left - timedelta(days=1))
    if submission.agency.kind != "school" or not child.on_roll:
        return
    for suspension in registration.suspensions(child, attendance.last_days(today)):
        registration.exclusion(submission, suspension)
    attendance.total(submission, today)
    taken = attendance.marks(child, today)
    attendance.register(submission, taken)
    if child.circumstance in ("child-in-need", "early-help") and child.dice("referral").random() < 0.5:
        to = agencies.social_care(child.authority) if child.known_to_social_care else EARLY_HELP
        support.referral(submission, today - timedelta(days=350), to.reference)


def _education(submission: Submission, today: date) -> None:
    child = submission.child
    if child.sen == "E":
        support.ehc_plan(submission, today)
    match child.circumstance:
        case "elective-home-education":
            support.home_education(submission)
        case "children-missing-education":
            support.missing_education(submission)
    if child.on_roll and child.attendance == "severe":
        support.attendance_concern(submission, today)


def _families(everyone: list[Child]) -> Iterator[Batch]:
    """Brothers and sisters, as the health provider knows them: it is in touch with every child."""
    households: dict[int, list[Child]] = defaultdict(list)
    for child in everyone:
        if child.nhs_number and child.restricted != "V":
            households[child.household.number].append(child)
    for children in households.values():
        for child in children:
            if others := [other for other in children if other is not child]:
                submission = Submission(HEALTH, child)
                patient.siblings(submission, others)
                yield submission.batch()
