"""One child, one record: a child that was written is compared with all that are known.

Whom it resembles is found by hashed keys, in one query. What comes of it is for the agency's rights to say:
the child is stored and people are asked whether the two are one (`record.review`), or it is refused, and the
caller told whom it resembles as far as it may see them. Of others it learns nothing: those are reviewed.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from server.access import redact
from server.access.policy import REFUSE
from server.fhir import Json, json
from server.fhir.issue import Issue, Resembling
from server.record import review
from server.record.door import Door
from server.record.event import act
from server.record.likeness import Asked
from server.store import audit, likeness, recordset, resources
from server.store.row import Stored

if TYPE_CHECKING:
    from server.record.record import Record

_PATIENT = "Patient"

_MOST = 10
"""Of whom a child resembles, those asked about: with more there is something else amiss."""


def follow(record: "Record", children: Iterable[Asked]) -> None:
    """Compare children that were written; ask people about whom they resemble.

    Raises:
        Resembling: the agency has new children refused who resemble one that the caller may see.
    """
    for each in children:
        known = likeness.candidates(record.connection, each.child, each.keys)
        if each.new and known and record.access.agency.likeness == REFUSE and record.confirmed is None:
            _refuse(record, each, sorted(known))
        if known:
            _review(record, each, known)
        if each.new and record.confirmed is not None:
            line = act(record.access, record.at, "confirm-new", reason=record.confirmed, child=each.child)
            audit.record(record.connection, line)


def _review(record: "Record", each: Asked, known: Mapping[int, Sequence[str]]) -> None:
    how = record.door.hooks.likeness
    alike = (
        (how.weigh(each.whole, other), child)
        for child, texts in known.items()
        for other in [how.whole(texts)]
    )
    likely = sorted((weight, child) for weight, child in alike if weight >= how.review)[-_MOST:]
    if not likely:
        return
    decided = () if each.new else likeness.pairs(record.connection, each.child)
    over = {child for pair in decided for child in (pair.child, pair.other)}
    for _, child in reversed(likely):
        if child not in over:
            compared = how.compare(each.whole, how.whole(known[child]))
            review.ask(record, (each.child, each.id), child, compared)


def _refuse(record: "Record", each: Asked, known: Sequence[int]) -> None:
    """Raises Resembling: by what the caller is shown of them, and by nothing else."""
    how = record.door.hooks.likeness
    mine = how.whole([how.said(_without_others(record, each))])
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


def _without_others(record: "Record", each: Asked) -> Json:
    number = record.door.library.type_number(_PATIENT)
    written = resources.present(record.connection, _PATIENT, number, each.child, each.child)
    assert written is not None
    resource: Json = json.decode(written.body.encode())
    return resource


def shown(record: "Record", children: Iterable[int], letter: str) -> list[Stored]:
    """The Patients of these children that the caller may see, as it may see them."""
    if not record.access.may(_PATIENT, letter):
        return []
    view = record.access.view(_PATIENT, letter)
    places = recordset.text({"child": child, "rid": child} for child in children)
    number = record.door.library.type_number(_PATIENT)
    rows = resources.seen(view)(record.connection, places=places, type=number)
    return [redact.shown(resources.stored(_PATIENT, row)) for row in rows]


def shown_whole(door: Door, row: Stored) -> Any:
    """What a Patient says of its child to who is shown so much of it."""
    how = door.hooks.likeness
    return how.whole([how.said(json.decode(row.body.encode()))])
