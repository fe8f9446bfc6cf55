"""What a write makes of the resource that was sent: as it is to be kept, if it says anything new."""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING

from server.access import redact
from server.fhir import Json, json
from server.fhir.issue import Inapplicable, Issue, Unprocessable
from server.fhir.meta import stamped
from server.record import judge, mark
from server.record.kept import kept
from server.record.staging import Slot
from server.store.row import Stored

if TYPE_CHECKING:
    from server.record.record import Record

Patch = Callable[[Json], Json]
"""From a resource to what it becomes."""

_OWNED = ("versionId", "lastUpdated")


class Change(Enum):
    """What an update came to."""

    CREATED = "created"
    CHANGED = "changed"
    NONE = "unchanged"


def to_keep(resource: Json, slot: Slot, record: "Record") -> tuple[Json, tuple[Issue, ...]]:
    """The resource as it is to be stored, and the faults with which the agency's policy accepts it.

    Raises:
        Malformed: it is not valid. Unprocessable: it is a part of one, or against a rule of a profile or of
            the record.
    """
    made = stamped(mark.taken_off(resource), slot.id, slot.version, record.at)
    found = judge.faults(made, record)
    if any(map(judge.is_basic, found)):
        judge.tolerated(found, record)
    withheld = slot.was is not None and slot.was.withheld
    if redact.is_part(made, shown_whole=not withheld):
        raise Unprocessable(
            "A resource marked SUBSETTED or REDACTED is a part of one, and cannot take its place."
        )
    prepared = _prepared(made, slot, record, found)
    if slot.was is not None and slot.was.fixed:
        redact.unchanged(prepared, slot.was)
    stays_marked = False
    if prepared is not made:
        every = judge.faults(prepared, record)
        found = _of_what_was_sent(every, made, slot, record)
        stays_marked = len(found) < len(every) and slot.was is not None and mark.is_marked(slot.was)
    accepted = judge.tolerated(found, record)
    return (mark.put_on(prepared) if accepted or stays_marked else prepared), accepted


def _of_what_was_sent(every: list[Issue], made: Json, slot: Slot, record: "Record") -> list[Issue]:
    """The faults but for those of elements that were put back: their writer is not told of them, nor held to
    them."""
    was = slot.was
    if (
        was is None
        or not was.withheld
        or not any(redact.is_of_hidden(each.expression, was) for each in every)
    ):
        return every
    own = judge.faults(redact.visible(made, was), record)
    return [each for each in every if each in own or not redact.is_of_hidden(each.expression, was)]


def _prepared(made: Json, slot: Slot, record: "Record", found: Sequence[Issue]) -> Json:
    """With what its writer was not shown put back, and as the domain wants it."""
    if slot.was is not None and slot.was.withheld:
        made = redact.restored(made, slot.was)
    if slot.was is not None and slot.put:
        made = kept(made, slot.was, record)
    try:
        for prepare in record.door.hooks.prepare:
            made = prepare(made, record.access.agency)
        if acting := record.door.hooks.acting.get(made["resourceType"]):
            made = acting.prepared(record, made, slot)
    except Unprocessable as refusal:
        # Whoever is refused is told everything at once.
        raise Unprocessable(issues=(*found, *refusal.issues)) from refusal
    return made


def says_the_same(made: Json, held: Stored) -> bool:
    """Whether a resource differs from a version in nothing that a client can say."""
    return json.identical(_said(made), _said(json.decode(held.body.encode())))


def _said(resource: Json) -> Json:
    meta = {name: value for name, value in resource.get("meta", {}).items() if name not in _OWNED}
    return {**resource, "meta": meta}


def patched(held: Stored, change: Patch) -> Json:
    """What a patch makes of a version: still the same resource.

    Raises:
        Inapplicable: it would become another.
    """
    before: Json = json.decode(held.body.encode())
    # What can be said in one patch may add up to more than can be read: so it is read once more.
    after: Json = json.decode(json.encode(change(before)))
    for name in ("resourceType", "id"):
        if after.get(name) != before[name]:
            raise Inapplicable(f"A patch cannot change '{name}' of a resource.", expression=name)
    return after
