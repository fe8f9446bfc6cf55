"""Resources taken out for good: what goes with them, what stands in the way, and the account of it.

A Patient goes with all that is known of the child. What is seen only with what goes (a Binary with its
context, a Provenance with all that it is of), and the Task that asks to correct it, go too. The audit keeps
that it was there, who took it out, and why.
"""

from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from server.definition.overlay import KINDS
from server.fhir.issue import Conflict, Contended, Forbidden, NotFound
from server.record import integrity, mark, totals
from server.record.added import OURSELVES
from server.record.decided import CONSENT
from server.record.entitled import entitled, found
from server.record.event import act
from server.record.merge import merged
from server.search import expunge as deleted_of_type
from server.search.complete import require_index
from server.store import audit, holds, liveness, locator, resources
from server.store.expunge import find, take
from server.store.expunge.find import Count, Place, Rows
from server.store.holds import Hold
from server.store.referrers import Referrer

if TYPE_CHECKING:
    from datetime import datetime

    from server.record.record import Record

OPERATION = "expunge"

REFUSE, KEEP, EXPUNGE = REFERRING = ("refuse", "keep", "expunge")
"""What becomes of others that refer to what goes: nothing goes; they stay as they are; they go too."""

_PATIENT, _TASK = "Patient", "Task"
_AT_ONCE = 50
_NAMED = 5

Classes = Mapping[int, frozenset[str]]
"""By rid, the classes of retention that a resource is of."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes. `named`: the resources of which nothing is left; `moved`: those that are another child's
    now, which lose the versions of their time with a child that goes; `children`: those who go."""

    named: tuple[Place, ...]
    rows: tuple[Rows, ...]
    moved: tuple[Place, ...]
    children: frozenset[int]
    counts: tuple[Count, ...]
    referring: tuple[Referrer, ...]

    @property
    def rids(self) -> list[int]:
        """Of all that something goes of."""
        return sorted({each.rid for each in (*self.named, *self.moved)})


def plan(record: "Record", wanted: Collection[Place], referring: str = REFUSE) -> Plan:
    """What goes with these resources, held against whoever writes any of it.

    Raises:
        Incomplete: what refers to them is not known yet. Conflict: a child that was not named would go too.
    """
    record.flush()
    record.begin()
    holds.alone(record.connection)
    require_index()
    _close(record, wanted)
    found = _all_of(record, wanted)
    pointing = _referring(record, found)
    if referring == EXPUNGE and pointing:
        return plan(record, _with(record, wanted, pointing), referring)
    _hold(record, found)
    named, moved, children = found
    rows = {*find.rows(record.connection, named)}
    rows |= {Rows(child, each.type, each.rid) for child, each in moved}
    counts = find.counts(record.connection, rows)
    left = tuple(each for _, each in moved)
    return Plan(tuple(named), tuple(sorted(rows)), left, frozenset(children), tuple(counts), tuple(pointing))


def carry_out(record: "Record", planned: Plan, reason: str, said: str, *, child: int) -> None:
    """Take it all out, and account for it. Whether the caller may, and no hold is in the way, was asked."""
    connection = record.connection
    take.take(connection, planned.rows, planned.named)
    for each in sorted(planned.children):
        take.take_child(connection, each, planned.moved)
    observation = record.door.library.type_number(totals.TYPE)
    record.count_again({each.child for each in planned.rows if each.type == observation} - planned.children)
    consent = record.door.library.type_number(CONSENT)
    for left in sorted({each.child for each in planned.named if each.type == consent} - planned.children):
        record.follow_decisions(left)
    line = act(record.access, record.at, OPERATION, reason=reason, query=said, child=child)
    line = replace(line, hits=tuple(planned.rids))
    children = {each.child for each in planned.rows}
    audit.record_of_several(connection, line, children)
    record.afterwards(record.door.parameters.forget)
    # An app that was opened for a child that is gone, or somebody who is, has no access any more.
    record.afterwards(lambda: liveness.ended(record.door.database))


# ---- who may, and what may not -----------------------------------------------------------------------------


def target(record: "Record", type_: str, id_: str) -> Place:
    """A resource, present or deleted, that the caller may take out.

    Raises:
        NotFound, Forbidden: as `entitled.found` says it. Conflict: it is a definition in force, and must be
        deleted first.
    """
    place, author = found(record, OPERATION, "d", type_, id_)
    if author == OURSELVES and type_ != _TASK:
        raise Forbidden(f"This {type_} ships with the server and stays.")
    merged.refuse(type_, id_, place.child, place.rid, 0, "u")
    if type_ in KINDS and resources.present(record.connection, type_, place.type, place.child, place.rid):
        raise Conflict(f"This {type_} is in force: delete it first.")
    return place


def deleted(record: "Record", type_: str, before: "datetime", most: int) -> tuple[list[Place], bool]:
    """The resources of a type that were deleted before then and that the caller may take out, the first
    deleted first; and whether there are more."""
    record.flush()
    view = entitled(record.access, OPERATION).view(type_, "d")
    number = record.door.library.type_number(type_)
    asked = {"type": number, "before": before, "most": most + 1}
    rows = deleted_of_type.deleted(view)(record.connection, **asked)
    places = find.places(record.connection, [(number, row[0]) for row in rows[:most]])
    return places, len(rows) > most


def permit_all(record: "Record", wanted: Iterable[Place]) -> None:
    """See to it that the caller may take out each of these, which go because of what they refer to.

    Raises:
        Conflict: there is one that it may not.
    """
    for each in wanted:
        try:
            target(record, record.door.library.type_name(each.type), each.id)
        except (NotFound, Forbidden):
            raise Conflict(
                "Other resources refer to it, and the rights of this caller do not cover all of them."
            ) from None


def in_the_way(record: "Record", planned: Plan, authorities: Set[str | None], classes: Classes) -> list[Hold]:
    """The legal holds that lie on any of it. `authorities`: whose it is; `classes`: of which it is."""
    rids = set(planned.rids)
    # Whose it is, or of what class, may not be known: then it may be anybody's, and of any.
    of: set[str | None] = {name for rid, each in classes.items() if rid in rids for name in each} or {None}
    whose: Set[str | None] = authorities or {None}

    def lies(hold: Hold) -> bool:
        if hold.is_general:
            return any(hold.lies_on(authority, name) for authority in whose for name in of)
        return hold.rid == holds.EVERYTHING or hold.rid in rids

    children = {each.child for each in planned.rows}
    return [hold for hold in holds.of_children(record.connection, children) if lies(hold)]


def visible(record: "Record", planned: Plan) -> list[str]:
    """What refers to it from elsewhere, as far as the caller may see that."""
    return sorted(integrity.visible(record, planned.referring))


def refuse(record: "Record", planned: Plan) -> Conflict:
    """Why it stays where others refer to it."""
    named = ", ".join(visible(record, planned)[:_NAMED])
    such = f", among them {named}" if named else ""
    return Conflict(
        f"Other resources refer to it{such}. Change them first; or say with 'referring' that they are kept "
        "as they are, or go with it."
    )


# ---- what goes ---------------------------------------------------------------------------------------------

_Found = tuple[list[Place], list[tuple[int, Place]], set[int]]
"""What goes wholly; (child that goes, what was about it once); the children who go."""


def _close(record: "Record", wanted: Iterable[Place]) -> None:
    """Nobody begins to write about a child that goes, or to refer to it; who has begun has ended."""
    names = sorted({(each.type, each.id) for each in wanted})
    for type_, id_ in names[:_AT_ONCE]:
        locator.bury(record.connection, type_, id_)
    find.places(record.connection, names, lock=True)


def _all_of(record: "Record", wanted: Collection[Place]) -> _Found:
    connection = record.connection
    patient = record.door.library.type_number(_PATIENT)
    # Of a Patient the child is the row itself.
    children = {each.rid for each in wanted if each.type == patient}
    about = {child: find.of_child(connection, child) for child in sorted(children)}
    homes = _homes(record, [*wanted, *(each for some in about.values() for each in some)])
    named = {homes[each.type, each.id] for each in wanted}
    moved: list[tuple[int, Place]] = []
    for child, some in about.items():
        for each in some:
            home = homes[each.type, each.id]
            if home.child == child:
                named.add(home)
            else:
                moved.append((child, home))
    while more := _going_with(record, named):
        named |= more
    return sorted(named), [each for each in moved if each[1] not in named], children


def _homes(record: "Record", some: Iterable[Place]) -> dict[tuple[int, str], Place]:
    names = {(each.type, each.id) for each in some}
    return {(each.type, each.id): each for each in find.places(record.connection, names)}


def _going_with(record: "Record", named: Set[Place]) -> set[Place]:
    """What goes because that goes, and is not among it yet."""
    connection, library = record.connection, record.door.library
    seen_with = find.of_places(connection, find.seen_only_with(connection, named))
    task = library.type_number(_TASK)
    tasks = {
        (task, mark.task_id(record, library.type_name(each.type), each.id))
        for each in named
        if each.type != task
    }
    found = {*_homes(record, seen_with).values(), *find.places(connection, tasks)}
    return found - named


def _hold(record: "Record", found: _Found) -> None:
    """Raises Contended if any of it is not where it was found any more."""
    named, moved, _ = found
    places = {(each.type, each.id): each for each in (*named, *(each for _, each in moved))}
    held = find.places(record.connection, places, lock=True)
    if {(each.type, each.id): each for each in held} != places:
        raise Contended("It was being written at that moment. Nothing was taken out: send the request again.")


# ---- what refers to it -------------------------------------------------------------------------------------


def _referring(record: "Record", found: _Found) -> list[Referrer]:
    """What stays and refers to what goes. The server's own notes do not count, nor what only tells of it."""
    named, _, children = found
    library, hasher = record.door.library, record.door.hasher
    never, own = (
        {library.type_number(type_) for type_ in types} for types in (integrity.OUTLIVING, integrity.OWN)
    )
    rids = {each.rid for each in named}
    patient = library.type_number(_PATIENT)
    # Who speaks of a child is listed by that, and not by the reference.
    others = [each for each in named if each.type != patient]
    found_there = find.speaking_of(record.connection, children)
    for at in range(0, len(others), _AT_ONCE):
        asked = [
            hash_
            for each in others[at : at + _AT_ONCE]
            for _, hash_ in integrity.hashes_of(library.type_name(each.type), each.id, hasher)
        ]
        found_there += find.pointing(record.connection, asked, rids, own)
    by_rid = {each.rid: each for each in found_there if each.rid not in rids and each.type not in never}
    return [Referrer(0, each.child, each.type, rid, each.id) for rid, each in sorted(by_rid.items())]


def _with(record: "Record", wanted: Collection[Place], pointing: Iterable[Referrer]) -> list[Place]:
    """What was asked for, with what refers to it."""
    more = [Place(each.type, each.id, each.child, each.rid) for each in pointing]
    patient = record.door.library.type_number(_PATIENT)
    if any(each.type == patient for each in more):
        raise Conflict("Another child's Patient refers to it, and does not go unless it is named: change it.")
    permit_all(record, more)
    return [*wanted, *more]
