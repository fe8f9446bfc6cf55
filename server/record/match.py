"""A child looked for by what is known of it: as far as the caller may see who is found, or trace the child.

Each is compared by what the caller is shown of it, so that a score tells nothing of what is withheld. Where
nobody whom the caller sees is certainly the one, the question is held against the others when the answer is
given, and people are asked if somebody is alike (`record.comparing`): the answer's time tells of nobody.

https://hl7.org/fhir/R4/patient-operation-match.html
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from server import clock
from server.fhir import Json
from server.fhir.issue import Unprocessable
from server.record import trace
from server.record.event import entry
from server.record.likeness import keys as keys_of
from server.record.resembling import shown, shown_whole
from server.store import audit, comparison, likeness
from server.store.comparison import NOBODY, Comparison
from server.store.row import Stored

if TYPE_CHECKING:
    from server.record.record import Record

_PATIENT = "Patient"
_WHOLE_DAY = len("2015-04-01")


@dataclass(frozen=True, slots=True)
class Match:
    """A Patient as the caller is shown it. `score`: how probable it is that it is the child; `grade`: as
    FHIR's match-grade."""

    row: Stored
    score: float
    grade: str


def matches(record: "Record", asked: Json) -> list[Match]:
    """The most probable first.

    Raises:
        Unprocessable: too little is said for anybody to be found by. Forbidden: the caller may not search
            Patients. Throttled: it has traced too often.
    """
    record.flush()
    record.access.view(_PATIENT, "s")
    how = record.door.hooks.likeness
    said = how.said({name: value for name, value in asked.items() if name != "id"})
    whole = how.whole([said])
    keys = keys_of(record.door, whole)
    if not keys:
        raise Unprocessable(
            "Too little is said of the child: birth date and name, name and postcode, or an identifier.",
            expression=_PATIENT,
        )
    known = likeness.near(record.connection, NOBODY, keys)
    found = [_match(record, whole, row) for row in shown(record, sorted(known), "s")]
    seen = [each for each in found if each is not None]
    if not any(each.grade == "certain" for each in seen):
        known_of = {each.row.child for each in seen}
        seen += (each for each in _traced(record, asked) if each.row.child not in known_of)
    _accounted(record, seen)
    if not any(each.grade == "certain" for each in seen):
        _leave(record, asked, (each.row.child for each in seen))
    return sorted(seen, key=lambda each: (-each.score, each.row.id))


def _match(record: "Record", whole: Any, row: Stored) -> Match | None:
    how = record.door.hooks.likeness
    other = shown_whole(record.door, row)
    found_by = keys_of(record.door, whole)
    if (row.withheld or not row.whole) and found_by.isdisjoint(keys_of(record.door, other)):
        # It was found by what the caller is not shown.
        return None
    compared = how.compare(whole, other)
    if compared.grade == "certainly-not":
        return None
    return Match(row, compared.probability, compared.grade)


def _traced(record: "Record", asked: Json) -> list[Match]:
    """Who has an identifier of a unique system and was born on that day, for who may trace."""
    born = asked.get("birthDate", "")
    claims = record.door.hooks.identity(asked)
    if not record.access.traces or not claims or len(born) != _WHOLE_DAY:
        return []
    rows = trace.of(record, claims[0], born)
    return [Match(row, 1.0, "certain") for row in rows]


def _accounted(record: "Record", found: Iterable[Match]) -> None:
    rows = [each.row for each in found]
    number = record.door.library.type_number(_PATIENT)
    line = entry(record.access, record.at, "match", number, hits=tuple(row.rid for row in rows))
    only = rows[0].child if len(rows) == 1 else 0
    audit.record(record.connection, replace(line, child=only, children=tuple(row.child for row in rows)))


def _leave(record: "Record", asked: Json, seen: Iterable[int]) -> None:
    """Let people be asked about the most alike of those whom the caller does not see, if there are any."""
    access, hidden = record.access, ("id", "meta", "text", "contained")
    if access.agency.likeness:
        question = Comparison(
            clock.new_id(), record.at, access.agency.code, access.client,
            access.user.id if access.user else None,
            asked={name: value for name, value in asked.items() if name not in hidden},
            shown=tuple(seen),
        )  # fmt: skip
        comparison.leave(record.connection, question)
