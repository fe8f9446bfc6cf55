"""Whom an alert asks says what becomes of it: the one thing of the server's Task that is not the server's."""

from server.child.alert.definition import ALERTS
from server.fhir import Json, json
from server.fhir.issue import Conflict, Forbidden, Invalid, NotFound
from server.fhir.meta import instant, stamped
from server.record.added import OURSELVES
from server.record.record import Record
from server.record.staging import Slot
from server.store import locator, resources
from server.store.row import Stored

STATES = ("accepted", "in-progress", "on-hold", "completed", "rejected")
"""What may be said."""

_OVER = frozenset({"completed", "rejected", "cancelled"})
_TASK = "Task"


def answer(record: Record, id_: str, status: str, note: str) -> Stored:
    """The Task with the answer.

    Raises:
        NotFound: there is none that the caller may see. Invalid: it is of no alert. Forbidden: it asks
            another agency, or the caller may write no Task. Conflict: it is over.
    """
    record.access.view(_TASK, "u")
    seen = record.read(_TASK, id_)
    record.begin()
    number = record.door.library.type_number(_TASK)
    place = locator.lock(record.connection, number, id_)
    held = resources.present(record.connection, _TASK, number, *place) if place else None
    if held is None:
        raise NotFound(f"{_TASK}/{id_} was not found.")
    task: Json = json.decode(held.body.encode())
    if held.author != OURSELVES or not any(each.get("system") == ALERTS for each in task["code"]["coding"]):
        raise Invalid("This Task is of no alert: it is answered by changing it.")
    if not seen.whole or seen.withheld or task["owner"]["reference"] != record.access.agency.organization:
        raise Forbidden("This Task does not ask the caller's agency.")
    if task["status"] in _OVER:
        raise Conflict(f"This Task is {task['status']} already.")
    record.after(held.last_updated)
    slot = Slot(id_, held.rid, held.version + 1, OURSELVES, home=held.child, was=held)
    said = {**task, "status": status, "lastModified": instant(record.at), **_noted(record, task, note)}
    record.stage_ours("update", stamped(said, id_, slot.version, record.at), slot)
    record.flush()
    written = resources.present(record.connection, _TASK, number, held.child, held.rid)
    assert written is not None
    return written


def _noted(record: Record, task: Json, note: str) -> Json:
    if not note:
        return {}
    user = record.access.user
    who = user.reference if user else record.access.agency.organization
    said = {"authorReference": {"reference": who}, "time": instant(record.at), "text": note}
    return {"note": [*task.get("note", ()), said]}
