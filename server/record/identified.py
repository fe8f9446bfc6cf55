"""Identifiers decide who a child is: those of now, and those that led to a child before.

That a Patient has one that is another's is refused here; `record.refusal` names the other to who may see it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from server.fhir import Json
from server.fhir.issue import Duplicate
from server.record.door import Door
from server.store import likeness
from server.store.row import Row, Stored

if TYPE_CHECKING:
    from server.record.record import Record
    from server.record.staging import Staged

_PATIENT = "Patient"
_WHERE = "Patient.identifier"


def claimed(door: Door, connection: Any, pairs: Sequence[tuple["Staged", Row]]) -> None:
    """Raises Duplicate where a new child has an identifier that led to another before."""
    mine = {row.child for _, row in pairs}
    wanted = [
        tuple(claim for claim in door.hooks.identity(one.resource) if claim[0] in door.hooks.superseding)
        for one, _ in pairs
        if one.type == _PATIENT and one.slot.was is None
    ]
    every = [claim for claims in wanted for claim in claims]
    if every and any(child not in mine for *_, child in likeness.superseded(connection, every)):
        told = "A Patient with one of these identifiers exists: one child, one record."
        raise Duplicate(told, expression=_WHERE, claims=tuple(filter(None, wanted)))


def same_child(record: "Record", sent: Json, found: Stored) -> None:
    """Raises Duplicate where a condition finds one child, and what was to be written has an identifier of
    another."""
    wanted = record.door.hooks.identity(sent)
    if wanted and any(child != found.child for *_, child in likeness.holders(record.connection, wanted)):
        told = (
            "The condition finds one child, and an identifier of the Patient that was sent is that of "
            "another: one child, one record."
        )
        raise Duplicate(told, expression=_WHERE, claims=(tuple(wanted),))
