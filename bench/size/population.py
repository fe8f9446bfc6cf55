"""An authority of any size: the same child for the same number, a hundred resources each.

Children 0–4,999 have an episode with the service of 5,000, all of them one with the service of all; schools
are filled in order: the first has 333 children, then one has 30, one a single child, and then 333 each.
"""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

Json = dict[str, Any]

BASE = "https://w3id.org/single-child-record"
NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
LOCAL = "https://example.org/Id/local"
CODES = "https://example.org/CodeSystem/measurement"
PER_CHILD = 100
MARKS = 88
SERVICE = 5000
RARE = 500
"""One child in so many has one observation of the rare code: 0.002 % of the resources."""

FIRST_DAY = date(2025, 9, 1)
_FAMILY = [f"{first}{last}" for first in
           "Ash Birch Black Brad Carl Crow Dal East Fair Green Hart Hol King Lang Mar New North Oak Pres Red "
           "Shel Stan Thorn Wal Wes Whit Win Wood York".split()
           for last in "burn bury by combe cote den field ford ham ley man ridge shaw stead ton ville well "
           "wick worth".split()]  # fmt: skip
_GIVEN = ("Ada Ali Amy Ben Cora Dan Ella Femi Gus Hana Ivan Jade Kofi Lily Max Noor Olu Pia Quinn Ravi Sara Tom "
          "Uma Vera Will Xia Yusuf Zoe").split()  # fmt: skip
_MARKS = "/" * 80 + "\\" * 8 + "LLIIIMHCONU"


def school(n: int) -> str:
    """The organisation whose register child `n` is on."""
    if n < 333:
        return "school-333"
    if n < 363:
        return "school-30"
    return "school-1" if n == 363 else f"school-other-{(n - 364) // 333}"


def nhs_number(n: int) -> str:
    """A number with the right check digit; every tenth or so of the nine digits has none, and is left out."""
    digits = 400_000_000 + n
    while True:
        text = str(digits)
        rest = 11 - sum(int(digit) * (10 - at) for at, digit in enumerate(text)) % 11
        if rest != 10:
            return text + str(rest % 11)
        digits += 400_000_000 if digits < 800_000_000 else 1


def child(n: int) -> Iterator[tuple[str, Json]]:
    """(id, resource) of all that is known of child `n`."""
    order = random.Random(n)
    me, at = f"c{n}", school(n)
    family, given = order.choice(_FAMILY), order.choice(_GIVEN)
    yield (
        me,
        {
            "resourceType": "Patient",
            "identifier": [
                {"system": NHS_NUMBER, "value": nhs_number(n)},
                {"system": LOCAL, "value": f"L{n}"},
            ],
            "name": [{"family": family, "given": [given, order.choice(_GIVEN)]}],
            "gender": order.choice(["male", "female"]),
            "birthDate": (date(2010, 1, 1) + timedelta(order.randrange(4500))).isoformat(),
            "address": [{"line": [f"{order.randrange(200)} High Street"], "postalCode": f"ZZ{n % 99} 1AA"}],
            "managingOrganization": {"reference": f"Organization/{at}"},
        },
    )
    subject = {"reference": f"Patient/{me}"}
    yield (
        f"{me}-p",
        {
            "resourceType": "RelatedPerson",
            "patient": subject,
            "name": [{"family": family, "given": [order.choice(_GIVEN)]}],
        },
    )
    yield f"{me}-r", _episode(subject, at, "registration", "2025-09-01")
    yield f"{me}-h", _episode(subject, "service-all", "health-service", "2020-01-01")
    if n < SERVICE:
        yield f"{me}-s", _episode(subject, "service-5000", "child-in-need", "2025-01-08")
    for visit in range(4):
        yield f"{me}-e{visit}", _encounter(subject, me, order, visit)
    for measured in range(3):
        yield f"{me}-m{measured}", _measurement(subject, f"{me}-e{measured}", order, "weight")
    if n % RARE == 0:
        yield f"{me}-x", _measurement(subject, f"{me}-e0", order, "rare")
    for mark in range(MARKS):
        yield f"{me}-a{mark}", _mark(subject, at, order, mark)


def _concept(system: str, code: str, display: str | None = None) -> Json:
    coding = {"system": system, "code": code, **({"display": display} if display else {})}
    return {"coding": [coding]}


def _episode(subject: Json, agency: str, kind: str, start: str) -> Json:
    return {
        "resourceType": "EpisodeOfCare",
        "status": "active",
        "type": [_concept(f"{BASE}/CodeSystem/episode-type", kind)],
        "patient": subject,
        "managingOrganization": {"reference": f"Organization/{agency}"},
        "period": {"start": start},
    }


def _encounter(subject: Json, me: str, order: random.Random, visit: int) -> Json:
    day = FIRST_DAY + timedelta(order.randrange(80))
    return {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HH"},
        "type": [_concept(f"{BASE}/CodeSystem/contact-type", "home-visit" if visit else "conference")],
        "subject": subject,
        "episodeOfCare": [{"reference": f"EpisodeOfCare/{me}-h"}],
        "serviceProvider": {"reference": "Organization/service-all"},
        "period": {"start": f"{day}T10:00:00Z", "end": f"{day}T11:00:00Z"},
    }


def _measurement(subject: Json, encounter: str, order: random.Random, code: str) -> Json:
    day = FIRST_DAY + timedelta(order.randrange(80))
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [_concept("http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs")],
        "code": _concept(CODES, code, "A measurement"),
        "subject": subject,
        "encounter": {"reference": f"Encounter/{encounter}"},
        "effectiveDateTime": f"{day}T10:15:00Z",
        "valueQuantity": {
            "value": Decimal(100 + order.randrange(400)) / 10,
            "unit": "kg",
            "system": "http://unitsofmeasure.org",
            "code": "kg",
        },
    }


def _mark(subject: Json, agency: str, order: random.Random, number: int) -> Json:
    day, half = divmod(number, 2)
    on = FIRST_DAY + timedelta(day + day // 5 * 2)
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [_concept(f"{BASE}/CodeSystem/observation-category", "attendance")],
        "code": _concept(f"{BASE}/CodeSystem/session", "pm" if half else "am"),
        "subject": subject,
        "effectiveDateTime": on.isoformat(),
        "performer": [{"reference": f"Organization/{agency}"}],
        "valueCodeableConcept": _concept(f"{BASE}/CodeSystem/attendance-code", order.choice(_MARKS)),
    }
