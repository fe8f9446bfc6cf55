"""What other services do: early help, youth justice, home education, missing education, EHC plans."""

from datetime import date, timedelta

from server.child.demonstration.contact import contact
from server.child.demonstration.element import coded, concept, part_of, profile
from server.child.demonstration.episode import episode, plan
from server.child.demonstration.flag import flag
from server.child.demonstration.sharing import agreement_to_service
from server.child.demonstration.submission import Submission
from server.child.demonstration.workers import worker, workers

_OUTCOMES = ("EH-OUT-1", "EH-OUT-3", "EH-OUT-5", "EH-OUT-8", "EH-OUT-9")
_HOME = ("EHE01", "EHE05", "EHE08", "EHE09")
_MISSING = ("CME01", "CME05", "CME06", "CME08")


def early_help(submission: Submission, today: date) -> None:
    """A family that agreed to a service: an episode, a plan, home visits; one in three is over."""
    dice = submission.child.dice("early-help")
    # Half a year after its end the service no longer sees the child, and could not have written this.
    start = today - timedelta(days=dice.randint(60, 200))
    end = start + timedelta(days=50) if dice.random() < 0.33 else None
    extensions = [coded("early-help-outcome", "early-help", code) for code in dice.sample(_OUTCOMES, 2)]
    if end:
        extensions.append(coded("early-help-end-reason", "early-help", "EH-END-MET"))
    helped = episode(submission, "early-help", start, end, extension=extensions)
    supporter = dice.choice(workers(submission.agency.code))
    for number in range(3):
        day = start + timedelta(days=7 + 14 * number)
        contact(submission, "home-visit", day, supporter, episodeOfCare=[helped])
    if not end:
        planned = start + timedelta(days=14)
        plan(submission, "early-help-plan", planned, "Routines in the morning", extension=[part_of(helped)])
    agreement_to_service(submission, start)


def youth_justice(submission: Submission, today: date) -> None:
    """An out-of-court disposal, and the meetings that it asks for."""
    dice = submission.child.dice("youth-justice")
    start = today - timedelta(days=dice.randint(50, 150))
    lead = worker(submission.agency, "youth-justice-worker", dice)
    caution = episode(submission, "youth-justice", start, careManager={"reference": lead.reference})
    for number in range(3):
        contact(submission, "visit", start + timedelta(days=14 * (number + 1)), episodeOfCare=[caution])


def home_education(submission: Submission) -> None:
    """Educated at home since the school took the child off roll; the service has visited once."""
    child = submission.child
    assert child.left is not None
    reason = coded("home-education-reason", "ehe-primary-reason", child.dice("home education").choice(_HOME))
    known = episode(submission, "elective-home-education", child.left, extension=[reason])
    contact(submission, "home-visit", child.left + timedelta(days=20), episodeOfCare=[known])
    flag(submission, "elective-home-education", child.left)


def missing_education(submission: Submission) -> None:
    """Off roll and not known to be educated anywhere: someone is looking."""
    child = submission.child
    assert child.left is not None
    reason = child.dice("missing education").choice(_MISSING)
    extensions = [coded("missing-education-reason", "cme-primary-reason", reason)]
    start = child.left + timedelta(days=3)
    lost = episode(submission, "children-missing-education", start, extension=extensions)
    contact(submission, "phone-call", start + timedelta(days=2), episodeOfCare=[lost])
    flag(submission, "children-missing-education", start)


def ehc_plan(submission: Submission, today: date) -> None:
    """An education, health and care plan, and the meeting that reviewed it last."""
    dice = submission.child.dice("ehc-plan")
    start = today - timedelta(days=dice.randint(200, 900))
    reviewed = today - timedelta(days=dice.randint(10, 150))
    contact(submission, "school-meeting", reviewed, reasonCode=[{"text": "Annual review of the EHC plan"}])
    plan(submission, "ehc-plan", start, "Speech and language therapy every two weeks")


def attendance_concern(submission: Submission, today: date) -> None:
    """The authority's attendance officer has met the family of a child who is mostly absent."""
    start = today - timedelta(days=9)
    contact(submission, "school-meeting", start, reasonCode=[{"text": "Attendance: targeted support"}])
    flag(submission, "severe-absence", start)


def referral(submission: Submission, day: date, to: str) -> None:
    """A school's request to another agency to take the child on."""
    submission.add(
        f"referral/{day}",
        {
            "resourceType": "ServiceRequest",
            "meta": profile("Referral"),
            "extension": [coded("referral-source", "cin-referral-source", "2A")],
            "status": "active",
            "intent": "proposal",
            "category": [concept("referral-category", "referral")],
            "subject": submission.subject,
            "authoredOn": day.isoformat(),
            "requester": submission.organization,
            "performer": [{"reference": to}],
            "reasonCode": [{"text": "Concerns that the class teacher shared."}],
        },
    )
