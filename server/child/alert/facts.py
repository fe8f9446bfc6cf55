"""What is known of a child, as far as alerts ask of it, at an instant."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from server.child.alert.definition import Alert, Known
from server.child.alert.register import Register
from server.fhir import Json
from server.fhir.fhirpath import Environment
from server.fhir.period import HOME, Interval, interval, period

_VOID = frozenset({"entered-in-error"})
_NOT_OPEN = frozenset(
    {
        "entered-in-error", "cancelled", "finished", "completed", "planned", "waitlist", "revoked",
        "inactive", "draft", "proposed",
    }
)  # fmt: skip

_SUMMER_BIRTH = 8
"""The month with which a school year ends."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A mark, as it stands, whose code was another before; and when it became so."""

    mark: Json
    at: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one child. `resources`: by the name of the profile, what is there now. `marks`: the Observations of
    the register between two days, asked for where they are evidence."""

    patient: Json
    now: datetime
    resources: Mapping[str, Sequence[Json]] = field(default_factory=dict)
    register: Register = field(default_factory=Register)
    term: date = date.min
    """When the term began in which it is now."""
    next_term: datetime | None = None
    corrections: tuple[Correction, ...] = ()
    moves: tuple[datetime, ...] = ()
    """When the child was written down to live elsewhere than before."""
    leads: tuple[str, ...] = ()
    education: tuple[str, ...] = ()
    involved: tuple[str, ...] = ()
    marks: Callable[[date, date], Sequence[Json]] = field(default=lambda *_: ())

    @property
    def today(self) -> date:
        """At home."""
        return self.now.astimezone(HOME).date()

    def of(self, known: Known) -> list[Json]:
        """Its resources of some profiles, each once."""
        found = {
            (each["resourceType"], each["id"]): each
            for profile in known.profiles
            for each in self.resources.get(profile, ())
            if each.get("status") not in _VOID
        }
        return [each for each in found.values() if not known.open or self._is_open(each)]

    def open(self, profile: str) -> list[Json]:
        """What goes on at the moment."""
        return self.of(Known((profile,), open=True))

    def environment(self, alert: Alert, item: Json | None = None) -> Environment:
        """What an alert's expressions may ask."""
        variables: dict[str, Sequence[Any]] = {name: self.of(known) for name, known in alert.known.items()}
        schools = self.open("Registration")
        variables |= {
            "child": [self.patient],
            "item": [item] if item else [],
            "lead": self.leads,
            "school": list(dict.fromkeys(organizations(schools))),
            "education": self.education,
            "involved": self.involved,
            "compulsory": [is_compulsory(self.patient, self.today)],
        }
        return Environment(resource=item or self.patient, variables=variables, now=self.now.astimezone(HOME))

    def turns(self, alert: Alert) -> Iterator[datetime]:
        """When something that goes on ends, or what is to come begins."""
        for known in alert.known.values():
            if known.open:
                for each in self.of(Known(known.profiles)):
                    yield from (at for at in spell(each) if at > self.now)

    def _is_open(self, resource: Json) -> bool:
        low, high = spell(resource)
        return resource.get("status") not in _NOT_OPEN and low <= self.now < high


def spell(resource: Json) -> Interval:
    """From when until when a resource says that something goes on."""
    return period(resource.get("period") or resource.get("effectivePeriod") or {})


def organizations(resources: Sequence[Json]) -> Iterator[str]:
    """Who manages them, as references."""
    for each in resources:
        text = (each.get("managingOrganization") or {}).get("reference")
        if isinstance(text, str):
            yield text


def is_compulsory(patient: Json, today: date) -> bool:
    """Whether a child has to be in education: from the term after the fifth birthday until the last Friday in
    June of the school year in which it becomes sixteen; of whom nobody knows the birth, yes.

    Education Act 1996 s.8
    """
    born = patient.get("birthDate")
    if not isinstance(born, str) or patient.get("deceasedDateTime") or patient.get("deceasedBoolean"):
        return not (patient.get("deceasedDateTime") or patient.get("deceasedBoolean"))
    birth = interval(born)[0].astimezone(HOME).date()
    return _first_day(birth) <= today <= _last_day(birth)


def _first_day(birth: date) -> date:
    """31 August, 31 December or 31 March on or after the fifth birthday, and the day after it."""
    fifth = birth.year + 5
    ends = (date(fifth, 3, 31), date(fifth, 8, 31), date(fifth, 12, 31))
    return next(end for end in ends if (birth.month, birth.day) <= (end.month, end.day)) + timedelta(days=1)


def _last_day(birth: date) -> date:
    sixteenth = birth.year + 16 + (birth.month > _SUMMER_BIRTH)
    last = date(sixteenth, 6, 30)
    return last - timedelta(days=(last.weekday() - 4) % 7)
