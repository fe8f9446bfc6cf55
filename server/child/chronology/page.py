"""A page of a chronology: what the reader may see of a child's life, in one order, whoever wrote it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from server.child.chronology import wording
from server.child.chronology.asked import Asked
from server.child.chronology.entry import Entry, Key
from server.child.chronology.gap import with_gaps
from server.child.chronology.name import names
from server.child.chronology.reader import Reader
from server.fhir.period import HIGHEST, LOWEST
from server.record.event import entry as line
from server.record.record import Record
from server.store import audit
from server.store.row import Stored

PATIENT = "Patient"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: after an entry; and until when what came before it lasted."""

    key: Key
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Page:
    """`names`: what references mean, as far as the reader may know. `next`: None after the last."""

    patient: Stored
    entries: tuple[Entry, ...]
    names: wording.Names
    next: Place | None


def page(record: Record, id_: str, asked: Asked, *, after: Place | None, count: int, said: str) -> Page:
    """At most so many entries, from `after` on.

    Raises:
        NotFound, Gone: the Patient, as a read says it.
    """
    patient = record.read(PATIENT, id_)
    reader = Reader(record, patient, asked, after.key if after else _first(asked), count)
    taken = list(islice(reader.merged(), count + 1))
    more = len(taken) > count
    shown = taken[:count]
    known = names(record, shown, said)
    finished = reader.finished(shown, known)
    _account(record, patient, shown, said)
    until = after.until if after else None
    told = tuple(with_gaps(finished, asked, until, None if more else record.at))
    following = Place(shown[-1].key, _latest(shown, after)) if more else None
    return Page(reader.shown_patient, told, known, following)


def _first(asked: Asked) -> Key:
    return (HIGHEST, 2**62, 9) if asked.newest_first else (LOWEST, -1, -1)


def _latest(shown: Sequence[Entry], after: Place | None) -> datetime | None:
    """Until when what was shown lasted, for the gap before what follows."""
    return next((each.until for each in reversed(shown) if each.until), after.until if after else None)


def _account(record: Record, patient: Stored, shown: Iterable[Entry], said: str) -> None:
    """One line for the page: which rows were shown, of whom."""
    number = record.door.library.type_number(PATIENT)
    children = {patient.child, *(each.row.child for each in shown if each.row is not None)}
    hits = tuple(dict.fromkeys(rid for each in shown for rid in each.hits))
    told = line(record.access, record.at, "operation", number, query=said, child=patient.child, hits=hits)
    audit.record_of_several(record.connection, told, children)
