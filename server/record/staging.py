"""Writes gathered until they go to the database together: one set of statements for one resource or
thousands."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from server.access.access import Access
from server.access.policy import REFUSE
from server.definition.compartment import child_parameter
from server.fhir import Json
from server.fhir.issue import Duplicate, Forbidden, TooLarge, Unprocessable
from server.fhir.period import HIGHEST, LOWEST
from server.fhir.reference import parse
from server.record import decided, identified, likeness, totals
from server.record.door import Door
from server.record.event import entry, told
from server.record.hook import Act
from server.record.likeness import Asked
from server.record.places import Places, children, decisions, find, kept
from server.search import context
from server.search.sight import INVOLVED, NAMED
from server.search.types import Index
from server.search.types.reference import localised
from server.store import jobs, locator, recordset, resources, sight, wake, writing
from server.store.database import Taken, Transaction
from server.store.merge import claims as merged
from server.store.merge import ledger
from server.store.row import (
    MERGED,
    OF_CHILD,
    RESTRICTED,
    SEALED,
    VERY_RESTRICTED,
    Entry,
    Row,
    Sighting,
    Stored,
)

_MARKED = "This child has a live mark for the same school, date and session."


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a version goes. `home`: the child under which the locator lists the id, where it is reserved
    already; `was`: the version that it replaces; `put`: whole, by a PUT."""

    id: str
    rid: int
    version: int
    author: int
    home: int | None = None
    was: Stored | None = None
    put: bool = False


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
    *,
    promised: Collection[tuple[str, str]] = (),
    spared: Collection[str] = (),
    confirmed: str | None = None,
) -> list[Asked]:
    """Write them all, or raise and leave the transaction to be rolled back; the children to be compared.

    `promised`: (type, id) of what the transaction is going to write. `spared`: ids of Patients that are
    compared with nobody. `confirmed`: why new children are said to be others than those they resemble.

    Raises:
        Unprocessable: a reference to what does not exist or may not be seen.
        Duplicate: an identifier or a session that is claimed.
        Forbidden: the caller may not write what it wrote.
    """
    connection = transaction.connection
    decided.hold(door, transaction, staged)
    places = find(door, transaction, access, staged, promised)
    pairs = [(one, _row(door, places, one, at)) for one in staged]
    for one, row in sorted(pairs, key=lambda pair: pair[0].type != "Patient"):
        row.sights = _sights(door, transaction, access, one, row, places)
        if one.type == "Patient" and any(sighting.degree == NAMED for sighting in row.sights):
            places.naming.add(row.child)
    new = [row.child for one, row in pairs if one.type == "Patient" and one.slot.home is None]
    likeness.fill(door, connection, [(one.resource, row) for one, row in pairs], new)
    asked = likeness.asked(door, access, pairs, spared)
    claims = Claims.of(door, pairs).but(_claimed(connection, pairs, places))
    if not (claims.none and all(_alone(access, one, row) for one, row in pairs)):
        transaction.begin()
    if access.agency.likeness == REFUSE:
        likeness.hold(connection, (each for each in asked if each.new))
    replaced = [(one.slot.was.child, one.number, one.slot.rid) for one in staged if one.slot.was]
    if replaced:
        saying = any(one.type in door.hooks.likeness.types for one in staged)
        writing.retire(connection, replaced, compared=saying)
    if places.aliases:
        merged.forget(connection, places.aliases.ids.keys(), [rid for _, _, rid in replaced])
        claims.hold(connection, places.aliases.ids.keys())
    claims.make(connection)
    identified.claimed(door, connection, pairs)
    lines = [_line(access, at, one, row) for one, row in pairs]
    outbox = [told(row, one.interaction, access.agency.number) for one, row in pairs]
    compared = [each.values() for each in likeness.to_compare(access, at, confirmed, asked)]
    writing.write(
        connection, [row for _, row in pairs], outbox, lines, transaction.to_hold(at),
        totals=totals.changes(door, pairs), comparisons=compared,
    )  # fmt: skip
    transaction.afterwards.append(wake.wake)
    for one, row in pairs:
        _move(door, transaction, one, row)
    _check(connection, access, pairs)
    return asked


def creating(access: Access, type_: str) -> str:
    """The letter of `cruds` by which the caller may make a new resource; a PUT that creates is an update too.

    https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources
    """
    return "c" if access.may(type_, "c") else "u"


def _alone(access: Access, one: Staged, row: Row) -> bool:
    """Whether one statement is all that its writing takes: a new resource, a new id, nothing to ask after."""
    return (
        not one.ours
        and one.slot.home is None
        and one.type != "Patient"
        and not (row.decisions or row.restriction & SEALED)
        and access.view(one.type, creating(access, one.type)).everything
    )


def _move(door: Door, transaction: Transaction, one: Staged, row: Row) -> None:
    """What a new home, a new label of a child, a seal or a decision takes along."""
    connection, slot = transaction.connection, one.slot
    before = slot.was.restriction if slot.was else 0
    if slot.home not in (None, row.child):
        locator.move(connection, one.number, slot.id, row.rid, slot.home or row.rid, row.child)
    if slot.version > 1 and (row.restriction ^ before) & SEALED:
        writing.seal(connection, row.child, one.number, row.rid, row.restriction)
    if one.type == decided.CONSENT and (row.decisions or slot.was):
        for child in {row.child, slot.was.child if slot.was else row.child}:
            decided.settle(door, transaction, child)
    if one.type == "Patient" and (row.restriction ^ before) & OF_CHILD:
        writing.restrict(connection, row.child, row.restriction & OF_CHILD)
        job = jobs.leave_restriction(connection, row.child)
        transaction.afterwards.append(lambda: jobs.restrict_rest(door.database, job, row.child))


# ---- rows --------------------------------------------------------------------------------------------------


def _row(door: Door, places: Places, one: Staged, at: datetime) -> Row:
    child, others = children(door, one, places)
    index, hooks, slot = one.index, door.hooks, one.slot
    restriction = places.restrictions.get(child, 0) | (SEALED if hooks.sealed(one.resource) else 0)
    if one.type == "Patient" and slot.was is not None:
        restriction |= slot.was.restriction & MERGED
    tokens, facets = kept(door, one, places)
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
        tokens=tokens,
        sorts=index.sorts,
        facets=facets,
        strings=index.strings,
        dates=index.dates,
        numbers=index.numbers,
        words=index.words,
        identifiers=index.identifiers,
        others=others,
        contexts=_contexts(door, one),
        decisions=decisions(door, one, places),
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


def _sights(
    door: Door,
    transaction: Transaction,
    access: Access,
    one: Staged,
    row: Row,
    places: Places,
) -> list[Sighting]:
    """Who is brought in by it. What could be about a child and is about none is seen by its author."""
    if row.child == row.rid and one.type != "Patient" and child_parameter(one.type) is not None:
        author = access.agency.number if one.ours else row.author
        seeing = (author, *(access.who.own if access.who and author == access.agency.number else ()))
        return [Sighting(each, INVOLVED, LOWEST, HIGHEST) for each in seeing]
    agency, was = access.agency.number, one.slot.was
    label = row.restriction if one.type != "Patient" else was.restriction if was else None
    label = None if label is None else label & (RESTRICTED | VERY_RESTRICTED)
    named = not label or row.child in places.naming or sight.named(transaction.connection, agency, row.child)
    if one.type == "Patient" and one.ours:
        # Whoever merges two records starts none, and is not named for what it labels.
        label = door.hooks.restriction(one.resource)
    elif one.type == "Patient" and not named and door.hooks.restriction(one.resource) != label:
        # Who broke the glass is shown the label, and is not to lift it.
        raise Forbidden("The label of a restricted child is changed by who is named for it.")
    elif label and one.type == "Patient" and was and was.restriction & MERGED:
        # A label that it has from another record is put on it by who writes it so.
        label &= ~ledger.given(transaction.connection, row.rid)
    user = access.who.own if access.who else ()

    def rid(reference: str) -> int | None:
        return places.rid(door.library, reference)

    return door.hooks.sightings(one.resource, Act(agency, row.last_updated, label, named, user, row.rid, rid))


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

    def but(self, claimed: Collection[tuple[str, str]]) -> "Claims":
        """Those that the same child has not by another of its Patients."""
        if not claimed:
            return self
        return replace(self, identity=[each for each in self.identity if each[:2] not in claimed])

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
                claims=tuple(
                    tuple((system, value) for system, value, *_ in claims)
                    for _, claims in groupby(self.identity, key=itemgetter(3))
                ),
            ) from None
        try:
            if self.within:
                writing.claim_within(connection, self.within)
        except Taken:
            raise Duplicate(_MARKED) from None

    def hold(self, connection: Any, patients: Collection[int]) -> None:
        """See to it that no other of the Patients that are one child has claimed the same within it.

        Raises:
            Duplicate: one has.
        """
        if merged.is_claimed(connection, patients, self.within):
            raise Duplicate(_MARKED)


def _claimed(connection: Any, pairs: list[tuple[Staged, Row]], places: Places) -> set[tuple[str, str]]:
    """What is claimed already by other Patients that are the same child as one that is written."""
    aliases = places.aliases
    if aliases is None:
        return set()
    rows = (row for one, row in pairs if one.type == "Patient" and row.rid in aliases.ids)
    return {claim for row in rows for claim in merged.of_others(connection, row.child, row.rid)}


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
        # A seal is put on by who may see behind it.
        asked = [row for row in written if row.restriction & SEALED] if permit.everything else written
        if not asked:
            continue
        places = recordset.text({"child": row.child, "rid": row.rid} for row in asked)
        allowed = resources.allowed(permit)(connection, places=places, type=asked[0].type)
        if len(allowed) < len(asked):
            raise Forbidden(
                f"The rights of this caller do not cover the {type_} as written: its categories or codes, "
                "its author, or the child it is about."
            )
    _check_hidden(connection, access, [pair for pair in pairs if _is_in_part(pair[0])])


def _is_in_part(one: Staged) -> bool:
    """Whether its writer is not shown all of what it replaces."""
    return not one.ours and one.slot.was is not None and one.slot.was.withheld > 0


def _check_hidden(connection: Any, access: Access, pairs: list[tuple[Staged, Row]]) -> None:
    """What its writer was not shown stays so: another category, or another child, is no way to see it."""
    groups: dict[str, list[tuple[Staged, Row]]] = {}
    for one, row in pairs:
        groups.setdefault(one.type, []).append((one, row))
    for type_, written in groups.items():
        # By the view that showed what was there before.
        view = access.view(type_, "r" if access.may(type_, "r") else "u")
        places = recordset.text({"child": row.child, "rid": row.rid} for _, row in written)
        found = resources.parts(view)(connection, places=places, type=written[0][1].type)
        hidden: dict[int, int] = dict(found)
        for one, row in written:
            if one.slot.was is not None and one.slot.was.withheld & ~hidden.get(row.rid, 0):
                raise Forbidden(
                    f"A part of this {type_} is withheld from this caller, who cannot make it into one of "
                    "which it would be shown."
                )
