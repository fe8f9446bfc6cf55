"""Being looked after: the period, the placements in it, and what the year's return asks about."""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from server.child.demonstration import calendar
from server.child.demonstration.child import Child
from server.child.demonstration.contact import contact
from server.child.demonstration.element import (
    coded,
    component,
    concept,
    extension,
    identifier,
    part_of,
    period,
    profile,
)
from server.child.demonstration.episode import episode, plan
from server.child.demonstration.flag import flag
from server.child.demonstration.submission import Submission
from server.child.demonstration.workers import Worker
from server.fhir import Json

_FOSTER = ("U1", "U3", "U4", "U4", "U6", "U6")
_HEALTH = (
    "convicted",
    "health-check",
    "immunisations",
    "teeth-check",
    "health-assessment",
    "substance-misuse",
)
_WORDS = (
    "I want to stay at my school.",
    "I like it here. I would like to see my brother more.",
    "I do not want to move again.",
    "Can somebody come to my match on Saturday?",
)
_REVIEWS_AFTER = (28, 110, 290, 470, 650)


def looked_after(submission: Submission, start: date, today: date, referred: Json, lead: Worker) -> None:
    """A period of being looked after: one to three placements, reviews, visits, plans, health, flags."""
    child = submission.child
    dice = child.dice("looked-after")
    end = today - timedelta(days=dice.randint(30, 200)) if child.circumstance == "was-looked-after" else None
    ceased = [coded("reason-episode-ceased", "cla-reason-episode-ceased", "E4A")] if end else []
    spell = episode(
        submission,
        "looked-after",
        start,
        end,
        extension=[part_of(referred), _need(child), *ceased],
        careManager={"reference": lead.reference},
    )
    _placements(submission, start, end, spell)
    _permanence(submission, start)
    _reviews(submission, start, end or today, spell, lead)
    _sdq(submission, today, dice)
    _health(submission, today, dice)
    if end:
        return
    activities = ("Contact with parents every week", "Life story work")
    plan(submission, "care-plan", start, *activities, extension=[part_of(spell)])
    if child.year_group >= -1:
        termly = max(start, calendar.term(today)[0])
        plan(submission, "personal-education-plan", termly, "One to one tuition", extension=[part_of(spell)])
    flag(submission, "has-social-worker", start)
    flag(submission, "looked-after", start)


def _need(child: Child) -> Json:
    """The category of need: on a period and on each placement in it, always the same."""
    return coded(
        "category-of-need", "cla-category-of-need", child.dice("category").choice(("N1", "N1", "N5", "N8"))
    )


def _placements(submission: Submission, start: date, end: date | None, spell: Json) -> None:
    """One episode for each placement, each beginning on the day the one before it ended."""
    child = submission.child
    dice = child.dice("placements")
    moves = 1 if child.story else dice.choice((1, 2, 3))
    starts = [start + timedelta(days=dice.randint(60, 90) * number) for number in range(moves)]
    secure = child.year_group >= 8 and not child.story and dice.random() < 0.4
    for first, until in zip(starts, [*starts[1:], end], strict=True):
        last = first == starts[-1]
        kind = "A6" if child.restricted == "V" else "K2" if secure and last else dice.choice(_FOSTER)
        leaves = _leaving(last) if until else ()
        new = "S" if first == start else "P"
        extensions = [*_terms(child, kind, new, dice), *leaves]
        episode(submission, "placement", first, until, extension=[part_of(spell), _need(child), *extensions])
    if secure and not end:
        liberty = starts[-1] + timedelta(days=5)
        episode(submission, "deprivation-of-liberty", liberty, extension=[part_of(spell)])
    if child.restricted == "V":
        _adoption(submission, starts[-1], spell)


def _terms(child: Child, kind: str, new: str, dice: Random) -> Iterator[Json]:
    """Legal status, type, provider and place of one placement."""
    status = "E1" if kind == "A6" else child.dice("legal status").choice(("C2", "C2", "C1", "V2"))
    yield coded("legal-status", "cla-legal-status", status)
    yield coded("reason-new-episode", "cla-reason-new-episode", new)
    yield coded("placement-type", "cla-placement-type", kind)
    yield coded("placement-provider", "cla-placement-provider", "PR4" if kind == "K2" else "PR1")
    urn = identifier("ofsted-urn", f"SC{dice.randint(900_000, 999_999)}")
    yield extension("placement-setting", valueReference={"identifier": urn})
    if child.restricted != "V":
        yield extension("placement-address", valueAddress={"postalCode": f"XW{dice.randint(1, 4)} 9ZZ"})


def _leaving(last: bool) -> Iterator[Json]:
    yield coded("reason-episode-ceased", "cla-reason-episode-ceased", "E4A" if last else "X1")
    if not last:
        yield coded("placement-change-reason", "cla-placement-change-reason", "CARPL")


def _adoption(submission: Submission, day: date, spell: Json) -> None:
    """A child who waits for the adoption order."""
    detail = extension(
        "adoption",
        extension=[
            {"url": "decisionDate", "valueDate": str(day - timedelta(days=120))},
            {"url": "matchDate", "valueDate": str(day - timedelta(days=30))},
            {"url": "currentFosterCarer", "valueBoolean": False},
            {"url": "adopters", "valuePositiveInt": 2},
        ],
    )
    episode(submission, "adoption", day, extension=[part_of(spell), detail])


def _permanence(submission: Submission, start: date) -> None:
    """Whether the child had left care for a permanent home before: none of these had."""
    submission.add(
        f"permanence/{start}",
        {
            "resourceType": "Observation",
            "meta": profile("PreviousPermanence"),
            "status": "final",
            "category": [concept("observation-category", "previous-permanence")],
            "code": concept("observation-code", "previous-permanence"),
            "subject": submission.subject,
            "valueCodeableConcept": concept("cla-previous-permanence", "Z1"),
        },
    )


def _reviews(submission: Submission, start: date, until: date, spell: Json, lead: Worker) -> None:
    """Reviews after 20 working days, three months and every six; visits every six weeks."""
    child = submission.child
    dice = child.dice("reviews")
    speaks = child.year_group >= -1
    for day in (start + timedelta(days=days) for days in _REVIEWS_AFTER):
        if day < until:
            words = [extension("own-words", valueString=dice.choice(_WORDS))] if speaks else []
            part = "PN1" if _is(4, child, day) else "PN0"
            took_part = coded("review-participation", "cla-review-participation", part)
            contact(
                submission, "looked-after-review", day, extension=[took_part, *words], episodeOfCare=[spell]
            )
    seen = [extension("child-seen", valueBoolean=True), extension("child-seen-alone", valueBoolean=speaks)]
    for number in range(min((until - start).days // 42, 10)):
        day = until - timedelta(days=7 + 42 * number)
        contact(submission, "statutory-visit", day, lead, extension=seen, episodeOfCare=[spell])


def _sdq(submission: Submission, today: date, dice: Random) -> None:
    """The year's score of strengths and difficulties, of those old enough for it."""
    if submission.child.year_group < 0:
        return
    year = _year(today)
    score = min(max(round(dice.gauss(14, 7)), 0), 40)
    resource = _of_the_year(submission, "StrengthsAndDifficulties", "sdq", "sdq-score", year)
    submission.add(f"sdq/{year[1].year}", resource | {"valueInteger": score})


def _health(submission: Submission, today: date, dice: Random) -> None:
    """The year's answers on health."""
    year = _year(today)
    resource = _of_the_year(
        submission, "LookedAfterHealth", "looked-after-health", "looked-after-health", year
    )
    unlikely = ("convicted", "substance-misuse")
    # Convictions are asked of who is ten, health checks of who is not five.
    unasked = {
        "convicted": not _is(10, submission.child, year[1]),
        "health-check": _is(5, submission.child, year[1]),
    }
    answers = [
        component(code, valueBoolean=code not in unlikely and dice.random() < 0.9)
        for code in _HEALTH
        if not unasked.get(code)
    ]
    submission.add(f"health/{year[1].year}", resource | {"component": answers})


def _is(years: int, child: Child, day: date) -> bool:
    """Whether the child is so old on a day."""
    return (day.year - years, day.month, day.day) >= (child.birth.year, child.birth.month, child.birth.day)


def _year(today: date) -> tuple[date, date]:
    """The last year of returns that has ended: from April to March."""
    year = today.year if today > date(today.year, 3, 31) else today.year - 1
    return date(year - 1, 4, 1), date(year, 3, 31)


def _of_the_year(
    submission: Submission, name: str, category: str, code: str, year: tuple[date, date]
) -> Json:
    return {
        "resourceType": "Observation",
        "meta": profile(name),
        "status": "final",
        "category": [concept("observation-category", category)],
        "code": concept("observation-code", code),
        "subject": submission.subject,
        "effectivePeriod": period(*year),
        "performer": [submission.organization],
    }
