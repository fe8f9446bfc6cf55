"""Where everything is that staged resources point at: found, held against deletion, seen by the writer."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from server.access import redact
from server.access.access import Access
from server.definition.library import Library
from server.fhir import Json
from server.fhir.issue import Issue, Unprocessable
from server.fhir.reference import parse, references
from server.record import decided
from server.record.door import Door
from server.record.integrity import unresolved
from server.record.merge.alias import Aliases, Kept, Said
from server.search.types.reference import localised
from server.store import locator, recordset, resources, writing
from server.store.database import Transaction
from server.store.merge import ledger
from server.store.row import DECIDED, MERGED, OF_CHILD, Decision

if TYPE_CHECKING:
    from server.record.staging import Staged

Key = tuple[int, str]
Place = tuple[int, int, int]
"""(child, rid, restriction of the child)."""

NOWHERE = 0, 0
"""(child, rid) of nothing: no row has it."""

PEOPLE = frozenset({"Practitioner", "PractitionerRole", "Organization", "CareTeam"})
BRINGING_IN = frozenset({"Patient", "EpisodeOfCare", "Encounter", "CareTeam"})
"""What brings in people and teams by referring to them."""


@dataclass(slots=True)
class Places:
    """Where everything is that the staged resources point at, themselves included."""

    known: dict[Key, tuple[int, int]]
    restrictions: dict[int, int]
    naming: set[int] = field(default_factory=set)
    """The children for whom the writer becomes named by what it writes with it."""
    aliases: Aliases | None = None
    """Of the Patients that are spoken of, where several of them are one child."""

    def patient(self, number: int, id_: str) -> int | None:
        """The number of a Patient: its child, unless that was merged into another."""
        found = self.known.get((number, id_))
        return found[1] if found else None

    def root(self, rid: int) -> int:
        """The child that a Patient is."""
        return self.aliases.root(rid) if self.aliases else rid

    def rid(self, library: Library, reference: str) -> int | None:
        """The number of what a reference to this server leads to."""
        type_, _, id_ = reference.partition("/")
        return self.patient(library.type_number(type_), id_) if type_ in library.resource_types else None


def find(
    door: Door,
    transaction: Transaction,
    access: Access,
    staged: list["Staged"],
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
        for type_, id_ in one.targets if checked else _needed(one):
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
    aliases = _aliases(door, connection, staged, found)
    restrictions = {child: restriction & OF_CHILD for child, _, restriction in found.values()}
    # The label that is being written holds for what is written with it, whichever comes first.
    restrictions |= {
        one.slot.rid: door.hooks.restriction(one.resource) | _decided(connection, one)
        for one in staged
        if one.type == "Patient" and not (aliases and one.slot.rid in aliases.into)
    }
    known = {key: (child, rid) for key, (child, rid, _) in found.items()} | own
    at = Places(known, restrictions, aliases=aliases)
    for one in staged:
        if one.type == decided.CONSENT and decided.is_denial(decisions(door, one, at)):
            child, _ = children(door, one, at)
            restrictions[child] = restrictions.get(child, 0) | DECIDED
    return at


def _aliases(
    door: Door, connection: Any, staged: list["Staged"], found: Mapping[Key, Place]
) -> Aliases | None:
    """Asked where a Patient says that others were merged into it."""
    number = door.library.type_number("Patient")
    merged = {rid for (type_, _), (_, rid, bits) in found.items() if type_ == number and bits & MERGED}
    merged |= {
        one.slot.rid
        for one in staged
        if one.type == "Patient"
        and (was := one.slot.was)
        and (was.restriction & MERGED or was.child != was.rid)
    }
    return Aliases.of(door.hasher, ledger.live(connection, merged)) if merged else None


def _decided(connection: Any, patient: "Staged") -> int:
    """Whether there are decisions about a child whose Patient is written: they are no part of it."""
    slot = patient.slot
    if slot.was is not None:
        return slot.was.restriction & DECIDED
    return DECIDED if slot.home is not None and writing.is_decided(connection, slot.rid) else 0


def decisions(door: Door, one: "Staged", at: Places) -> list[Decision]:
    return decided.lines(door, at.known, door.hooks.decisions(one.resource))


def _needed(one: "Staged") -> Iterator[tuple[str, str]]:
    """Whose a resource is, and whom it brings in or keeps out."""
    if one.type == decided.CONSENT:
        return iter(one.targets)
    people = PEOPLE if one.type in BRINGING_IN else ()
    return (target for target in one.targets if target[0] == "Patient" or target[0] in people)


def local_targets(resource: Json, door: Door) -> tuple[tuple[str, str], ...]:
    """(type, id) of every literal reference to this server that a resource holds, each once."""
    found = (parse(localised(text, door.base_url) or "") for _, text in references(resource))
    return tuple(dict.fromkeys((t.type, t.id) for t in found if t.local and t.type in door.types and t.id))


def _all_seen(
    door: Door,
    connection: Any,
    access: Access,
    staged: list["Staged"],
    wanted: set[Key],
    found: dict[Key, Place],
) -> None:
    known = seen(door, connection, access, wanted, found)
    asked = [(one, *_shown(door, one)) for one in staged if not one.ours]
    lost = [
        (one, f"{type_}/{id_}")
        for one, _, targets in asked
        for type_, id_ in targets
        if (key := (door.library.type_number(type_), id_)) in wanted and key not in known
    ]
    lost += [(one, text) for one, shown, _ in asked for text in unresolved(one.resource, one.body, shown)]
    if lost:
        raise Unprocessable(issues=tuple(_leads_nowhere(one, text) for one, text in lost))


def _shown(door: Door, one: "Staged") -> tuple[Json, tuple[tuple[str, str], ...]]:
    """What its writer is shown of a resource, and (type, id) of what that refers to: of what was put back for
    it, it is told nothing."""
    was = one.slot.was
    if was is None or not was.withheld:
        return one.resource, one.targets
    shown = redact.visible(one.resource, was)
    return shown, local_targets(shown, door)


def _leads_nowhere(one: "Staged", text: str) -> Issue:
    return Issue(
        "not-found",
        f"The reference '{text}' leads to nothing on this server.",
        (f"{one.type}.descendants().where(reference = '{text}')",),
    )


def seen(
    door: Door, connection: Any, access: Access, wanted: set[Key], found: Mapping[Key, Place]
) -> set[Key]:
    """Those of the targets that exist and that the caller may know of: a reference must not tell more than
    a read."""
    by_type: dict[int, list[Key]] = {}
    # What does not exist is asked after as well: it is not to be told from what is unseen by its time.
    for key in wanted:
        by_type.setdefault(key[0], []).append(key)
    known: set[Key] = set()
    for number, keys in by_type.items():
        type_ = door.library.type_name(number)
        at = {key: found.get(key, (*NOWHERE, 0)) for key in keys}
        rows = recordset.text({"child": child, "rid": rid} for child, rid, _ in at.values())
        rids: set[int] = set()
        if access.may(type_, "r"):
            view = access.view(type_, "r")
            rids |= {rid for (rid,) in resources.allowed(view)(connection, places=rows, type=number)}
        if type_ == "Patient":
            traced = door.traced(connection, access.agency.number, [child for child, _, _ in at.values()])
            rids |= {rid for child, rid, _ in at.values() if child in traced}
        known |= {key for key in keys if key in found and at[key][1] in rids}
    return known


def children(door: Door, one: "Staged", places: Places) -> tuple[int, list[int]]:
    """The home child of a resource, and the other children it speaks of."""
    said = _said(door, one, places)
    child = places.root(said.home)
    others = dict.fromkeys(places.root(rid) for rid in said.others)
    return child, [rid for rid in others if rid != child]


def kept(door: Door, one: "Staged", places: Places) -> tuple[list[int], list[int]]:
    """The hashes that a resource bears, and those of them that are listed across children."""
    index, aliases = one.index, places.aliases
    if aliases is None:
        return index.tokens, index.facets
    placed: Kept = aliases.placed(_said(door, one, places))
    return sorted(placed.tokens), [*index.facets, *aliases.listed(aliases.aliases(placed))]


def _said(door: Door, one: "Staged", places: Places) -> Said:
    """Of which Patients a resource speaks, and whose it is by that."""
    patient = door.library.type_number("Patient")
    named = (places.patient(patient, id_) for type_, id_ in one.targets if type_ == "Patient")
    spoken = dict.fromkeys(rid for rid in named if rid is not None)
    if one.type == "Patient":
        home: int | None = one.slot.rid
    elif one.index.child_reference:
        home = places.patient(patient, parse(one.index.child_reference).id or "")
    else:
        home = None
    child = home if home is not None else one.slot.rid
    return Said(child, tuple(rid for rid in spoken if rid != child), frozenset(one.index.tokens))
