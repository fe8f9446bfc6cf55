"""What children are compared by is kept with each write: what resources say, and keys of the alike."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from server import clock
from server.access.access import Access
from server.fhir import Json, json
from server.record.door import Door
from server.search.extract import extract
from server.search.types import Index
from server.store import likeness, locator
from server.store.comparison import Comparison
from server.store.row import Row

if TYPE_CHECKING:
    from server.record.staging import Staged

_PATIENT = "Patient"


@dataclass(frozen=True, slots=True)
class Asked:
    """A child of whom something else is said than before. `said`: what its Patient says; `keys`: by what it
    is found; `new`: it was not known before."""

    child: int
    said: str
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
    if row.child not in kept:
        return frozenset()
    every = keys(door, whole(door, row.child, kept))
    if row.rid == row.child:
        return every
    return every - keys(door, door.hooks.likeness.whole([kept[row.child]]))


def keys(door: Door, whole: Any) -> frozenset[int]:
    """The hashes by which a child is found of whom so much is said."""
    return door.hooks.likeness.keys(whole, door.likeness_key)


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


# ---- who is compared ---------------------------------------------------------------------------------------


def asked(
    door: Door, access: Access, pairs: Sequence[tuple["Staged", Row]], spared: Iterable[str] = ()
) -> list[Asked]:
    """The children that are to be compared: those that are new, or of whom something else is said now, by
    their Patients or by others."""
    if not access.agency.likeness:
        return []
    spared = set(spared)
    found: dict[int, Asked] = {}
    for one, row in pairs:
        if not row.said or row.id in spared or _before(door, one) == row.said:
            continue
        if one.type == _PATIENT and row.rid == row.child:
            found[row.child] = Asked(row.child, row.said, frozenset(row.blocks), one.slot.was is None)
        else:
            found.setdefault(row.child, Asked(row.child, row.said, frozenset(), False))
    return list(found.values())


def _before(door: Door, one: "Staged") -> str:
    was = one.slot.was
    return door.hooks.likeness.said(json.decode(was.body.encode())) if was else ""


def to_compare(
    access: Access, at: datetime, confirmed: str | None, found: Iterable[Asked]
) -> list[Comparison]:
    """What is to be done about them once they are written."""
    account = access.user.id if access.user else None
    return [
        Comparison(
            clock.new_id(), at, access.agency.code, access.client, account, each.child,
            confirmed if each.new else None,
        )
        for each in found
    ]  # fmt: skip


def hold(connection: Any, children: Iterable[Asked]) -> None:
    """Nobody else whose agency has the alike refused writes a child with one of these keys before the
    transaction ends."""
    if keys := {key for each in children for key in each.keys}:
        locator.alone(connection, *(f"likeness {key}" for key in keys))
