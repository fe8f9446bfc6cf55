"""What was accepted though it breaks a rule of a profile is tagged, and a Task asks the agency to correct it.

The Task holds the outcome, stands on the worklist of the agency that wrote, and is closed by the version that
is right.

https://hl7.org/fhir/R4/task.html
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from server.fhir import Json, json
from server.fhir.issue import Issue
from server.fhir.meta import instant, stamped
from server.fhir.outcome import outcome
from server.record.added import OURSELVES
from server.record.staging import Slot
from server.store import locator, resources
from server.store.row import Stored

if TYPE_CHECKING:
    from server.record.record import Record

_SYSTEMS = "https://w3id.org/single-child-record/CodeSystem/"
TAG: Json = {"system": f"{_SYSTEMS}record-mark", "code": "profile-not-kept"}
CODE: Json = {"system": f"{_SYSTEMS}worklist-code", "code": "correct", "display": "Correct a resource"}

_TASK, _OUTCOME = "Task", "outcome"
_ASKS = "The resource was accepted though it breaks a rule of its profile. Please correct it."


# ---- the tag -----------------------------------------------------------------------------------------------


def taken_off(resource: Json) -> Json:
    """The resource as its writer means it: whether it bears the tag is not for the writer to say."""
    meta = resource.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    if not (isinstance(tags, list) and any(map(_is_tag, tags))):
        return resource
    assert isinstance(meta, dict)
    left = [tag for tag in tags if not _is_tag(tag)]
    rest = {name: value for name, value in meta.items() if name != "tag"}
    return {**resource, "meta": {**rest, "tag": left} if left else rest}


def put_on(resource: Json) -> Json:
    """The resource with the tag."""
    meta = resource["meta"]
    return {**resource, "meta": {**meta, "tag": [*meta.get("tag", ()), TAG]}}


def _tags(resource: Json) -> Sequence[object]:
    found: Sequence[object] = resource["meta"].get("tag", ())
    return found


def _is_tag(tag: object) -> bool:
    return isinstance(tag, dict) and all(tag.get(name) == value for name, value in TAG.items())


def is_marked(held: Stored) -> bool:
    """Whether a version was accepted though it breaks a rule."""
    # Nearly none does, and few are read for it.
    return TAG["code"] in held.body and any(map(_is_tag, _tags(json.decode(held.body.encode()))))


# ---- the Task ----------------------------------------------------------------------------------------------


def follow(record: "Record", resource: Json, slot: Slot, faults: Sequence[Issue]) -> None:
    """A version is staged, with these faults: the agency is asked to correct it, or no longer."""
    if faults:
        _stage(record, _opened(record, resource, faults), anew=slot.version == 1)
    elif slot.was is not None and is_marked(slot.was) and not any(map(_is_tag, _tags(resource))):
        _close(record, slot.was, "completed")


def gone(record: "Record", held: Stored) -> None:
    """A resource is deleted: there is nothing left to correct."""
    if is_marked(held):
        _close(record, held, "cancelled")


def _opened(record: "Record", resource: Json, faults: Sequence[Issue]) -> Json:
    type_, id_ = resource["resourceType"], resource["id"]
    child, at = record.around.child(resource), instant(record.at)
    return {
        "resourceType": _TASK,
        "id": task_id(record, type_, id_),
        "contained": [{**outcome(tuple(faults)), "id": _OUTCOME}],
        "status": "requested",
        "intent": "order",
        "code": {"coding": [CODE]},
        "description": _ASKS,
        "focus": {"reference": f"{type_}/{id_}"},
        **({"for": {"reference": child}} if child else {}),
        "authoredOn": at,
        "lastModified": at,
        "owner": {"reference": record.access.agency.organization},
        "input": [{"type": {"text": "What is wrong"}, "valueReference": {"reference": f"#{_OUTCOME}"}}],
    }


def _close(record: "Record", held: Stored, status: str) -> None:
    found = _held(record, task_id(record, held.type, held.id))
    if found is not None and not found.deleted:
        task: Json = json.decode(found.body.encode())
        _stage(record, {**task, "status": status, "lastModified": instant(record.at)})


def _stage(record: "Record", task: Json, *, anew: bool = False) -> None:
    """The next version of a Task, or the first."""
    held = None if anew else _held(record, task["id"])
    if held is None:
        slot = Slot(task["id"], record.door.rids.take(record.connection), 1, OURSELVES)
    else:
        was = None if held.deleted else held
        slot = Slot(held.id, held.rid, held.version + 1, OURSELVES, home=held.child, was=was)
        record.after(held.last_updated)
    made = stamped(task, slot.id, slot.version, record.at)
    record.stage_ours("update" if slot.was else "create", made, slot)


def _held(record: "Record", id_: str) -> Stored | None:
    """The newest version of a Task, held against others."""
    if record.staged(_TASK, id_):
        record.flush()
    record.begin()
    number = record.door.library.type_number(_TASK)
    place = locator.lock(record.connection, number, id_)
    if place is None:
        return None
    present = resources.present(record.connection, _TASK, number, *place)
    latest = None if present else resources.latest_version(record.connection, place[0], number, place[1])
    if latest is None:
        return present
    version, _, at = latest
    return Stored(_TASK, id_, *place, version, at, "", OURSELVES, deleted=True)


def task_id(record: "Record", type_: str, id_: str) -> str:
    """Of the Task about a resource: the same each time, and nobody else could have taken it."""
    key = record.door.hasher.derived("worklist")
    return blake2b(f"{type_}/{id_}".encode(), key=key, digest_size=16).hexdigest()
