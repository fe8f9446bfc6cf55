"""A SearchParameter that is written is searched by, and one that is taken away is not.

https://hl7.org/fhir/R4/searchparameter.html
"""

from typing import TYPE_CHECKING

from server.fhir import Json
from server.search import admit
from server.store import parameters, reindex
from server.store.parameters import Kept

if TYPE_CHECKING:
    from server.record.record import Record

TYPE = "SearchParameter"


def written(record: "Record", definition: Json) -> None:
    """Search by it from now on, once all resources are indexed by it.

    Raises:
        Unprocessable: it cannot be searched by.
    """
    record.alone(TYPE)
    every = parameters.every(record.connection)
    before = next((each for each in every if each.id == definition["id"]), None)
    if not admit.in_force(definition):
        _leave(record, before)
        return
    admit.require_admissible(definition, [each.definition for each in every if each is not before])
    decisive = admit.decisive(definition)
    if before is None or before.definition != decisive:
        parameters.put(record.connection, definition["id"], decisive, complete=False)
        _changed(record, definition["id"], {*admit.types(decisive), *(_types(before))})


def deleted(record: "Record", id_: str) -> None:
    """Search by it no longer, and take away what it was found by."""
    record.alone(TYPE)
    every = parameters.every(record.connection)
    _leave(record, next((each for each in every if each.id == id_), None))


def _leave(record: "Record", before: Kept | None) -> None:
    if before is not None:
        parameters.remove(record.connection, before.id)
        _changed(record, before.id, {*_types(before)})


def _types(before: Kept | None) -> tuple[str, ...]:
    return admit.types(before.definition) if before is not None else ()


def _changed(record: "Record", id_: str, types: set[str]) -> None:
    numbers = map(record.door.library.type_number, types)
    reindex.leave(record.connection, id_, numbers)
    # Last: who indexes holds a job first, and then this.
    parameters.changed(record.connection)
    record.afterwards(record.door.parameters.forget)
    record.afterwards(record.door.woken.set)
