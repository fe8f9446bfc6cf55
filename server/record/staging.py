"""Writes gathered until they go to the database together: one set of statements for one resource or
thousands."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from server.access.access import Access
from server.definition.compartment import child_parameter
from server.fhir import Json
from server.fhir.issue import Duplicate, Forbidden, Issue, TooLarge, Unprocessable
from server.fhir.period import HIGHEST, LOWEST
from server.fhir.reference import parse, references
from server.record.door import Door
from server.record.event import entry, told
from server.record.hook import Act
from server.record.integrity import unresolved
from server.search import context
from server.search.types import Index
from server.search.types.reference import localised
from server.search.view import INVOLVED, NAMED
from server.store import jobs, locator, recordset, resources, sight, writing
from server.store.database import Taken, Transaction
from server.store.row import Entry, Row, Sighting, Stored

Key = tuple[int, str]
Place = tuple[int, int, int]
"""(child, rid, restriction of the child)."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a version goes. `home`: the child under which the locator lists the id, where it is reserved
    already; `was`: the version that it replaces."""

    id: str
    rid: int
    version: int
    author: int
    home: int | None = None
    was: Stored | None = None


@dataclass(frozen=True, slots=True)
class Staged:
    """One version on its way in."""

    interaction: str
    resource: Json
    body: str
    index: Index
    type: str
    number: int
    slot: Slot
    targets: tuple[tuple[str, str], ...]
    """(type, id) of what it refers to on this server."""
    ours: bool = False
    """True: the server writes it, because of what the caller writes; the caller's rights are not asked."""


def flush(
    door: Door,
    transaction: Transaction,
    access: Access,
    staged: list[Staged],
    at: datetime,
    promised: Collection[tuple[str, str]] = (),
) -> None:
    """Write them all, or raise and leave the transaction to be rolled back.

    `promised`: (type, id) of what the transaction is going to write.

    Raises:
        Unprocessable: a reference to what does not exist or may not be seen.
        Duplicate: an identifier or a session that is claimed.
        Forbidden: the caller may not write what it wrote.
    """
    connection = transaction.connection
    places = _places(door, transaction, access, staged, promised)
    pairs = [(one, _row(door, places, one, at)) for one in staged]
    naming: set[int] = set()
    for one, row in sorted(pairs, key=lambda pair: pair[0].type != "Patient"):
        row.sights = _sights(door, transaction, access, one, row, naming)
        if one.type == "Patient" and any(sighting.degree == NAMED for sighting in row.sights):
            naming.add(row.child)
    claims = Claims.of(door, pairs)
    if not (claims.none and all(_alone(access, one) for one in staged)):
        transaction.begin()
    replaced = [(one.slot.was.child, one.number, one.slot.rid) for one in staged if one.slot.was]
    if replaced:
        writing.retire(connection, replaced)
    claims.make(connection)
    lines = [_line(access, at, one, row) for one, row in pairs]
    outbox = [told(row, one.interaction, access.agency.number) for one, row in pairs]
    writing.write(connection, [row for _, row in pairs], outbox, lines, transaction.to_hold(at))
    for one, row in pairs:
        _move(door, transaction, one, row)
    _check(connection, access, pairs)


def creating(access: Access, type_: str) -> str:
    """The letter of `cruds` by which the caller may make a new resource; a PUT that creates is an update too.

    https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources
    """
    return "c" if access.may(type_, "c") else "u"


def _alone(access: Access, one: Staged) -> bool:
    """Whether one statement is all that its writing takes: a new resource, a new id, nothing to ask after."""
    return (
        not one.ours
        and one.slot.home is None
        and one.type != "Patient"
        and access.view(one.type, creating(access, one.type)).everything
    )


def _move(door: Door, transaction: Transaction, one: Staged, row: Row) -> None:
    """What a new home or a new label of a child takes along."""
    connection, slot = transaction.connection, one.slot
    if slot.home not in (None, row.child):
        locator.move(connection, one.number, slot.id, row.rid, slot.home or row.rid, row.child)
    if one.type == "Patient" and row.restriction != (slot.was.restriction if slot.was else 0):
        writing.restrict(connection, row.child, row.restriction)
        job = jobs.leave_restriction(connection, row.child)
        transaction.afterwards.append(lambda: jobs.restrict_rest(door.database, job, row.child))


# ---- references --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Places:
    """Where everything is that the staged resources point at, themselves included."""

    known: dict[Key, tuple[int, int]]
    restrictions: dict[int, int]

    def patient(self, number: int, id_: str) -> int | None:
        """The child of a Patient."""
        found = self.known.get((number, id_))
        return found[1] if found else None


def _places(
    door: Door,
    transaction: Transaction,
    access: Access,
    staged: list[Staged],
    promised: Collection[tuple[str, str]],
) -> Places:
    connection = transaction.connection
    library = door.library
    own: dict[Key, tuple[int, int]] = {
        (one.number, one.slot.id): (one.slot.rid, one.slot.rid) for one in staged
    }
    # Where references are not checked, only whose a resource is has to be looked up.
    checked = access.agency.integrity
    wanted: dict[Key, list[str]] = {}
    for one in staged:
        for type_, id_ in one.targets if checked else _patients(one):
            key = (library.type_number(type_), id_)
            if key not in own:
                wanted.setdefault(key, []).append(f"{type_}/{id_}")
    if wanted and checked:
        transaction.begin()
        locator.refer(connection, wanted)
    found = locator.places(connection, wanted) if wanted else {}
    if checked:
        asked = wanted.keys() - {(library.type_number(type_), id_) for type_, id_ in promised}
        _all_seen(door, connection, access, staged, asked, found)
    patient = library.type_number("Patient")
    for number, id_ in wanted:
        if number == patient and (number, id_) not in found:
            # A child that others speak of before it is written: its place is kept, so that they are found
            # with it.
            transaction.begin()
            rid = door.rids.take(connection)
            locator.reserve(connection, number, id_, rid)
            found |= locator.places(connection, [(number, id_)])
    restrictions = {child: restriction for child, _, restriction in found.values()}
    # The label that is being written holds for what is written with it, whichever comes first.
    restrictions |= {
        one.slot.rid: door.hooks.restriction(one.resource) for one in staged if one.type == "Patient"
    }
    return Places({key: (child, rid) for key, (child, rid, _) in found.items()} | own, restrictions)


def _patients(one: Staged) -> Iterator[tuple[str, str]]:
    return (target for target in one.targets if target[0] == "Patient")


def local_targets(resource: Json, door: Door) -> tuple[tuple[str, str], ...]:
    """(type, id) of every literal reference to this server that a resource holds, each once."""
    found = (parse(localised(text, door.base_url) or "") for _, text in references(resource))
    return tuple(dict.fromkeys((t.type, t.id) for t in found if t.local and t.type in door.types and t.id))


def _all_seen(
    door: Door,
    connection: Any,
    access: Access,
    staged: list[Staged],
    wanted: set[Key],
    found: dict[Key, Place],
) -> None:
    seen = _seen(door, connection, access, wanted, found)
    asked = [one for one in staged if not one.ours]
    lost = [
        (one, f"{type_}/{id_}")
        for one in asked
        for type_, id_ in one.targets
        if (key := (door.library.type_number(type_), id_)) in wanted and key not in seen
    ]
    lost += [(one, text) for one in asked for text in unresolved(one.resource, one.body)]
    if lost:
        raise Unprocessable(issues=tuple(_leads_nowhere(one, text) for one, text in lost))


def _leads_nowhere(one: Staged, text: str) -> Issue:
    return Issue(
        "not-found",
        f"The reference '{text}' leads to nothing on this server.",
        (f"{one.type}.descendants().where(reference = '{text}')",),
    )


def _seen(door: Door, connection: Any, access: Access, wanted: set[Key], found: dict[Key, Place]) -> set[Key]:
    """Those of the targets that exist and that the caller may know of: a reference must not tell more than
    a read."""
    by_type: dict[int, list[Key]] = {}
    for key in wanted & found.keys():
        by_type.setdefault(key[0], []).append(key)
    seen: set[Key] = set()
    for number, keys in by_type.items():
        type_ = door.library.type_name(number)
        rows = recordset.text({"child": found[key][0], "rid": found[key][1]} for key in keys)
        rids: set[int] = set()
        if access.may(type_, "r"):
            view = access.view(type_, "r")
            rids |= {rid for (rid,) in resources.allowed(view)(connection, places=rows, type=number)}
        if type_ == "Patient":
            rids |= door.traced(connection, access.agency.number, [found[key][1] for key in keys])
        seen |= {key for key in keys if found[key][1] in rids}
    return seen


# ---- rows --------------------------------------------------------------------------------------------------


def _row(door: Door, places: Places, one: Staged, at: datetime) -> Row:
    child, others = _children(door, one, places)
    index, hooks = one.index, door.hooks
    restriction = places.restrictions.get(child, 0)
    slot = one.slot
    return Row(
        type=one.number,
        id=slot.id,
        rid=slot.rid,
        child=child,
        version=slot.version,
        author=slot.author,
        last_updated=at,
        body=one.body,
        restriction=restriction,
        kind=hooks.kind(one.type, index),
        date=index.date,
        tokens=index.tokens,
        sorts=index.sorts,
        facets=index.facets,
        strings=index.strings,
        dates=index.dates,
        numbers=index.numbers,
        words=index.words,
        identifiers=index.identifiers,
        others=others,
        contexts=_contexts(door, one),
        located=slot.home is not None,
    )


def _contexts(door: Door, one: Staged) -> list[tuple[int, str]]:
    """What the resource is seen with.

    Raises:
        Unprocessable: it is nothing whose rights could be asked. TooLarge: a Binary that is beyond the limit.
    """
    if one.type == "Binary" and _length(one.resource.get("data", "")) > door.binary_limit:
        raise TooLarge(
            f"The Binary is larger than {door.binary_limit} bytes, which is what is taken at most."
        )
    found: dict[tuple[int, str], None] = {}
    for text in context.named(one.resource):
        target = parse(localised(text, door.base_url) or "")
        if target.local and target.id and target.type in door.types.difference(context.NAMED_BY):
            found[door.library.type_number(target.type), target.id] = None
        elif one.type == "Binary":
            raise Unprocessable(
                "The security context of a Binary must be a resource of this server with rights of its own.",
                expression="Binary.securityContext",
            )
    return list(found)


def _length(base64: str) -> int:
    """Of what the text stands for, in bytes."""
    return len(base64) * 3 // 4 - base64[-2:].count("=")


def _children(door: Door, one: Staged, places: Places) -> tuple[int, list[int]]:
    """The home child of a resource, and the other children it speaks of."""
    patient = door.library.type_number("Patient")
    named = (places.patient(patient, id_) for type_, id_ in one.targets if type_ == "Patient")
    spoken = list(dict.fromkeys(rid for rid in named if rid is not None))
    if one.type == "Patient":
        home: int | None = one.slot.rid
    elif one.index.child_reference:
        home = places.patient(patient, parse(one.index.child_reference).id or "")
    else:
        home = None
    child = home if home is not None else one.slot.rid
    return child, [rid for rid in spoken if rid != child]


def _sights(
    door: Door, transaction: Transaction, access: Access, one: Staged, row: Row, naming: set[int]
) -> list[Sighting]:
    """Who is brought in by it. What could be about a child and is about none is seen by its author.

    `naming`: the children for whom the writer becomes named by what it writes with it.
    """
    if row.child == row.rid and one.type != "Patient" and child_parameter(one.type) is not None:
        return [Sighting(access.agency.number if one.ours else row.author, INVOLVED, LOWEST, HIGHEST)]
    agency, was = access.agency.number, one.slot.was
    label = row.restriction if one.type != "Patient" else was.restriction if was else None
    named = not label or row.child in naming or sight.named(transaction.connection, agency, row.child)
    return door.hooks.sightings(one.resource, Act(agency, row.last_updated, label, named))


@dataclass(frozen=True, slots=True)
class Claims:
    """What only one may have: identifiers among all children, and sessions within a child."""

    identity: list[writing.Claim]
    within: list[writing.Claim]

    @classmethod
    def of(cls, door: Door, pairs: list[tuple[Staged, Row]]) -> "Claims":
        """What is claimed by the resources."""
        hooks = door.hooks
        return cls(
            [(*claim, row.child, row.rid) for one, row in pairs for claim in hooks.identity(one.resource)],
            [(*claim, row.child, row.rid) for one, row in pairs for claim in hooks.within(one.resource)],
        )

    @property
    def none(self) -> bool:
        """Whether nothing is claimed."""
        return not (self.identity or self.within)

    def make(self, connection: Any) -> None:
        """Claim it all.

        Raises:
            Duplicate: somebody has one of them.
        """
        try:
            if self.identity:
                writing.claim_identity(connection, self.identity)
        except Taken:
            raise Duplicate(
                "A Patient with one of these identifiers exists: one child, one record.",
                expression="Patient.identifier",
                claims=tuple((system, value) for system, value, _, _ in self.identity),
            ) from None
        try:
            if self.within:
                writing.claim_within(connection, self.within)
        except Taken:
            raise Duplicate("This child has a live mark for the same school, date and session.") from None


def _line(access: Access, at: datetime, one: Staged, row: Row) -> Entry:
    status = 200 if one.slot.was else 201
    return entry(access, at, one.interaction, one.number, outcome=status, child=row.child, hits=(row.rid,))


def _check(connection: Any, access: Access, pairs: list[tuple[Staged, Row]]) -> None:
    """Written first and asked afterwards, under the condition that rules every read: an error rolls it
    back."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for one, row in ((one, row) for one, row in pairs if not one.ours):
        groups.setdefault((one.type, "u" if one.slot.was else creating(access, one.type)), []).append(row)
    for (type_, letter), written in groups.items():
        permit = access.view(type_, letter)
        if permit.everything:
            continue
        places = recordset.text({"child": row.child, "rid": row.rid} for row in written)
        allowed = resources.allowed(permit)(connection, places=places, type=written[0].type)
        if len(allowed) < len(written):
            raise Forbidden(
                f"The rights of this caller do not cover the {type_} as written: its categories or codes, "
                "its author, or the child it is about."
            )
