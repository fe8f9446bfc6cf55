"""All that is known of some Patients, brought from the children that they were to those that they are."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from server.fhir import json
from server.record.merge.alias import Aliases, Kept
from server.store import locator, resources, writing
from server.store.merge import claims, homes, ledger, placing, versions
from server.store.merge.versions import Placing, Version
from server.store.row import DECIDED, Stored

if TYPE_CHECKING:
    from server.record.record import Record

PATIENT = "Patient"


@dataclass(frozen=True)
class Regrouped:
    """What became of every version."""

    placings: Sequence[Placing]

    def home(self, rid: int) -> int | None:
        """The child that a resource is kept with, as its last version has it; None: it is none of these."""
        return self._last[rid].child if rid in self._last else None

    def present(self, rid: int) -> int | None:
        """The same of a resource that is there; None: of one that was deleted, too."""
        last = self._last.get(rid)
        return last.child if last is not None and last.version.present else None

    @cached_property
    def _last(self) -> Mapping[int, Placing]:
        ordered = sorted(self.placings, key=lambda each: each.version.version)
        return {each.version.rid: each for each in ordered}


def hold(record: "Record", ids: Collection[str], roots: Collection[int]) -> None:
    """Nobody begins to write about these Patients, or writes anything that is known of them."""
    number = record.door.library.type_number(PATIENT)
    for id_ in sorted(ids):
        locator.bury(record.connection, number, id_)
    versions.hold(record.connection, roots)


def regroup(record: "Record", before: Aliases, after: Aliases) -> Regrouped:
    """Everything is kept under the children that the Patients are now, and found by all of their ids."""
    connection, roots = record.connection, before.roots | after.roots
    placings = list(_placings(versions.of(connection, roots), before, after))
    placing.place(connection, placings)
    homes.locate(connection, placings)
    homes.count(connection, roots, placings)
    for root in after.roots:
        claims.identify(connection, roots, root, after.members(root))
    regrouped = Regrouped(placings)
    claims.settle(connection, after.ids, regrouped.present, after.root)
    record.count_again(roots)
    ledger.flag(connection, after.roots, merged=False)
    ledger.flag(connection, after.merged, merged=True)
    return regrouped


def _placings(some: Iterable[Version], before: Aliases, after: Aliases) -> Iterator[Placing]:
    # Thousands of versions bear the same few hashes of those that matter: each case is thought through once.
    known: dict[Kept, tuple[Kept, Sequence[int], Sequence[int]]] = {}
    for version in some:
        bearing = before.bearing(version.tokens)
        kept = Kept(version.child, version.others, bearing)
        found = known.get(kept) or known.setdefault(kept, _placed(kept, before, after))
        placed, unlist, list_ = found
        same = placed.tokens == bearing
        tokens = version.tokens if same else version.tokens - bearing | placed.tokens
        yield Placing(version, placed.child, placed.others, tokens, unlist, list_)


def _placed(kept: Kept, before: Aliases, after: Aliases) -> tuple[Kept, Sequence[int], Sequence[int]]:
    """Where it is kept from now on, and the hashes by which it is listed no more, and from now on."""
    placed = after.placed(before.own(kept))
    was, is_ = before.aliases(kept), after.aliases(placed)
    return placed, before.listed(was - is_), after.listed(is_ - was)


def restrict(record: "Record", roots: Collection[int]) -> None:
    """All that is known of each child follows the label on its Patient, and the decisions about it."""
    connection = record.connection
    for root in sorted(roots):
        patient = present(record, root, root)
        if patient is not None:
            labels = record.door.hooks.restriction(json.decode(patient.body.encode()))
            decided = DECIDED if writing.is_decided(connection, root) else 0
            writing.restrict(connection, root, labels | decided)


def present(record: "Record", child: int, rid: int) -> Stored | None:
    """A Patient as it is, whoever asks; with its bits."""
    number = record.door.library.type_number(PATIENT)
    found: Any = resources.present(record.connection, PATIENT, number, child, rid)
    if found is None:
        return None
    bits = ledger.bits(record.connection, child, rid)
    return resources.with_restriction(found, bits)
