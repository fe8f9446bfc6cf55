"""Elements of the children in need census as what they say of a child in need."""

from dataclasses import dataclass

from server.child.intake.children import Child
from server.child.intake.code import CodeList, code, code_list, required_code
from server.child.intake.draft import (
    PATIENT,
    Draft,
    complex_extension,
    concept,
    extension,
    own_concept,
    period,
    reference,
)
from server.child.intake.source import Refused, Row, in_order
from server.fhir import Json

REFERRAL_SOURCE = code_list("cin-referral-source")
PRIMARY_NEED = code_list("cin-primary-need")
CLOSURE_REASON = code_list("cin-closure-reason")
CATEGORY_OF_ABUSE = code_list("cin-category-of-abuse")
FACTOR = code_list("cin-assessment-factor")
DISABILITY = code_list("cin-disability")


@dataclass(frozen=True, slots=True)
class Assessment:
    """An assessment as its factors refer to it."""

    key: str
    start: str
    authorised: str | None


def disability(child: Child, row: Row) -> None:
    """One disability, or that there is none. A code in no list is kept as it was sent."""
    sent = row.required("Disability")
    child.add(
        child.need("disability", ("disability", sent), row, code=_coded(child, row, "Disability", DISABILITY))
    )


def episode(child: Child, row: Row) -> str:
    """An episode of need from referral to closure, and the key of its draft."""
    start, end = in_order(row, "CINreferralDate", "CINclosureDate")
    draft = child.episode(
        "ChildInNeed",
        "child-in-need",
        ("child-in-need", start),
        row,
        period=period(start, end),
        extension=[
            extension(
                "referral-source", valueCodeableConcept=concept(code(row, "ReferralSource", REFERRAL_SOURCE))
            ),
            extension(
                "primary-need", valueCodeableConcept=concept(code(row, "PrimaryNeedCode", PRIMARY_NEED))
            ),
            extension(
                "closure-reason", valueCodeableConcept=concept(code(row, "ReasonForClosure", CLOSURE_REASON))
            ),
            extension("referral-no-further-action", valueBoolean=row.flag("ReferralNFA")),
        ],
    )
    conference = row.day("DateOfInitialCPC")
    key = child.add(draft, several=True)[0].key
    if conference is not None:
        child.add(_contact(child, row, "initial-child-protection-conference", conference, key), several=True)
    return key


def assessment(child: Child, row: Row, within: str | None) -> Assessment:
    """An assessment from its start to its authorisation."""
    start, end = in_order(row, "AssessmentActualStartDate", "AssessmentAuthorisationDate")
    reviewed = row.day("AssessmentInternalReviewDate")
    draft = child.contact(
        "assessment",
        ("assessment", start),
        row,
        status="finished" if end else "in-progress",
        period=period(start, end),
        extension=[extension("internal-review-date", valueDate=reviewed)],
        episodeOfCare=_within(within),
    )
    return Assessment(child.add(draft, several=True)[0].key, start, end)


def factor(child: Child, row: Row, assessed: Assessment | None) -> None:
    """One factor that an assessment found. A code in no list is kept as it was sent."""
    if assessed is None:
        raise Refused("The assessment that it is a factor of was refused.", "AssessmentFactors")
    sent = row.required("AssessmentFactors")
    draft = child.need(
        "assessment-factor",
        (*assessed.key.split("/"), "factor", sent),
        row,
        code=_coded(child, row, "AssessmentFactors", FACTOR),
        encounter=reference(assessed.key),
        recordedDate=assessed.authorised,
    )
    child.add(draft)


def plan(child: Child, row: Row, within: str | None) -> None:
    """A child in need plan."""
    start, end = in_order(row, "CINPlanStartDate", "CINPlanEndDate")
    draft = child.resource(
        "CarePlan",
        "ChildPlan",
        ("child-in-need-plan", start),
        row,
        status="completed" if end else "active",
        intent="plan",
        category=[own_concept("plan-type", "child-in-need-plan")],
        subject=reference(PATIENT),
        period=period(start, end),
        extension=[_part_of(within)],
    )
    child.add(draft, several=True)


def enquiry(child: Child, row: Row, within: str | None) -> None:
    """An enquiry under section 47, and the conference that it called for or did not."""
    start = row.required_day("S47ActualStartDate")
    held, needless = row.day("DateOfInitialCPC"), row.flag("ICPCnotRequired")
    conference = complex_extension(
        "initial-conference",
        target=("Date", row.day("InitialCPCtarget")),
        held=("Date", held),
        notRequired=("Boolean", needless),
    )
    draft = child.contact(
        "section-47-enquiry",
        ("section-47-enquiry", start),
        row,
        status="finished" if held or needless else "in-progress",
        period=period(start, None),
        extension=[conference],
        episodeOfCare=_within(within),
    )
    child.add(draft, several=True)


def protection_plan(child: Child, row: Row, within: str | None) -> str:
    """The time on a child protection plan, and the key of its draft."""
    start, end = in_order(row, "CPPstartDate", "CPPendDate")
    first = required_code(row, "InitialCategoryOfAbuse", CATEGORY_OF_ABUSE)
    latest = code(row, "LatestCategoryOfAbuse", CATEGORY_OF_ABUSE)
    draft = child.episode(
        "ChildProtectionPlan",
        "child-protection-plan",
        ("child-protection-plan", start),
        row,
        period=period(start, end),
        extension=[
            _part_of(within),
            extension("initial-category-of-abuse", valueCodeableConcept=concept(first)),
            extension("latest-category-of-abuse", valueCodeableConcept=concept(latest)),
            extension("previous-plans", valueUnsignedInt=row.whole("NumberOfPreviousCPP")),
        ],
    )
    return child.add(draft, several=True)[0].key


def protection_review(child: Child, row: Row, plan: str | None) -> None:
    """A review of a child protection plan."""
    day = row.required_day("CPPreviewDate")
    child.add(_contact(child, row, "child-protection-review", day, plan), several=True)


def pre_proceedings(child: Child, row: Row, within: str | None) -> None:
    """The time before care proceedings, with the meetings and letters of it."""
    start, end = in_order(row, "PPStartDate", "StepDecisionDate")
    outcome = {"text": text} if (text := row.text("PPOutcome")) else None
    parts = complex_extension(
        "pre-proceedings",
        letterBeforeProceedings=("Date", row.day("LBPSentDate")),
        familyGroupMeetingOffered=("Boolean", row.flag("FGDMMeetingOffer")),
        familyGroupMeetingHeld=("Boolean", row.flag("FGDMMeetingFac")),
        initialMeeting=("Date", row.day("InitialPPMeetingDate")),
        reviewMeetings=("UnsignedInt", row.whole("ReviewMeetingsCount")),
        decisionDate=("Date", end),
        outcome=("CodeableConcept", outcome),
        courtApplication=("Date", row.day("CourtAppDate")),
        letterOfInitialProceedings=("Date", row.day("LetterInitCPDate")),
    )
    draft = child.episode(
        "PreProceedings",
        "pre-proceedings",
        ("pre-proceedings", start),
        row,
        period=period(start, end),
        extension=[_part_of(within), parts],
    )
    child.add(draft, several=True)


def _contact(child: Child, row: Row, type: str, day: str, within: str | None) -> Draft:
    return child.contact(type, (type, day), row, period=period(day, day), episodeOfCare=_within(within))


def _coded(child: Child, row: Row, column: str, known: CodeList) -> Json:
    sent = row.required(column)
    coding = known.find(sent)
    if coding is None:
        child.person.report.note_text(row, column)
        return {"text": sent}
    return {"coding": [coding]}


def _within(key: str | None) -> list[Json] | None:
    return [reference(key)] if key else None


def _part_of(key: str | None) -> Json:
    return extension("part-of", valueReference=reference(key) if key else None)
