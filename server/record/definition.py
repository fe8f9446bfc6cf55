"""A profile, code system, value set or map that is written takes effect, until it is deleted.

It is looked at when the transaction ends: what one Bundle brings may build on each other, in any order.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from server.definition.archive import decode
from server.definition.fault import faults
from server.definition.library import Library, shipped
from server.definition.library import library as in_force
from server.definition.overlay import KINDS
from server.fhir import Json
from server.fhir.issue import Conflict, Issue, Unprocessable
from server.record.added import OURSELVES, library_of
from server.store import definitions

if TYPE_CHECKING:
    from server.record.record import Record

_STRUCTURE = "StructureDefinition"
_NAME = "definitions"
"""Who writes definitions waits for others who do: each is looked at beside all that will be there."""


def settle(record: "Record") -> None:
    """See to it that what this transaction defines can be used, and let everybody know of it.

    Raises:
        Unprocessable: it cannot be used. Conflict: others are made of what was deleted.
    """
    written = [each for each in record.written if each.type in KINDS and each.author != OURSELVES]
    if not written:
        return
    record.alone(_NAME)
    texts = record.door.parameters.texts(record.connection)
    library = library_of(texts) or shipped()
    made = [decode(each.body.encode()) for each in written if not each.deleted]
    if found := [issue for each in made for issue in _errors(each, library)]:
        raise Unprocessable(issues=tuple(found))
    names = {(each.type, each.id) for each in written}
    others = [
        decode(each.body) for each in texts if each.kind == _STRUCTURE and (each.kind, each.id) not in names
    ]
    _hold_together(others, made, library, gone=any(each.deleted for each in written))
    definitions.changed(record.connection)
    record.afterwards(record.door.parameters.forget)


def _errors(definition: Json, library: Library) -> Iterator[Issue]:
    kind, url = definition["resourceType"], definition.get("url", "")
    if shipped().is_own(kind, url):
        told = f"'{url}' ships with the server, and cannot be defined anew: give it a canonical of its own."
        yield Issue("business-rule", told, (f"{kind}.url",))
    elif definition.get("status") != "retired" and not shipped().ships(kind, url):
        yield from (each for each in faults(definition, library) if each.severity == "error")


def _hold_together(others: Sequence[Json], made: Sequence[Json], library: Library, *, gone: bool) -> None:
    """What was there before and derives from what changed can still be made of it."""
    changed = {each["url"] for each in made if each["resourceType"] == _STRUCTURE}
    for each in _below(changed, others):
        for fault in _errors(each, library):
            told = f"'{each['url']}' derives from it, and could not any more: {fault.diagnostics}"
            raise Unprocessable(told)
    for each in others if gone else ():
        base = _STRUCTURE, _base(each)
        if base in in_force() and base not in library:
            raise Conflict(
                f"'{each['url']}' derives from '{_base(each)}': it has to be deleted first, or with it."
            )


def _below(changed: set[str], others: Sequence[Json]) -> Iterator[Json]:
    """Those that derive from what changed, or from others that do."""
    while found := [each for each in others if _base(each) in changed and each["url"] not in changed]:
        yield from found
        changed = changed | {each["url"] for each in found}


def _base(definition: Json) -> str:
    return str(definition.get("baseDefinition", "")).partition("|")[0]
