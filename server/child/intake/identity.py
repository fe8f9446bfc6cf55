"""Which child of the record a draft speaks of, by its identifiers.

A unique identifier belongs to one child; a mistyped one can point at another, so all but the authority's own
child id count only together with the birth date.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from server.child.intake.draft import Draft
from server.child.intake.person import unproved
from server.fhir import Json
from server.fhir.identifier import FORMER_UPN, LA_CHILD_ID, NHS_NUMBER, ULN, UPN, unverified

_UNIQUE = (NHS_NUMBER, UPN, ULN)
_AUTHORITYS_OWN = "la-child-id/"
_TAKEN = "The record has this identifier for another child."

Find = Callable[[str, str, str], Sequence[Json]]
"""The visible resources of a type by the system and value of an identifier."""


@dataclass(slots=True)
class Match:
    """The child's Patient, if there is one, and the identifiers that the record has for another child."""

    existing: Json | None = None
    disputed: list[tuple[str, str]] = field(default_factory=list)


def match(draft: Draft, find: Find) -> Match:
    """The Patient that the draft speaks of; the strongest identifier decides."""
    result = Match()
    for system, value in sorted(draft.identifiers, key=lambda one: _rank(one[0])):
        if system == FORMER_UPN:
            continue
        found = find("Patient", system, value)
        same = [patient for patient in found if _same_child(patient, draft, system)]
        if result.existing is None and same:
            result.existing = same[0]
        elif unique(system) and found and result.existing not in same:
            result.disputed.append((system, value))
    for system, value in result.disputed if result.existing is None else ():
        kept = [one for one in find("Patient", unverified(system), value) if _same_child(one, draft, system)]
        result.existing = result.existing or next(iter(kept), None)
    return result


def unique(system: str) -> bool:
    """Whether an identifier of this system belongs to one child alone, without being an authority's own."""
    return system in _UNIQUE


def claimed(draft: Draft) -> list[tuple[str, str]]:
    """The identifiers that only one child of the record may carry."""
    return [one for one in draft.identifiers if unique(one[0]) or one[0].startswith(LA_CHILD_ID)]


def dispute(draft: Draft, disputed: Sequence[tuple[str, str]]) -> None:
    """Keeps the identifiers as unverified, so that they are not lost and claim nothing."""
    draft.content["identifier"] = [
        unproved(*key, _TAKEN) if (key := (one["system"], one["value"])) in disputed else one
        for one in draft.content["identifier"]
    ]


def _rank(system: str) -> int:
    if system.startswith(LA_CHILD_ID):
        return 0
    return 1 + _UNIQUE.index(system) if system in _UNIQUE else 1 + len(_UNIQUE)


def _same_child(patient: Json, draft: Draft, system: str) -> bool:
    if system.startswith(LA_CHILD_ID):
        return True
    born, ours = patient.get("birthDate"), draft.content.get("birthDate")
    return (born == ours or born is None or ours is None) and not _another_of_the_authority(patient, draft)


def _another_of_the_authority(patient: Json, draft: Draft) -> bool:
    """An authority has two ids for one child only where nobody may link them: after an adoption."""
    theirs = {one.get("system"): one.get("value") for one in patient.get("identifier", ())}
    return any(
        _AUTHORITYS_OWN in system and theirs.get(system, value) != value
        for system, value in draft.identifiers
    )
