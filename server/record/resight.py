"""Who sees a child and what is kept from whom, because of what an older release wrote: it noted neither.

A release from before 0009 knew agencies alone, and no decision about sharing.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from server.fhir import Json
from server.record import decided
from server.record.hook import Act
from server.record.places import BRINGING_IN, local_targets
from server.store import locator
from server.store.row import DENIED, OF_CHILD, Row, Sighting

if TYPE_CHECKING:
    from server.record.door import Door
    from server.store.database import Transaction

TYPES = BRINGING_IN | {decided.CONSENT, "RelatedPerson"}

Pairs = Sequence[tuple[Json, Row]]
_Known = dict[tuple[int, str], tuple[int, int]]


def complete(door: "Door", transaction: "Transaction", pairs: Pairs) -> None:
    """Give the rows of these resources the lines that writing them would have made, beside those of
    agencies: which are there."""
    targets = {each for resource, _ in pairs for each in local_targets(resource, door)}
    _hold(door, transaction, pairs)
    keys = {(door.library.type_number(type_), id_) for type_, id_ in targets}
    found = locator.places(transaction.connection, keys) if keys else {}
    known = {key: (child, rid) for key, (child, rid, _) in found.items()}
    for resource, row in pairs:
        row.sights = [each for each in _sights(door, resource, row, known) if each.principal < 0]
        row.decisions = decided.lines(door, known, door.hooks.decisions(resource))


def settle(door: "Door", transaction: "Transaction", rows: Iterable[Row]) -> None:
    """Let all that is known of their children follow the decisions that were not known before."""
    for child in sorted({row.child for row in rows if row.decisions}):
        decided.settle(door, transaction, child)


def _hold(door: "Door", transaction: "Transaction", pairs: Pairs) -> None:
    """What is written from here on about children of whom something is not to be shared is written so."""
    number = door.library.type_number("Patient")
    denying = (
        resource
        for resource, _ in pairs
        if any(each.effect == DENIED for each in door.hooks.decisions(resource))
    )
    ids = {id_ for each in denying for type_, id_ in local_targets(each, door) if type_ == "Patient"}
    for id_ in sorted(ids):
        locator.bury(transaction.connection, number, id_)


def _sights(door: "Door", resource: Json, row: Row, known: _Known) -> Iterable[Sighting]:
    def rid(reference: str) -> int | None:
        type_, _, id_ = reference.partition("/")
        place = known.get((door.library.type_number(type_), id_)) if type_ in door.types else None
        return place[1] if place else None

    # As of who is not named: by which no worker sees less than by the agency.
    act = Act(row.author, row.last_updated, row.restriction & OF_CHILD, named=False, rid=row.rid, rids=rid)
    return door.hooks.sightings(resource, act)
