"""All that is known of some Patients, brought from the children that they were to those that they are."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from server.fhir import json
from server.record.merge.alias import Aliases, Kept
from server.store import locator, resources, writing
from server.store.merge import ledger, versions
from server.store.merge.versions import Placing, Version
from server.store.row import DECIDED, Stored

if TYPE_CHECKING:
    from server.record.record import Record

PATIENT = "Patient"


@dataclass(frozen=True)
class Regrouped:
    """What became of every version."""

    placings: Sequence[Placing]

    @property
    def home(self) -> Callable[[int], int | None]:
        """The child that a resource is kept with, as its last version has it; None: it is none of these."""
        last = {
            each.version.rid: each for each in sorted(self.placings, key=lambda each: each.version.version)
        }
        return lambda rid: last[rid].child if rid in last else None


def hold(record: "Record", ids: Collection[str], roots: Collection[int]) -> None:
    """Nobody begins to write about these Patients, or writes anything that is known of them."""
    number = record.door.library.type_number(PATIENT)
    for id_ in sorted(ids):
        locator.bury(record.connection, number, id_)
    versions.hold(record.connection, roots)


def regroup(record: "Record", before: Aliases, after: Aliases) -> Regrouped:
    """Everything is kept under the children that the Patients are now, and found by all of their ids."""
    connection, roots = record.connection, before.roots | after.roots
    placings = [_placing(each, before, after) for each in versions.of(connection, roots)]
    versions.place(connection, placings)
    versions.locate(connection, placings)
    versions.count(connection, roots, placings)
    for root in after.roots:
        versions.claim(connection, roots, root, after.members(root))
    versions.drop_claims(connection, roots)
    ledger.flag(connection, after.roots, merged=False)
    ledger.flag(connection, after.merged, merged=True)
    return Regrouped(placings)


def _placing(version: Version, before: Aliases, after: Aliases) -> Placing:
    kept = Kept(version.child, version.others, version.tokens)
    placed = after.placed(before.own(kept))
    was, is_ = before.aliases(kept), after.aliases(placed)
    unlist, list_ = before.listed(was - is_), after.listed(is_ - was)
    return Placing(version, placed.child, placed.others, placed.tokens, unlist, list_)


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
