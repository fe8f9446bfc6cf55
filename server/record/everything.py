"""Everything that a caller may see of one child: what its reads and searches would show, and no more.

https://hl7.org/fhir/R4/patient-operation-everything.html
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from server.access import redact
from server.definition.compartment import child_parameter
from server.definition.library import library
from server.fhir.period import HIGHEST, LOWEST
from server.record.event import entry
from server.record.record import Record
from server.search.everything import (
    FIRST,
    Everything,
    Halves,
    Position,
    Views,
    Wanted,
    is_of_children,
    referred,
)
from server.store.row import Stored

PATIENT = "Patient"


@dataclass(frozen=True, slots=True)
class Child:
    """A page of what is known of a child: `about` it, and `support`, what that refers to."""

    about: tuple[Stored, ...]
    support: tuple[Stored, ...]
    next: Position | None


def everything(
    record: Record, id_: str, wanted: Wanted, *, after: Position | None, count: int, said: str
) -> Child:
    """A page, of which the first begins with the Patient.

    Raises:
        NotFound, Gone: the Patient, as a read says it. Forbidden: a type was named that may not be searched.
    """
    patient = record.read(PATIENT, id_)
    first = [patient] if after is None and _is_wanted(patient, wanted) else []
    number = record.door.library.type_number(PATIENT)
    line = entry(record.access, record.at, "operation", number, query=said)
    views = _views(record, wanted)
    rows: list[Stored] = []
    following = None
    if views:
        asked = Everything(record.connection, views, record.door.hasher)
        limit = max(count - len(first), 1)
        rows, following = asked.page(patient, wanted, after or FIRST, limit, line)
    about = (*first, *map(redact.shown, rows))
    return Child(about, tuple(_support(record, about, wanted, said)), following)


def _is_wanted(patient: Stored, wanted: Wanted) -> bool:
    return PATIENT in (wanted.named or (PATIENT,)) and patient.last_updated > wanted.since


def _views(record: Record, wanted: Wanted) -> Halves:
    """The types that may be searched, with the rows of each that may be found by what is asked here."""
    dated = wanted.period != (LOWEST, HIGHEST)
    if wanted.named:
        for type_ in wanted.named:
            record.access.view(type_, "s" if is_of_children(type_) else "r")
        return _of(record, wanted.named, dated)
    # Of all types, it is the same for every child.
    memo, key = record.access.memo, (_views, dated)
    found: Halves | None = memo.get(key)
    if found is None:
        found = memo[key] = _of(record, record.access.searched, dated)
    return found


def _of(record: Record, types: Iterable[str], dated: bool) -> Halves:
    return Halves.of(record.searchable(each, _asked(each, dated)) for each in filter(is_of_children, types))


@cache
def _asked(type_: str, dated: bool) -> frozenset[str]:
    """The search parameters that would find the same: whose it is, and when it was."""
    child = child_parameter(type_)
    return frozenset((*([child.code] if child else []), *(["date"] if dated else [])))


# ---- what it refers to -------------------------------------------------------------------------------------


def _support(record: Record, about: Iterable[Stored], wanted: Wanted, said: str) -> list[Stored]:
    """Practitioners, organizations, places, medicines: what belongs to no child and is referred to."""
    places = dict.fromkeys(place for row in about for place in _referred(row, record.door.base_url))
    types = {type_ for type_, _ in places if not wanted.named or type_ in wanted.named}
    views = Views(
        tuple(
            (record.access.view(each, "r"), False) for each in sorted(types) if record.access.may(each, "r")
        )
    )
    if not views.of:
        return []
    number = record.door.library.type_number(PATIENT)
    line = entry(record.access, record.at, "include", number, query=said)
    found = referred(record.connection, views, list(places), line)
    known = {(row.type, row.rid) for row in about}
    return [redact.shown(row) for row in found if (row.type, row.rid) not in known]


def _referred(row: Stored, base_url: str) -> Iterator[tuple[str, str]]:
    """(type, id) of what the text of a resource refers to, as far as it is shown."""
    for found in _reference(base_url).finditer(row.body):
        yield found[1], found[2]


@cache
def _reference(base_url: str) -> re.Pattern[str]:
    """A reference to what belongs to no child. Inside a string the quotes would be escaped."""
    types = "|".join(
        each for each in library().resource_types if each != PATIENT and child_parameter(each) is None
    )
    return re.compile(rf'"reference":"(?:{re.escape(base_url)}/)?({types})/([A-Za-z0-9.-]{{1,64}})["/]')
