"""Children's social care: referrals, plans, being looked after, with the visits that go with each."""

from collections.abc import Iterable
from datetime import date, timedelta
from random import Random

from server.child.demonstration import agencies
from server.child.demonstration.child import Child
from server.child.demonstration.contact import contact
from server.child.demonstration.element import coded, component, concept, extension, part_of, period, profile
from server.child.demonstration.episode import episode, plan
from server.child.demonstration.flag import flag
from server.child.demonstration.placement import looked_after
from server.child.demonstration.sharing import decision_not_to_share, lawful_basis
from server.child.demonstration.submission import Submission
from server.child.demonstration.workers import Worker, worker, workers
from server.fhir import Json

_SOURCES = ("2A", "2A", "2A", "1A", "3A", "3B", "3E", "6", "6", "5D", "9")
_NEEDS = ("N1", "N1", "N1", "N4", "N5", "N5", "N3", "N2")
_FACTORS = ("3B", "4B", "1B", "2B", "16A", "17A", "4A", "7A", "15A", "13A")
_ABUSE = ("NEG", "NEG", "EMO", "EMO", "PHY", "SAB")
_DISABILITIES = ("AUT", "LD", "COMM", "MOB", "BEH")
_IN_TEAM = ("designated-safeguarding-lead", "designated-teacher")


def social_care(submission: Submission, today: date) -> None:
    """Everything that social care writes about a child of its own, by the child's circumstance."""
    child = submission.child
    dice = child.dice("care")
    match child.circumstance:
        case "referral":
            _referral(submission, today, dice)
        case "child-in-need":
            _child_in_need(submission, today, dice)
        case "child-protection":
            _child_protection(submission, today, dice)
        case "looked-after" | "was-looked-after":
            start = _since(child, today, dice.randint(420, 900))
            lead = worker(submission.agency, "social-worker", dice)
            referred = _in_need(submission, start, lead)
            _team(submission, start, lead, dice)
            looked_after(submission, start + timedelta(days=40), today, referred, lead)
    if child.sen == "E":
        _condition(submission, "disability", dice.choice(_DISABILITIES), today)


def missing(submission: Submission, today: date) -> None:
    """Times when the child was missing, with the return interview offered, and taken or not."""
    child = submission.child
    dice = child.dice("missing")
    from_care = child.circumstance == "looked-after"
    for number in range(child.missing):
        start = today - timedelta(days=14 + 30 * number + dice.randint(0, 20))
        accepted = dice.random() < 0.6
        if submission.agency.kind == "police":
            contact(submission, "contact", start, reasonCode=[{"text": "Reported missing"}])
        resource = {
            "resourceType": "Observation",
            "meta": profile("MissingEpisode"),
            "status": "final",
            "category": [concept("observation-category", "missing")],
            "code": concept("cla-missing-type", "M")
            if from_care
            else concept("observation-code", "missing-from-home"),
            "subject": submission.subject,
            "effectivePeriod": period(start, start + timedelta(days=dice.choice((0, 1, 1, 2)))),
            "performer": [submission.organization],
            "component": [
                component("return-interview-offered", valueBoolean=True),
                component("return-interview-accepted", valueBoolean=accepted),
            ],
        }
        submission.add(f"missing/{start}", resource)
        if accepted:
            contact(submission, "return-interview", start + timedelta(days=3))


def _referral(submission: Submission, today: date, dice: Random) -> None:
    """A referral that led to an assessment, or to nothing, and was closed."""
    start = today - timedelta(days=dice.randint(60, 300))
    end = start + timedelta(days=dice.randint(5, 45))
    nothing = dice.random() < 0.4 or bool(submission.child.story)
    closure = [] if nothing else [coded("closure-reason", "cin-closure-reason", "RC8")]
    referred = _in_need(submission, start, None, *closure, end=end, nothing=nothing)
    contact(submission, "contact", start, episodeOfCare=[referred])
    if not nothing:
        _assessment(submission, start + timedelta(days=2), end, referred)


def _child_in_need(submission: Submission, today: date, dice: Random) -> None:
    start = _since(submission.child, today, dice.randint(40, 400))
    lead = worker(submission.agency, "social-worker", dice)
    referred = _in_need(submission, start, lead)
    _assessment(submission, start + timedelta(days=3), start + timedelta(days=34), referred)
    planned = start + timedelta(days=35)
    activities = ("Home visits every four weeks", "Parenting support")
    plan(submission, "child-in-need-plan", planned, *activities, extension=[part_of(referred)])
    _visits(submission, "home-visit", _days(planned, today, 30), referred, lead)
    _team(submission, start, lead, dice)
    lawful_basis(submission, start)
    flag(submission, "has-social-worker", start)


def _child_protection(submission: Submission, today: date, dice: Random) -> None:
    """Strategy discussion, enquiry, conference, plan, core groups, reviews."""
    child = submission.child
    start = _since(child, today, dice.randint(60, 330))
    conference = start + timedelta(days=dice.randint(10, 15))
    lead = worker(submission.agency, "social-worker", dice)
    referred = _in_need(submission, start, lead)
    _enquiry(submission, start, conference, referred, lead)
    _assessment(submission, start + timedelta(days=1), start + timedelta(days=40), referred)
    category = dice.choice(_ABUSE)
    protected = episode(
        submission,
        "child-protection-plan",
        conference,
        extension=[
            part_of(referred),
            coded("initial-category-of-abuse", "cin-category-of-abuse", category),
            coded("latest-category-of-abuse", "cin-category-of-abuse", category),
            extension("previous-plans", valueUnsignedInt=dice.choice((0, 0, 0, 1))),
        ],
        careManager={"reference": lead.reference},
    )
    contact(submission, "initial-child-protection-conference", conference, episodeOfCare=[protected])
    activities = ("The child is seen, and seen alone, every ten working days", "Core group every six weeks")
    plan(submission, "child-protection-plan", conference, *activities, extension=[part_of(protected)])
    for type_, first, every in (("statutory-visit", 7, 14), ("core-group", 10, 42)):
        _visits(submission, type_, _days(conference + timedelta(days=first), today, every), protected, lead)
    review = conference + timedelta(days=88)
    if review < today:
        contact(submission, "child-protection-review", review, episodeOfCare=[protected])
    if dice.random() < 0.3:
        _pre_proceedings(submission, conference + timedelta(days=20), referred)
    _team(submission, start, lead, dice)
    lawful_basis(submission, start)
    if child.restricted:
        decision_not_to_share(submission, conference)
    flag(submission, "has-social-worker", start)
    flag(submission, "child-protection-plan", conference)


def _since(child: Child, today: date, days: int) -> date:
    """So many days ago, if the child was born by then; of an unborn child, since it was expected."""
    return today - timedelta(days=60) if child.unborn else max(today - timedelta(days=days), child.birth)


def primary_need(child: Child) -> str:
    """Why a child is in need: one answer, wherever it is asked."""
    return child.dice("need").choice(_NEEDS)


def _in_need(
    submission: Submission,
    start: date,
    lead: Worker | None,
    *more: Json,
    end: date | None = None,
    nothing: bool = False,
) -> Json:
    """The referral and the child-in-need episode that it opens; `nothing` came of it, or something did."""
    child = submission.child
    source = child.dice("source").choice(_SOURCES)
    protected = child.circumstance == "child-protection"
    return episode(
        submission,
        "child-in-need",
        start,
        end,
        extension=[
            coded("referral-source", "cin-referral-source", source),
            extension("referral-no-further-action", valueBoolean=nothing),
            coded("primary-need", "cin-primary-need", "N1" if protected else primary_need(child)),
            *more,
        ],
        careManager={"reference": lead.reference} if lead else {},
    )


def _enquiry(submission: Submission, start: date, conference: date, referred: Json, lead: Worker) -> None:
    """The strategy discussion and the section 47 enquiry that leads to a conference."""
    contact(submission, "strategy-discussion", start, lead, episodeOfCare=[referred])
    held = extension(
        "initial-conference",
        extension=[
            {"url": "target", "valueDate": str(start + timedelta(days=21))},
            {"url": "held", "valueDate": str(conference)},
            {"url": "notRequired", "valueBoolean": False},
        ],
    )
    contact(
        submission,
        "section-47-enquiry",
        start,
        lead,
        extension=[held, coded("section-47-outcome", "s47-outcome", "icpc")],
        episodeOfCare=[referred],
        period=period(start, conference),
    )


def _assessment(submission: Submission, start: date, end: date, referred: Json) -> None:
    """The assessment, and the factors that it found."""
    assessed = contact(
        submission,
        "assessment",
        start,
        extension=[
            extension("internal-review-date", valueDate=str(start + timedelta(days=10))),
            extension("child-seen", valueBoolean=not submission.child.unborn),
        ],
        episodeOfCare=[referred],
        period=period(start, end),
    )
    dice = submission.child.dice("factors")
    for factor in dice.sample(_FACTORS, dice.choice((1, 2, 2, 3))):
        _condition(submission, "assessment-factor", factor, end, assessed)


def _condition(
    submission: Submission, category: str, code: str, day: date, encounter: Json | None = None
) -> None:
    submission.add(
        f"{category}/{code}",
        {
            "resourceType": "Condition",
            "meta": profile("Need"),
            "category": [concept("need-category", category)],
            "code": concept(f"cin-{category}", code),
            "subject": submission.subject,
            **({"encounter": encounter} if encounter else {}),
            "recordedDate": day.isoformat(),
        },
    )


def _visits(submission: Submission, type_: str, days: Iterable[date], within: Json, lead: Worker) -> None:
    """Visits, at which the child is seen, or meetings, at which it need not be."""
    child = submission.child
    seen = [
        extension("child-seen", valueBoolean=True),
        extension("child-seen-alone", valueBoolean=child.year_group >= 0),
    ]
    meets = type_.endswith("visit") and not child.unborn
    for day in days:
        contact(submission, type_, day, lead, extension=seen if meets else [], episodeOfCare=[within])


def _days(first: date, today: date, every: int) -> Iterable[date]:
    """Every so many days, on weekdays, at most the last twelve times."""
    count = max((today - first).days // every, 0)
    for number in range(max(count - 12, 0), count):
        day = first + timedelta(days=number * every)
        yield day - timedelta(days=max(day.weekday() - 4, 0))


def _pre_proceedings(submission: Submission, start: date, referred: Json) -> None:
    detail = extension(
        "pre-proceedings",
        extension=[
            {"url": "letterBeforeProceedings", "valueDate": start.isoformat()},
            {"url": "familyGroupMeetingOffered", "valueBoolean": True},
            {"url": "familyGroupMeetingHeld", "valueBoolean": False},
        ],
    )
    episode(submission, "pre-proceedings", start, extension=[part_of(referred), detail])


def _team(submission: Submission, start: date, lead: Worker, dice: Random) -> None:
    """Who works together for the child: social care leads, the school and health are in it."""
    child = submission.child
    members = [_member(lead, "lead-professional", start)]
    if child.on_roll and child.setting:
        known = workers(child.setting.code)
        members += [_member(who, who.role, start) for who in known if who.role in _IN_TEAM]
    # Who is in the team of a restricted child is named, and sees where it lives: as few as can be.
    if not child.restricted:
        role = "health-visitor" if child.year_group < 0 else "school-nurse"
        members.append(_member(worker(agencies.HEALTH, role, dice), role, start))
    submission.add(
        "team",
        {
            "resourceType": "CareTeam",
            "meta": profile("TeamAroundTheChild"),
            "status": "active",
            "category": [concept("team-category", "team-around-the-child")],
            "subject": submission.subject,
            "period": period(start),
            "participant": members,
            "managingOrganization": [submission.organization],
        },
    )


def _member(member: Worker, role: str, start: date) -> Json:
    return {
        "role": [concept("team-role", role)],
        "member": {"reference": member.reference},
        "onBehalfOf": {"reference": member.agency.reference},
        "period": period(start),
    }
