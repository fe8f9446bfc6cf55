"""A Patient is merged into another: all that is known of either is known of the one child that both are.

https://hl7.org/fhir/R5/patient-operation-merge.html
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

from server import clock
from server.fhir import Json, json
from server.fhir.issue import Conflict, Unprocessable
from server.fhir.meta import instant, stamped
from server.record import review
from server.record.added import OURSELVES
from server.record.entitled import found
from server.record.event import act
from server.record.merge import patients
from server.record.merge.alias import Aliases
from server.record.merge.regroup import PATIENT, Regrouped, hold, present, regroup, restrict
from server.record.staging import Slot
from server.store import audit
from server.store.expunge.find import Place
from server.store.merge import ledger, sights, versions
from server.store.merge.ledger import Before, Line, Merge
from server.store.merge.sights import LABELS, Side
from server.store.row import Stored

if TYPE_CHECKING:
    from server.record.record import Record

MERGE, UNMERGE = "merge", "unmerge"
RIGHT = "merge"
"""What a right names of whose holder both may be called."""

TASK = "Task"
CODE: Json = {
    "system": "https://w3id.org/single-child-record/CodeSystem/worklist-code",
    "code": "review-unmerge",
    "display": "Review what was written while two records were one",
}
_ASKS = (
    "Two records that had been merged were taken apart. What was written meanwhile went to the child that it "
    "names: please see whether that is the right one."
)
_LISTED = 1000
"""What one Task names at most."""


@dataclass(frozen=True, slots=True)
class Undone:
    """`written`: what was written while the two were one, by its name."""

    source: Stored
    target: Stored
    written: tuple[str, ...]
    task: str | None


def merge(
    record: "Record", source_id: str, target_id: str, result: Json | None, reason: str | None
) -> Stored:
    """The Patient that is left in use.

    Raises:
        NotFound, Forbidden: as `entitled.found` says it. Unprocessable: the two cannot be merged.
    """
    if source_id == target_id:
        raise Unprocessable("The source and the target are the same Patient.")
    record.begin()
    places = {id_: _entitled(record, id_) for id_ in (source_id, target_id)}
    hold(record, places, {each.child for each in places.values()})
    source, target = (_in_use(record, id_, "source" if id_ == source_id else "target") for id_ in places)
    before, labels = _sides(record, source, target)
    live = ledger.live(record.connection, (source.rid, target.rid))
    _write(record, source, patients.replaced(content(source), target_id))
    given = content(target) if result is None else result
    more = patients.missing(given, content(source))
    made = Merge(
        target.rid, source.rid, clock.new_id(), source_id, target_id,
        Before(
            source.version + 1, target.version + 1, tuple(before[0].lines), tuple(before[1].lines),
            tuple(sights.holds(record.connection, source.rid)), before[1].labels,
            tuple((each["system"], each["value"]) for each in more), before[0].labels,
        ),
        reason, record.at, record.access.agency.number, record.access.client,
        record.access.user.id if record.access.user else None,
    )  # fmt: skip
    ledger.add(record.connection, made)
    every = [*live, made]
    after = Aliases.of(record.door.hasher, every)
    regroup(record, Aliases.of(record.door.hasher, every, but=made), after)
    sights.put(record.connection, source.rid, ())
    sights.put(record.connection, target.rid, sights.together(*before))
    sights.move_holds(record.connection, source.rid, target.rid, made.before.holds)
    target = _again(record, target)
    _write(record, target, patients.replacing(given, content(source), labels))
    restrict(record, [target.rid])
    review.concluded(record, source.rid, target.rid, "same", reason or "They were merged.")
    _account(record, MERGE, made, reason)
    return _again(record, target)


def previewed(record: "Record", source_id: str, target_id: str) -> None:
    """Account for it that somebody was shown what would come of it."""
    source, target = (_entitled(record, id_) for id_ in (source_id, target_id))
    said = f"preview of Patient/{source_id} into Patient/{target_id}"
    line = replace(act(record.access, record.at, MERGE, query=said), hits=(source.rid, target.rid))
    audit.record_of_several(record.connection, line, {source.child, target.child})


def unmerge(record: "Record", source_id: str, reason: str | None) -> Undone:
    """The two as they would be if they had never been one.

    Raises:
        NotFound, Forbidden: as `entitled.found` says it. Unprocessable: the Patient is merged into none.
    """
    record.begin()
    place = _entitled(record, source_id)
    undone = _merge_of(record, place)
    _entitled(record, undone.target_id)
    roots = {place.child}
    every = ledger.live(record.connection, (undone.source, undone.child))
    hold(record, {undone.source_id, undone.target_id}, roots)
    if _entitled(record, source_id) != place or _merge_of(record, place) != undone:
        raise Conflict("It was being changed at that moment: send the request again.")
    before = Aliases.of(record.door.hasher, every)
    after = Aliases.of(record.door.hasher, every, but=undone)
    target = present(record, place.child, undone.child)
    source = present(record, place.child, undone.source)
    if target is None or source is None:
        raise Unprocessable("One of the two Patients is not there any more.")
    # Where the target is merged itself, its next version would take away who sees the child because of it.
    seen = sights.lines(record.connection, place.child)
    _write(record, target, _restored(record, undone, target, every))
    versions_made = source.version + 1, target.version + 1
    ledger.undo(record.connection, undone, record.at, reason, versions_made)
    regrouped = regroup(record, before, after)
    _apart(record, undone, regrouped, after, seen)
    source = present(record, after.root(source.rid), source.rid)
    assert source is not None
    _write(record, source, _source_before(record, undone, source))
    restrict(record, {after.root(undone.child), after.root(undone.source)})
    written = _written(record, undone, regrouped)
    review.concluded(record, undone.source, undone.child, "different", reason or "They were taken apart.")
    task = _task(record, undone, written, reason) if written else None
    _account(record, UNMERGE, undone, reason)
    target = present(record, after.root(undone.child), undone.child)
    source = present(record, after.root(undone.source), undone.source)
    assert source is not None
    assert target is not None
    return Undone(source, target, written, task)


# ---- who and what ------------------------------------------------------------------------------------------


def _entitled(record: "Record", id_: str) -> Place:
    return found(record, RIGHT, "u", PATIENT, id_)[0]


def _in_use(record: "Record", id_: str, which: str) -> Stored:
    """A Patient that can be merged."""
    place = _entitled(record, id_)
    held = present(record, place.child, place.rid)
    if held is None:
        raise Unprocessable(f"The {which} Patient/{id_} was deleted.")
    if place.child != place.rid:
        raise Unprocessable(f"The {which} Patient/{id_} has been merged into another Patient already.")
    return held


def _merge_of(record: "Record", place: Place) -> Merge:
    for each in ledger.live(record.connection, [place.rid]):
        if each.source == place.rid:
            return each
    raise Unprocessable(f"Patient/{place.id} is merged into no other Patient.")


def _sides(record: "Record", source: Stored, target: Stored) -> tuple[tuple[Side, Side], tuple[str, ...]]:
    """The labels on the two and who sees them; and the labels that the target is given."""
    first, second = (
        Side(each.restriction & LABELS, sights.lines(record.connection, each.rid))
        for each in (source, target)
    )
    return (first, second), patients.stricter(first.labels, second.labels)


def _again(record: "Record", held: Stored) -> Stored:
    number = record.door.library.type_number(PATIENT)
    record.flush()
    place = versions.place_of(record.connection, number, held.id)
    found_ = present(record, *place)
    assert found_ is not None
    return found_


def content(held: Stored) -> Json:
    content: Json = json.decode(held.body.encode())
    return content


def _write(record: "Record", held: Stored, content: Json) -> None:
    """The next version of a Patient, as the server has it."""
    record.after(held.last_updated)
    slot = Slot(held.id, held.rid, held.version + 1, held.author, home=held.child, was=held)
    record.stage_ours("update", stamped(content, slot.id, slot.version, record.at), slot)
    record.flush()


def _account(record: "Record", interaction: str, what: Merge, reason: str | None) -> None:
    said = f"Patient/{what.source_id} {'into' if interaction == MERGE else 'out of'} Patient/{what.target_id}"
    line = act(record.access, record.at, interaction, reason=reason, query=said, child=what.child)
    line = replace(line, hits=(what.source, what.child))
    audit.record_of_several(record.connection, line, {what.source, what.child})


# ---- undone ------------------------------------------------------------------------------------------------


def _restored(record: "Record", undone: Merge, target: Stored, every: Sequence[Merge]) -> Json:
    """The target as it was, or if it was changed since, without what the merge gave it."""
    if target.version == undone.before.target:
        return content(_past(record, target, undone.before.target - 1))
    since = range(undone.before.target + 1, target.version + 1)
    if not ledger.made(record.connection, target.rid).issuperset(since):
        # A label stays: whoever has written it since may have meant it.
        return patients.restored(content(target), undone.source_id, undone.before)
    others = (each.before.borne for each in every if each.child == undone.child and each != undone)
    gone = reduce(lambda bits, borne: bits & ~borne, others, undone.before.given)
    return patients.restored(content(target), undone.source_id, undone.before, patients.labels(gone))


def _source_before(record: "Record", undone: Merge, source: Stored) -> Json:
    was = content(_past(record, source, undone.before.source - 1))
    return patients.returned(content(source), was, undone.target_id)


def _past(record: "Record", held: Stored, version: int) -> Stored:
    number = record.door.library.type_number(PATIENT)
    found = versions.past(record.connection, PATIENT, number, held.child, held.rid, version)
    if found is None:
        raise Unprocessable(f"What Patient/{held.id} was before the merge is not there any more.")
    return found


def _apart(
    record: "Record", undone: Merge, regrouped: Regrouped, after: Aliases, now: Sequence[Line]
) -> None:
    """Who sees which of the two, and on which a hold lies. `now`: who sees the child that they were."""
    connection = record.connection
    leaving, staying = after.root(undone.source), after.root(undone.child)
    source, target = (Side(0, lines) for lines in (undone.before.sights, undone.before.met))
    gone, left = sights.apart(now, regrouped.home, leaving, source, target)
    sights.put(connection, leaving, gone)
    sights.put(connection, staying, left)
    own = f"{PATIENT}/{undone.source_id}"
    lying = sights.holds(connection, staying)
    ids = {
        id_
        for id_, (rid, resource) in lying.items()
        if id_ in undone.before.holds or resource == own or (rid and regrouped.home(rid) == leaving)
    }
    sights.move_holds(connection, staying, leaving, ids)


def _written(record: "Record", undone: Merge, regrouped: Regrouped) -> tuple[str, ...]:
    """What was written while the two were one."""
    own = {(undone.source, undone.before.source), (undone.child, undone.before.target)}
    names = {
        (each.version.type, each.version.id)
        for each in regrouped.placings
        if each.version.last_updated > undone.merged
        and each.version.last_updated < record.at
        and (each.version.rid, each.version.version) not in own
    }
    library = record.door.library
    return tuple(sorted(f"{library.type_name(type_)}/{id_}" for type_, id_ in names))


def _task(record: "Record", undone: Merge, written: Sequence[str], reason: str | None) -> str:
    """Somebody has to look at it."""
    id_, at = clock.new_id(), instant(record.at)
    task: Json = {
        "resourceType": TASK,
        "status": "requested",
        "intent": "order",
        "code": {"coding": [CODE]},
        "description": _ASKS,
        "focus": {"reference": f"Patient/{undone.source_id}"},
        "for": {"reference": f"Patient/{undone.target_id}"},
        "authoredOn": at,
        "lastModified": at,
        "requester": {"reference": record.access.agency.organization},
        "owner": {"reference": record.access.agency.organization},
        **({"reasonCode": {"text": reason}} if reason else {}),
        "input": [
            {"type": {"text": "Written meanwhile"}, "valueReference": {"reference": each}}
            for each in written[:_LISTED]
        ],
    }
    slot = Slot(id_, record.door.rids.take(record.connection), 1, OURSELVES)
    record.stage_ours("create", stamped(task, id_, 1, record.at), slot)
    record.flush()
    return f"{TASK}/{id_}"
