"""Who may sign in to the demonstration: one worker of each kind, who is entitled to more, a family.

Their password is no secret: it is in the documentation, and opens nothing but invented children.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from server.child.demonstration import agencies
from server.child.demonstration.workers import Worker, workers

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
    ("social-worker", agencies.SOCIAL_CARE.code, "social-worker-8", "own"),  # Kieran's
    ("reviewing-officer", agencies.SOCIAL_CARE.code, "independent-reviewing-officer-9", "all"),
    ("personal-adviser", agencies.SOCIAL_CARE.code, "personal-adviser-11", "all"),
    ("family-support", agencies.EARLY_HELP.code, "family-support-worker-1", "own"),
    ("education-officer", agencies.EDUCATION.code, "other-1", "all"),
    ("teacher", "ashbourne-primary", "class-teacher-1", "all"),
    ("safeguarding-lead", "kingsmead-academy", "designated-safeguarding-lead-3", "all"),
    ("designated-teacher", "kingsmead-academy", "designated-teacher-2", "all"),
    ("sen-coordinator", "ashbourne-primary", "sen-coordinator-4", "all"),
    ("nursery-teacher", "little-acorns-nursery", "class-teacher-1", "all"),
    ("health-visitor", agencies.HEALTH.code, "health-visitor-1", "own"),
    ("school-nurse", agencies.HEALTH.code, "school-nurse-5", "all"),
    ("paediatrician", agencies.HEALTH.code, "paediatrician-7", "all"),
    ("youth-justice", agencies.YOUTH_JUSTICE.code, "youth-justice-worker-1", "own"),
    ("police-officer", agencies.POLICE.code, "police-officer-1", "all"),
)
"""(username, agency, which of its workers, caseload)."""

_ENTITLED = (
    ("adoption-worker", agencies.SOCIAL_CARE.code, "social-worker-7", ("social-worker", "adoption-worker")),
    ("information-governance", agencies.DIRECTORY, "other-1", ("administrator",)),
    ("identity-reviewer", agencies.DIRECTORY, "other-2", ("identity-reviewer",)),
)
"""(username, agency, which of its workers, roles): they may do what their colleagues may not."""


def people() -> Iterator[Person]:
    """Those who work for an agency; they are known before anything is loaded."""
    for username, code, place, caseload in _WORKERS:
        found = _worker(code, place)
        yield _working(username, found, (found.role,), caseload)
    for username, code, place, roles in _ENTITLED:
        yield _working(username, _worker(code, place), roles, "all")


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


def _worker(code: str, place: str) -> Worker:
    return next(each for each in workers(code) if each.id == f"{code}-{place}")


def _working(username: str, found: Worker, roles: tuple[str, ...], caseload: str) -> Person:
    name, kind = f"{found.given} {found.family}", username.replace("-", " ")
    return Person(username, found.agency.code, name, kind, found.reference, roles, caseload)
