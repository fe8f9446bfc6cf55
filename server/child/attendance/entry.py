"""A line of a register as a school sends it, and as the Observation that it becomes.

https://hl7.org/fhir/R4/observation.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from server.child.attendance import mark
from server.child.attendance.code import Code
from server.fhir import Json

OBSERVATION_CODES = "https://w3id.org/single-child-record/CodeSystem/observation-code"
MINUTES, NOTE = "minutes-late", "reason-text"

_PRESENT = {"/": "am", "\\": "pm"}
"""The codes of one session alone."""
_LATE = frozenset({"L", "U"})


@dataclass(frozen=True, slots=True)
class Session:
    """Of which the register was taken. `school`: as a reference has it."""

    school: str
    day: date
    session: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A line: of whom (a Patient by its id, or an identifier), and what it says. `reason`: why it takes the
    place of what was said before."""

    at: int
    child: str | None
    identifier: tuple[str, str] | None
    code: str
    minutes: int | None = None
    note: str | None = None
    reason: str | None = None


def faults(entry: Entry, code: Code | None, of: Session) -> Iterator[str]:
    """What is wrong with what a line says, in sentences."""
    if code is None:
        yield f"'{entry.code}' is no code of the register on {of.day.isoformat()}."
        return
    if _PRESENT.get(entry.code, of.session) != of.session:
        when = "morning" if of.session == "pm" else "afternoon"
        yield f"The code {entry.code} is a mark of the {when}."
    if entry.minutes is not None and entry.code not in _LATE:
        yield "Only who came late (L, U) has minutes of lateness."


def observation(entry: Entry, child: str, code: Code, of: Session) -> Json:
    """The mark."""
    said = [*_components(entry)]
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": mark.CATEGORY, "code": "attendance"}]}],
        "code": {"coding": [{"system": mark.SESSIONS, "code": of.session}]},
        "subject": {"reference": f"Patient/{child}"},
        "effectiveDateTime": of.day.isoformat(),
        "performer": [{"reference": of.school}],
        "valueCodeableConcept": _value(code),
        **({"component": said} if said else {}),
    }


def corrected(held: Json, entry: Entry, code: Code) -> Json:
    """The mark that takes the place of another: what the register does not speak of stays."""
    said = [each for each in held.get("component", ()) if _about(each) is None] + [*_components(entry)]
    rest = {name: value for name, value in held.items() if name not in ("component", "dataAbsentReason")}
    return {
        **rest,
        "status": "corrected",
        "valueCodeableConcept": _value(code),
        **({"component": said} if said else {}),
    }


def says_the_same(held: Json, entry: Entry, code: Code) -> bool:
    """Whether a mark is what the line says already."""
    codings = held.get("valueCodeableConcept", {}).get("coding", ())
    coded = any(each.get("system") == code.system and each.get("code") == code.code for each in codings)
    return coded and {_about(each): _said(each) for each in held.get("component", ()) if _about(each)} == {
        _about(each): _said(each) for each in _components(entry)
    }


def _value(code: Code) -> Json:
    return {"coding": [{"system": code.system, "code": code.code}]}


def _components(entry: Entry) -> Iterator[Json]:
    if entry.minutes is not None:
        minutes = {
            "value": entry.minutes, "unit": "min", "system": "http://unitsofmeasure.org", "code": "min"
        }  # fmt: skip
        yield {"code": _code(MINUTES), "valueQuantity": minutes}
    if entry.note:
        yield {"code": _code(NOTE), "valueString": entry.note}


def _code(code: str) -> Json:
    return {"coding": [{"system": OBSERVATION_CODES, "code": code}]}


def _about(component: Json) -> str | None:
    for coding in component["code"].get("coding", ()):
        if coding.get("system") == OBSERVATION_CODES and coding.get("code") in (MINUTES, NOTE):
            return str(coding["code"])
    return None


def _said(component: Json) -> object:
    return component.get("valueQuantity", {}).get("value") or component.get("valueString")
