"""The health provider: the 0 to 19 service, immunisations, measurements, the emergency department."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random

from server.child.demonstration import agencies
from server.child.demonstration.contact import contact
from server.child.demonstration.element import extension
from server.child.demonstration.episode import episode
from server.child.demonstration.submission import Submission
from server.child.demonstration.workers import worker
from server.fhir import Json

# Age in days, what it is called here, and its code in CDC's list, which is the one that FHIR's examples use.
_SCHEDULE = (
    (56, "6-in-1 (DTaP/IPV/Hib/HepB), first dose", "146"),
    (56, "MenB, first dose", "163"),
    (84, "6-in-1 (DTaP/IPV/Hib/HepB), second dose", "146"),
    (112, "6-in-1 (DTaP/IPV/Hib/HepB), third dose", "146"),
    (370, "MMR, first dose", "03"),
    (1230, "MMR, second dose", "03"),
    (1230, "4-in-1 pre-school booster (dTaP/IPV)", "130"),
    (4600, "HPV", "165"),
)
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_UNITS = "http://unitsofmeasure.org"
_VISITS = (
    (12, "New birth visit"),
    (49, "Six to eight week review"),
    (330, "One year review"),
    (800, "Two year review"),
)
_INJURIES = (
    "Fall from a height",
    "Head injury while playing",
    "Swallowed object",
    "Asthma attack",
    "Wrist injury",
    "Fever and rash",
)


def health(submission: Submission, today: date) -> None:
    """The 0 to 19 service's episode, and what it and the hospital did."""
    child = submission.child
    dice = child.dice("health")
    known = episode(submission, "health-service", child.birth + timedelta(days=10))
    _contacts(submission, today, known, dice)
    for number, (days, name, code) in enumerate(_SCHEDULE):
        day = child.birth + timedelta(days=days + dice.randint(0, 30))
        # One dose in twenty was never given.
        if day < today and dice.random() > 0.05:
            submission.add(f"immunisation/{number}", _immunization(submission, day, name, code))
    _measurements(submission, today, dice)
    for injury in dice.sample(_INJURIES, child.injuries):
        day = max(today - timedelta(days=dice.randint(3, 180)), child.birth + timedelta(days=1))
        contact(submission, "emergency-attendance", day, reasonCode=[{"text": injury}])


def _contacts(submission: Submission, today: date, known: Json, dice: Random) -> None:
    child = submission.child
    if child.year_group >= 0:
        if dice.random() < 0.15:
            nurse = worker(agencies.HEALTH, "school-nurse", dice)
            day = today - timedelta(days=dice.randint(5, 300))
            contact(submission, "health-assessment", day, nurse, episodeOfCare=[known])
        return
    visitor = worker(agencies.HEALTH, "health-visitor", dice)
    seen = [extension("child-seen", valueBoolean=True)]
    for days, reason in _VISITS:
        day = child.birth + timedelta(days=days + dice.randint(0, 6))
        if day < today:
            more = {"extension": seen, "episodeOfCare": [known], "reasonCode": [{"text": reason}]}
            contact(submission, "health-visit", day, visitor, **more)


def _immunization(submission: Submission, day: date, name: str, code: str) -> Json:
    return {
        "resourceType": "Immunization",
        "status": "completed",
        "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": code}], "text": name},
        "patient": submission.subject,
        "occurrenceDateTime": day.isoformat(),
        "primarySource": True,
        "performer": [{"actor": submission.organization}],
    }


def _measurements(submission: Submission, today: date, dice: Random) -> None:
    """Weight and height: at two, in reception and in year six."""
    for age, weight, height in ((2, 12.3, 87), (5, 18.4, 110), (11, 37.0, 144)):
        day = submission.child.birth + timedelta(days=round(365.25 * age) + dice.randint(0, 40))
        if day >= today:
            return
        factor = dice.gauss(1, 0.06)
        for code, text, value, unit in (
            ("29463-7", "Body weight", weight * factor * factor, "kg"),
            ("8302-2", "Body height", height * factor, "cm"),
        ):
            coded = {"coding": [{"system": "http://loinc.org", "code": code}], "text": text}
            quantity = {"value": Decimal(f"{value:.1f}"), "unit": unit, "system": _UNITS, "code": unit}
            submission.add(f"{code}/{age}", _measured(submission, day, coded, quantity))


def _measured(submission: Submission, day: date, code: Json, quantity: Json) -> Json:
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": _CATEGORY, "code": "vital-signs"}]}],
        "code": code,
        "subject": submission.subject,
        "effectiveDateTime": day.isoformat(),
        "performer": [submission.organization],
        "valueQuantity": quantity,
    }
