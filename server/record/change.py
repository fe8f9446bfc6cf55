"""What a write makes of the resource that was sent: as it is to be kept, if it says anything new."""

from collections.abc import Callable
from datetime import datetime
from enum import Enum

from server.access import redact
from server.access.agency import Agency
from server.fhir import Json, json
from server.fhir.issue import Inapplicable, Malformed, Unprocessable
from server.fhir.meta import stamped
from server.record.door import Door
from server.record.staging import Slot
from server.store.row import Stored
from server.validation.validate import validate

Patch = Callable[[Json], Json]
"""From a resource to what it becomes."""

_OWNED = ("versionId", "lastUpdated")


class Change(Enum):
    """What an update came to."""

    CREATED = "created"
    CHANGED = "changed"
    NONE = "unchanged"


def to_keep(resource: Json, slot: Slot, at: datetime, door: Door, agency: Agency) -> Json:
    """The resource as it is to be stored.

    Raises:
        Malformed: it is not valid. Unprocessable: it is a part of one, or against a rule of the record.
    """
    made = stamped(resource, slot.id, slot.version, at)
    issues = validate(made)
    if issues:
        raise Malformed(issues=tuple(issues))
    withheld = slot.was is not None and slot.was.withheld
    if redact.is_part(made, shown_whole=not withheld):
        raise Unprocessable(
            "A resource marked SUBSETTED or REDACTED is a part of one, and cannot take its place."
        )
    if slot.was is not None and withheld:
        made = redact.restored(made, slot.was)
    for prepare in door.hooks.prepare:
        made = prepare(made, agency)
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
