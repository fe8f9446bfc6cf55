"""Two children who may be one: a Task asks people, and what they decide is kept for ever.

The Task is sealed, for those alone who decide; and about both, so that only who sees both sees it. Its
`for` and its `focus` are the two records, to be had side by side with `_include`. What speaks for and against
stands in its `input`, a comparison each. Nothing is merged by a decision: that is another operation.

https://hl7.org/fhir/R4/task.html
"""

from hashlib import blake2b
from typing import TYPE_CHECKING

from server.fhir import Json, json
from server.fhir.issue import Conflict, Invalid, NotFound
from server.fhir.meta import SEAL, instant, stamped
from server.fhir.reference import parse
from server.record import entitled
from server.record.added import OURSELVES
from server.record.event import act
from server.record.hook import Compared
from server.record.staging import Slot
from server.store import audit, likeness, locator, resources
from server.store.row import Stored

if TYPE_CHECKING:
    from server.record.record import Record

ACT = "decide"
_SYSTEMS = "https://w3id.org/single-child-record/CodeSystem/"
CODE: Json = {"system": f"{_SYSTEMS}worklist-code", "code": "same-child", "display": "Is it the same child?"}
COMPARISONS = f"{_SYSTEMS}identity-comparison"
DECISIONS = f"{_SYSTEMS}identity-decision"

STATES = {"same": likeness.SAME, "different": likeness.DIFFERENT, "unsure": likeness.UNSURE}
"""What may be decided."""

_STATUS = {"same": "completed", "different": "completed", "unsure": "on-hold"}
_ASKS = "These two records may be of one child. Please decide: same, different, or unsure."
_LOOKED_FOR = "An agency looked for a child, and was not shown this one. Please see whether it is to be told."
_TASK, _PATIENT = "Task", "Patient"


# ---- the question ------------------------------------------------------------------------------------------


def ask(record: "Record", patient: Stored, other: int, compared: Compared) -> None:
    """Put a pair on the list: the child of a Patient, and another one."""
    number, child = record.door.library.type_number(_PATIENT), patient.child
    held = resources.present(record.connection, _PATIENT, number, other, other)
    if held is None:
        return
    pair = f"{min(child, other)}/{max(child, other)}"
    # Both may be compared at this moment, each with the other.
    record.alone(f"same-child {pair}")
    if likeness.pair(record.connection, child, other):
        return
    task = task_of(record, pair)
    likeness.ask(record.connection, child, other, compared.weight, task, record.at)
    known, written = sorted((patient, held), key=lambda row: (row.last_updated, row.rid))
    both = {"for": written, "focus": known}
    named = {name: {"reference": f"{_PATIENT}/{row.id}"} for name, row in both.items()}
    stage(record, task, {**named, **_said(record, compared)})


def ask_for(record: "Record", asked: Json, known: int, compared: Compared, key: str) -> None:
    """Ask about a child that somebody looked for and may not see: is it this one? `key`: of the question."""
    number = record.door.library.type_number(_PATIENT)
    held = resources.present(record.connection, _PATIENT, number, known, known)
    if held is None:
        return
    record.alone(f"same-child {key}")
    said = _said(record, compared)
    wanted = {"type": {"text": "Who was looked for"}, "valueReference": {"reference": "#asked"}}
    stage(
        record,
        task_of(record, key),
        {
            "contained": [{**asked, "id": "asked"}],
            "for": {"reference": f"{_PATIENT}/{held.id}"},
            **said,
            "description": _LOOKED_FOR,
            "input": [wanted, *said["input"]],
        },
    )


def task_of(record: "Record", key: str) -> str:
    """The id of what asks about a pair: the same each time, and nobody else could have taken it."""
    secret = record.door.hasher.derived("likeness")
    return blake2b(key.encode(), key=secret, digest_size=16).hexdigest()


def _said(record: "Record", compared: Compared) -> Json:
    reason = {"reasonCode": {"text": record.confirmed}} if record.confirmed else {}
    weight = {"type": {"text": "Match weight, in bits"}, "valueDecimal": round(compared.weight, 2)}
    share = {"type": {"text": "Probability"}, "valueDecimal": round(compared.probability, 6)}
    return {**reason, "input": [weight, share, *map(_evidence, compared.evidence)]}


def _evidence(each: tuple[str, str, float]) -> Json:
    comparison, words, weight = each
    coding = {"system": COMPARISONS, "code": comparison.replace("_", "-")}
    return {"type": {"coding": [coding], "text": words}, "valueDecimal": round(weight, 2)}


def stage(record: "Record", id_: str, said: Json) -> None:
    """The Task, unless it is there."""
    number = record.door.library.type_number(_TASK)
    if record.staged(_TASK, id_) or locator.places(record.connection, [(number, id_)]):
        return
    at, owner = instant(record.at), _owner(record)
    task: Json = {
        "resourceType": _TASK,
        # Whoever does not decide learns of no pair: it may be one of whom it does not see the other.
        "meta": {"security": [SEAL]},
        "status": "requested",
        "intent": "order",
        "code": {"coding": [CODE]},
        "description": _ASKS,
        "authoredOn": at,
        "lastModified": at,
        "requester": {"reference": record.access.agency.organization},
        **({"owner": {"reference": owner}} if owner else {}),
        **said,
    }
    slot = Slot(id_, record.door.rids.take(record.connection), 1, OURSELVES)
    record.stage_ours("create", stamped(task, id_, 1, record.at), slot)


def _owner(record: "Record") -> str | None:
    """The agency that decides: one of the caller's authority before others."""
    here = record.access.agency.authority
    deciding = [
        (agency.authority != here, agency.code, agency.organization)
        for agency in record.door.agencies.values()
        if any(ACT in right.operations and right.speaks_of(_TASK) for right in agency.rights)
    ]
    return min(deciding)[2] if deciding else None


# ---- the answer --------------------------------------------------------------------------------------------


def decide(record: "Record", id_: str, decision: str, reason: str) -> Stored:
    """What an entitled person says of a pair; it can be said otherwise later.

    Raises:
        NotFound: there is no such Task that the caller may see. Forbidden: it is not for it to decide.
        Invalid: it asks about no pair. Conflict: the two are one already, or gone.
    """
    place, _ = entitled.found(record, ACT, "u", _TASK, id_)
    number = record.door.library.type_number(_TASK)
    record.begin()
    locator.lock(record.connection, number, id_)
    held = resources.present(record.connection, _TASK, number, place.child, place.rid)
    if held is None:
        raise NotFound(f"{_TASK}/{id_} was not found.")
    task: Json = json.decode(held.body.encode())
    one, other = _children(record, task)
    if task["status"] == "cancelled" or one == other:
        raise Conflict("There is nothing to decide any more: one of the two is gone, or they are one.")
    access = record.access
    likeness.decide(record.connection, one, other, STATES[decision], _decider(record, reason))
    line = act(
        access, record.at, "identity-decision", reason=reason, query=decision, child=one, hits=(held.rid,)
    )
    audit.record(record.connection, line)
    _stage_next(record, held, {**task, **_decided(record, decision, reason)})
    record.flush()
    written = resources.present(record.connection, _TASK, number, place.child, place.rid)
    assert written is not None
    return written


def concluded(record: "Record", one: int, other: int, decision: str, reason: str) -> None:
    """Two records were merged, or taken apart: whoever does that has decided of the pair."""
    pair = likeness.pair(record.connection, one, other)
    likeness.decide(record.connection, one, other, STATES[decision], _decider(record, reason))
    number = record.door.library.type_number(_TASK)
    place = locator.lock(record.connection, number, pair.task) if pair and pair.task else None
    held = resources.present(record.connection, _TASK, number, *place) if place else None
    if held is not None:
        task: Json = json.decode(held.body.encode())
        _stage_next(record, held, {**task, **_decided(record, decision, reason)})
        record.flush()


def _decider(record: "Record", reason: str) -> likeness.Decider:
    access = record.access
    account = access.user.id if access.user else None
    return likeness.Decider(record.at, access.agency.number, access.client, account, reason)


def _children(record: "Record", task: Json) -> tuple[int, int]:
    if not any(each.get("code") == CODE["code"] for each in task["code"]["coding"]) or "focus" not in task:
        raise Invalid("This Task asks about no two records.")
    number = record.door.library.type_number(_PATIENT)
    keys = [(number, parse(task[name]["reference"]).id or "") for name in ("for", "focus")]
    places = locator.places(record.connection, keys)
    if len(set(keys) & places.keys()) < len(keys):
        raise Conflict("There is nothing to decide any more: one of the two is gone.")
    one, other = (places[key][0] for key in keys)
    return one, other


def _decided(record: "Record", decision: str, reason: str) -> Json:
    user = record.access.user
    who = user.reference if user else record.access.agency.organization
    coding = {"coding": [{"system": DECISIONS, "code": decision}]}
    return {
        "status": _STATUS[decision],
        "businessStatus": coding,
        "lastModified": instant(record.at),
        "output": [{"type": {"text": "Decision"}, "valueCodeableConcept": coding}],
        "note": [{"authorReference": {"reference": who}, "time": instant(record.at), "text": reason}],
    }


def _stage_next(record: "Record", held: Stored, task: Json) -> None:
    record.after(held.last_updated)
    slot = Slot(held.id, held.rid, held.version + 1, OURSELVES, home=held.child, was=held)
    record.stage_ours("update", stamped(task, held.id, slot.version, record.at), slot)


def gone(record: "Record", patient: Stored) -> None:
    """A Patient is deleted: nothing is asked about it any more."""
    open_ = [each for each in likeness.pairs(record.connection, patient.child) if each.task]
    for each in open_:
        _cancel(record, each.task or "")
    if open_:
        likeness.close(record.connection, patient.child)


def _cancel(record: "Record", id_: str) -> None:
    number = record.door.library.type_number(_TASK)
    place = locator.lock(record.connection, number, id_)
    held = resources.present(record.connection, _TASK, number, *place) if place else None
    if held is None:
        return
    task: Json = json.decode(held.body.encode())
    if task["status"] in ("requested", "on-hold"):
        _stage_next(record, held, {**task, "status": "cancelled", "lastModified": instant(record.at)})
