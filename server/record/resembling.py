"""One child, one record: a new child that resembles a known one is refused, where its agency has it so.

By hashed keys, in one query, is found whom it resembles; the caller is told of those whom it sees, by what it
is shown of them. Of the others nothing is told here, nor asked: they are compared when the answer is given
(`record.comparing`), so that neither the answer nor its time tells of them.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from server.access import redact
from server.access.policy import REFUSE
from server.fhir import json
from server.fhir.issue import Issue, Resembling
from server.record.door import Door
from server.record.event import act
from server.record.likeness import Asked
from server.store import audit, likeness, recordset, resources
from server.store.comparison import NOBODY
from server.store.row import Stored

if TYPE_CHECKING:
    from server.record.record import Record

_PATIENT = "Patient"

_MOST = 10
"""Of whom a child resembles, those that are told."""


def follow(record: "Record", children: Iterable[Asked]) -> None:
    """See to the new ones among children that were written.

    Raises:
        Resembling: the agency has new children refused who resemble one that the caller may see.
    """
    for each in children:
        if each.new and record.confirmed is not None:
            line = act(record.access, record.at, "confirm-new", reason=record.confirmed, child=each.child)
            audit.record(record.connection, line)
        elif each.new and record.access.agency.likeness == REFUSE:
            _refuse(record, each)


def _refuse(record: "Record", each: Asked) -> None:
    how = record.door.hooks.likeness
    mine = how.whole([each.said])
    known = likeness.near(record.connection, each.child, each.keys)
    found = [(how.weigh(mine, shown_whole(record.door, row)), row.id) for row in shown(record, known, "r")]
    alike = sorted(((weight, id_) for weight, id_ in found if weight >= how.review), reverse=True)[:_MOST]
    if alike:
        told = (
            "The new child resembles one that is known: one child, one record. If it is another, send it "
            "again with the header X-Confirm-New and the reason."
        )
        issues = (
            Issue("duplicate", f"It resembles Patient/{id_} (match weight {weight:.1f}).", (_PATIENT,))
            for weight, id_ in alike
        )
        raise Resembling(issues=(Issue("duplicate", told, (_PATIENT,)), *issues))


def shown(record: "Record", children: Iterable[int], letter: str) -> list[Stored]:
    """The Patients of these children that the caller may see, as it may see them."""
    if not record.access.may(_PATIENT, letter):
        return []
    view = record.access.view(_PATIENT, letter)
    # Where there is nobody, that is asked for all the same: the clock must not tell it from the unseen.
    places = recordset.text({"child": child, "rid": child} for child in (NOBODY, *children))
    number = record.door.library.type_number(_PATIENT)
    rows = resources.seen(view)(record.connection, places=places, type=number)
    return [redact.shown(resources.stored(_PATIENT, row)) for row in rows]


def shown_whole(door: Door, row: Stored) -> Any:
    """What a Patient says of its child to who is shown so much of it."""
    how = door.hooks.likeness
    return how.whole([how.said(json.decode(row.body.encode()))])
