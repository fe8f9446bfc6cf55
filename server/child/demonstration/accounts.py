"""Who may sign in to the demonstration: one worker of each kind, a mother, a young person.

Their password is no secret: it is in the documentation, and opens nothing but invented children.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from server.child.demonstration import agencies
from server.child.demonstration.workers import workers

PASSWORD = "demonstration-only"  # noqa: S105  (it is public)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account. `reference`: who it is in the record, or the search that finds it there."""

    username: str
    agency: str
    name: str
    kind: str
    reference: str
    roles: tuple[str, ...] = ()
    caseload: str = "own"


_WORKERS = (
    ("social-worker", agencies.SOCIAL_CARE.code, "social-worker", "own"),
    ("reviewing-officer", agencies.SOCIAL_CARE.code, "independent-reviewing-officer", "all"),
    ("personal-adviser", agencies.SOCIAL_CARE.code, "personal-adviser", "own"),
    ("family-support", agencies.EARLY_HELP.code, "family-support-worker", "own"),
    ("education-officer", agencies.EDUCATION.code, "other", "all"),
    ("teacher", "ashbourne-primary", "class-teacher", "all"),
    ("safeguarding-lead", "kingsmead-academy", "designated-safeguarding-lead", "all"),
    ("designated-teacher", "kingsmead-academy", "designated-teacher", "all"),
    ("sen-coordinator", "ashbourne-primary", "sen-coordinator", "all"),
    ("nursery-teacher", "little-acorns-nursery", "class-teacher", "all"),
    ("health-visitor", agencies.HEALTH.code, "health-visitor", "own"),
    ("school-nurse", agencies.HEALTH.code, "school-nurse", "all"),
    ("paediatrician", agencies.HEALTH.code, "paediatrician", "all"),
    ("youth-justice", agencies.YOUTH_JUSTICE.code, "youth-justice-worker", "own"),
    ("police-officer", agencies.POLICE.code, "police-officer", "all"),
)
"""(username, agency, role, caseload)."""


def people() -> Iterator[Person]:
    """Those who work for an agency; they are known before anything is loaded."""
    for username, code, role, caseload in _WORKERS:
        found = next(each for each in workers(code) if each.role == role)
        name = f"{found.given} {found.family}"
        yield Person(username, code, name, username.replace("-", " "), found.reference, (role,), caseload)


def family() -> Iterator[Person]:
    """Those whom the record is about: their references are known when it is loaded."""
    yield Person(
        "mother",
        "ashbourne-primary",
        "Lorna Tillbrook",
        "mother of Maisie",
        "RelatedPerson?patient=Patient/story-attendance&name=Lorna",
    )
    yield Person(
        "young-person", "kingsmead-academy", "Kieran Garrow", "young person", "Patient/story-suspension"
    )
