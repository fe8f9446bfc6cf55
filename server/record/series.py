"""New resources that differ in nothing but whose they are: what is true of one of them is true of all.

Each is stamped, staged and written like any other; of those that say the same, one is held against the
profiles, and what they are found by is worked out once, but for what the child adds to it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from server.definition.added import added
from server.fhir import Json, json
from server.fhir.issue import Issue
from server.fhir.meta import stamped
from server.record import judge
from server.record.change import to_keep
from server.record.places import local_targets
from server.record.staging import Slot
from server.search.extract import extract
from server.search.types import Index

if TYPE_CHECKING:
    from server.record.record import Record

_SUBJECT = "subject"
_PLAIN = re.compile(r"Patient/[A-Za-z0-9\-.]{1,64}")
_OF_ITS_OWN = frozenset({"resourceType", "id", "meta", _SUBJECT})


@dataclass(frozen=True, slots=True)
class Kept:
    """A resource as it is to be kept. `index` and `targets`: what it is found by and refers to, as far as
    that is known."""

    resource: Json
    faults: tuple[Issue, ...]
    index: Index | None = None
    targets: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Rest:
    """What all say that are alike."""

    index: Index
    targets: tuple[tuple[str, str], ...]


class Series:
    """Of one record."""

    def __init__(self, record: "Record") -> None:
        self._record = record
        self._rests: dict[bytes, _Rest] = {}

    def kept(self, resource: Json, slot: Slot) -> Kept:
        """The resource as it is to be kept, or a refusal, as `change.to_keep` has them."""
        subject = resource.get(_SUBJECT, {})
        if not (subject.keys() == {"reference"} and _PLAIN.fullmatch(subject["reference"])):
            return Kept(*to_keep(resource, slot, self._record))
        key = json.encode({name: value for name, value in resource.items() if name != _SUBJECT})
        rest = self._rests.get(key)
        if rest is None:
            made, faults = to_keep(resource, slot, self._record)
            if faults or not self._is_like_others(made, resource, slot):
                return Kept(made, faults)
            rest = self._rests[key] = self._rest(made)
        made = stamped(resource, slot.id, slot.version, self._record.at)
        kind, id_ = subject["reference"].split("/")
        return Kept(made, (), self._index(made, rest), (*rest.targets, (kind, id_)))

    def _is_like_others(self, made: Json, resource: Json, slot: Slot) -> bool:
        """Whether nothing depends on whose it is: neither what the domain makes of it, nor its rules, nor
        parameters that were added while the server runs."""
        record = self._record
        given = judge.governing(made, record)
        return (
            made == stamped(resource, slot.id, slot.version, record.at)
            and not record.door.hooks.statutes.around(made, given, False)
            and made["resourceType"] not in added().parameters
        )

    def _rest(self, made: Json) -> _Rest:
        door = self._record.door
        own = {name: value for name, value in made.items() if name not in _OF_ITS_OWN}
        common = {"resourceType": made["resourceType"], **own}
        return _Rest(extract(common, door.hasher, door.base_url), local_targets(common, door))

    def _index(self, made: Json, rest: _Rest) -> Index:
        """What it is found by: what they have in common, and what is its own."""
        door = self._record.door
        own = {name: made[name] for name in _OF_ITS_OWN if name in made}
        return _together(rest.index, extract(own, door.hasher, door.base_url))


def _together(one: Index, other: Index) -> Index:
    sorts: Mapping[str, list[str]] = {**one.sorts, **other.sorts}
    return Index(
        tokens=sorted({*one.tokens, *other.tokens}),
        facets=sorted({*one.facets, *other.facets}),
        strings=[*one.strings, *other.strings],
        dates=[*one.dates, *other.dates],
        numbers=[*one.numbers, *other.numbers],
        words=" ".join(filter(None, (one.words, other.words))),
        said=one.said | other.said,
        date=one.date or other.date,
        identifiers=[*one.identifiers, *other.identifiers],
        sorts=dict(sorts),
        child_reference=other.child_reference or one.child_reference,
        listed=one.listed | other.listed,
    )
