"""What children are compared by is kept with each write: what resources say, and keys of the alike."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from server.access.access import Access
from server.fhir import Json, json
from server.fhir.issue import Duplicate
from server.record.door import Door
from server.search.extract import extract
from server.search.types import Index
from server.store import likeness, locator
from server.store.row import Row

if TYPE_CHECKING:
    from server.record.staging import Staged

_PATIENT = "Patient"


@dataclass(frozen=True, slots=True)
class Asked:
    """A child to be compared. `whole`: what is said of it; `new`: it was not known before."""

    child: int
    id: str
    whole: Any
    keys: frozenset[int]
    new: bool


# ---- what is kept ------------------------------------------------------------------------------------------


def fill(door: Door, connection: Any, pairs: Sequence[tuple[Json, Row]], new: Iterable[int] = ()) -> None:
    """Put into rows what children are compared by. `new`: the children of whom nothing is kept yet."""
    how = door.hooks.likeness
    saying = [(resource, row) for resource, row in pairs if resource["resourceType"] in how.types]
    for resource, row in saying:
        row.said = how.said(resource)
        row.superseded = door.hooks.superseded(resource)
    keyed = [row for resource, row in saying if resource["resourceType"] in how.keyed]
    if not keyed:
        return
    children = {row.child for row in keyed}
    known = children - set(new)
    kept = likeness.said(connection, known) if known else {}
    for _, row in saying:
        if row.child in children:
            kept.setdefault(row.child, {})[row.rid] = row.said
    for row in keyed:
        row.blocks = sorted(_keys(door, kept[row.child], row))


def _keys(door: Door, kept: Mapping[int, str], row: Row) -> frozenset[int]:
    """Those by which a child is found because of what this resource says."""
    how = door.hooks.likeness
    if row.child not in kept:
        return frozenset()
    every = how.keys(whole(door, row.child, kept))
    return every if row.rid == row.child else every - how.keys(how.whole([kept[row.child]]))


def whole(door: Door, child: int, kept: Mapping[int, str]) -> Any:
    """What is said of a child, by its Patient first."""
    others = (kept[rid] for rid in sorted(kept) if rid != child and kept[rid])
    return door.hooks.likeness.whole([kept[child], *others])


def led(index: Index, resource: Json, door: Door) -> None:
    """A child is found by an identifier that led to it before, as by the one that took its place."""
    former = door.hooks.superseded(resource)
    if not former:
        return
    named = [{"system": system, "value": value} for system, value in former]
    found = extract({"resourceType": _PATIENT, "identifier": named}, door.hasher, door.base_url)
    index.identifiers = list(dict.fromkeys((*index.identifiers, *found.identifiers)))
    index.tokens = sorted({*index.tokens, *found.tokens})
    index.facets = sorted({*index.facets, *found.facets})


# ---- whom it is asked of -----------------------------------------------------------------------------------


def asked(
    door: Door, access: Access, pairs: Sequence[tuple["Staged", Row]], spared: Iterable[str] = ()
) -> list[Asked]:
    """The children that are to be compared: those that are new, or of whom something else is said now."""
    if not access.agency.likeness:
        return []
    how, spared = door.hooks.likeness, set(spared)
    said: dict[int, dict[int, str]] = {}
    for _, row in pairs:
        if row.said:
            said.setdefault(row.child, {})[row.rid] = row.said
    return [
        Asked(row.child, row.id, whole(door, row.child, said[row.child]), frozenset(row.blocks), not before)
        for one, row in pairs
        if one.type == _PATIENT and row.rid == row.child and row.id not in spared and row.blocks
        for before in [one.slot.was and how.said(json.decode(one.slot.was.body.encode()))]
        if before != row.said
    ]


def hold(connection: Any, children: Iterable[Asked]) -> None:
    """Nobody else who compares writes a child with one of these keys before the transaction ends."""
    locator.alone(connection, *(f"likeness {key}" for key in {key for each in children for key in each.keys}))


def claimed(door: Door, connection: Any, pairs: Sequence[tuple["Staged", Row]]) -> None:
    """Raises Duplicate where a new child has an identifier that led to another before."""
    mine = {row.child for _, row in pairs}
    wanted = [
        claim
        for one, row in pairs
        if one.type == _PATIENT and one.slot.was is None
        for claim in door.hooks.identity(one.resource)
        if claim[0] in door.hooks.superseding
    ]
    if wanted and any(child not in mine for *_, child in likeness.superseded(connection, wanted)):
        raise Duplicate(
            "A Patient with one of these identifiers exists: one child, one record.",
            expression="Patient.identifier",
            claims=tuple(wanted),
        )
