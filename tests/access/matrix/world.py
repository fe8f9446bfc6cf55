"""Two worlds that are alike but for one resource, or for what a caller may not see of it."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

from tests import make
from tests.make import TEST

ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"


@dataclass(frozen=True)
class World:
    """Names that are one world's own; all have `word` in them and nothing else that differs.

    `ours`: a child whom everybody works with; `about`: the child of the resource.
    """

    word: str
    type: str
    ours: str
    about: str
    said: str = ""

    @property
    def id(self) -> str:
        return self.about if self.type == "Patient" else f"id-{self.word}"

    @property
    def path(self) -> str:
        return f"{self.type}/{self.id}"

    @property
    def organization(self) -> str:
        return f"org-{self.word}"

    @property
    def date(self) -> str:
        """A day of its own."""
        day = self.number
        return f"{1700 + day // 336 % 200}-{day // 28 % 12 + 1:02d}-{day % 28 + 1:02d}"

    @property
    def day(self) -> str:
        """The same, as people are told of it."""
        day = date.fromisoformat(self.date)
        return f"{day.day} {day:%B} {day.year}"

    @property
    def number(self) -> int:
        """A number of its own, and of no page's size."""
        return 10_000 + int(self.word[-6:])

    @property
    def share(self) -> float:
        """A part of one, of its own."""
        return self.number / 1_000_000

    @cached_property
    def names(self) -> dict:
        """What a template of a path speaks of."""
        own = ("word", "id", "type", "path", "date", "number", "share", "about", "organization", "ours")
        return {name: getattr(self, name) for name in own}

    @property
    def traits(self) -> dict:
        """What every resource of the world can be found by."""
        return {
            "meta": {
                "tag": [{"system": TEST, "code": self.word, "display": self.word}],
                "profile": [f"https://example.org/{self.word}"],
                "source": f"https://example.org/{self.word}",
            },
            "identifier": [
                {**make.identifier(f"value-{self.word}"), "type": make.concept(TEST, f"kind-{self.word}")}
            ],
            "text": {
                "status": "generated",
                "div": f'<div xmlns="http://www.w3.org/1999/xhtml">Of {self.word}</div>',
            },
        }

    @property
    def whole(self) -> dict:
        """The resource with everything that can be said of it."""
        return _MADE[self.type](self)


def _inside(world):
    return [{"resourceType": "Practitioner", "id": "own", "name": [{"family": world.word}]}]


def _patient(world):
    known = {"name": [{"family": world.word}], "birthDate": world.date, "contained": _inside(world)}
    known |= {"managingOrganization": make.reference(f"Organization/{world.organization}")}
    known |= {
        "generalPractitioner": [
            make.reference("#own"),
            make.reference(f"Practitioner/{world.organization}"),
            {"identifier": make.identifier(f"value-{world.word}")},
        ],
        "address": [{"city": world.word}],
        "telecom": [{"system": "email", "value": f"{world.word}@example.org"}],
    }
    return make.patient(id=world.id, **world.traits, **known)


def _episode(world):
    known = {
        "managingOrganization": make.reference(f"Organization/{world.organization}"),
        "careManager": make.reference(f"Practitioner/{world.organization}"),
        "team": [make.reference("#own")],
        "contained": [{"resourceType": "CareTeam", "id": "own", "name": world.word}],
    }
    plan = make.episode(world.about, "x", "child-protection-plan", world.date)
    return {**plan, "id": world.id, **world.traits, **known}


def _observation(world):
    measured = {"value": world.number, "unit": "marks"}
    parts = [
        {"code": make.concept(TEST, f"part-{world.word}"), "valueQuantity": measured},
        {"code": make.concept(TEST, "nothing"), "dataAbsentReason": make.concept(ABSENT, "asked-unknown")},
    ]
    known = {
        "valueString": world.word,
        "effectiveDateTime": world.date,
        "performer": [
            make.reference(f"Organization/{world.organization}"),
            make.reference("#own"),
            make.reference(f"Practitioner/{world.organization}"),
            {"identifier": make.identifier(f"value-{world.word}")},
        ],
        "contained": _inside(world),
        "component": parts,
        "bodySite": {"text": world.word},
    }
    made = make.observation(world.about, world.word, id=world.id, **world.traits, **known)
    return {**made, "code": {**made["code"], "text": world.word}}


def _risk_assessment(world):
    return {
        "resourceType": "RiskAssessment",
        "id": world.id,
        "status": "final",
        "subject": make.reference(f"Patient/{world.about}"),
        "occurrenceDateTime": world.date,
        "performer": make.reference(f"Practitioner/{world.organization}"),
        "prediction": [{"probabilityDecimal": world.share}],
        "contained": _inside(world),
        "basis": [make.reference("#own")],
        **world.traits,
    }


_MADE = {
    "EpisodeOfCare": _episode,
    "Observation": _observation,
    "Patient": _patient,
    "RiskAssessment": _risk_assessment,
}

TYPES = tuple(sorted(_MADE))
