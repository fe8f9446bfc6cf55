"""The Patients that are one child, and what that makes of the hashes of a version.

What speaks of one of them is found by the id of each: a version bears the hashes of all. Whose it was said to
be is kept among its hashes too, so that it can be told for every version, whenever it was written, where it
belongs once they are taken apart. `own` and `placed` are each other's inverse.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from server.definition.added import added
from server.definition.library import library
from server.search.facet import facet
from server.search.hash import Hasher
from server.store.merge.ledger import Merge


@dataclass(frozen=True, slots=True)
class Said:
    """What a version says: whose it is (a Patient's, or its own), of whom else it speaks, its hashes."""

    home: int
    others: tuple[int, ...]
    tokens: frozenset[int]


@dataclass(frozen=True, slots=True)
class Kept:
    """Under which child a version is kept, which others it speaks of, and the hashes that it bears."""

    child: int
    others: tuple[int, ...]
    tokens: frozenset[int]


@dataclass(frozen=True)
class Aliases:
    """`ids`: by number, the Patients in question; `into`: those that are merged, and in which."""

    hasher: Hasher
    ids: Mapping[int, str]
    into: Mapping[int, int]
    _roots: dict[int, int] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, hasher: Hasher, merges: Iterable[Merge], but: Merge | None = None) -> "Aliases":
        """As these merges have it, without one of them."""
        some = list(merges)
        ids = {rid: id_ for each in some for rid, id_ in _named(each)}
        return cls(hasher, ids, {each.source: each.child for each in some if each != but})

    def root(self, rid: int) -> int:
        """The child that a Patient is; of what is no Patient, or is merged with none, itself."""
        while rid in self.into:
            rid = self.into[rid]
        return rid

    @cached_property
    def roots(self) -> frozenset[int]:
        """Under which the Patients are kept."""
        return frozenset(map(self.root, self.ids))

    @cached_property
    def merged(self) -> frozenset[int]:
        """Those of the roots that are more than one Patient."""
        return frozenset(map(self.root, self.into))

    def members(self, root: int) -> list[int]:
        """The Patients that are one child."""
        return [rid for rid in self.ids if self.root(rid) == root]

    def bearing(self, tokens: frozenset[int]) -> frozenset[int]:
        """Those of the hashes that have to do with these Patients: no other matters to where it belongs."""
        return tokens & self._bearing

    # ---- from what is kept to what was said, and back ------------------------------------------------------

    def own(self, kept: Kept) -> Said:
        """What a version says by itself."""
        tokens = kept.tokens
        home = next((rid for rid, mark in self._homes.items() if mark in tokens), kept.child)
        spoken = [rid for rid, mark in self._others.items() if mark in tokens]
        marked = {self.root(rid) for rid in spoken}
        others = (*(each for each in kept.others if each not in marked), *spoken)
        return Said(home, tuple(sorted(others)), tokens - self._added(tokens))

    def placed(self, said: Said) -> Kept:
        """Where it is kept, and under which hashes."""
        child = self.root(said.home)
        others = {self.root(each) for each in said.others} - {child}
        tokens = set(said.tokens)
        for hash_ in self._aliases(said.tokens):
            tokens |= {hash_, hash_ ^ self._key}
        if child != said.home:
            tokens.add(self._homes[said.home])
        tokens |= {self._others[each] for each in said.others if self.root(each) in self.merged}
        return Kept(child, tuple(sorted(others)), frozenset(tokens))

    def aliases(self, kept: Kept) -> set[int]:
        """The hashes that a version bears because of what it was found to be the same as."""
        return {hash_ for hash_ in kept.tokens & self._parameters.keys() if hash_ ^ self._key in kept.tokens}

    def listed(self, hashes: Iterable[int]) -> list[int]:
        """Those that are listed across children."""
        return sorted(hash_ for hash_ in hashes if self._parameters[hash_][2])

    def _added(self, tokens: frozenset[int]) -> set[int]:
        aliases = {hash_ for hash_ in tokens & self._parameters.keys() if hash_ ^ self._key in tokens}
        marks = {*self._homes.values(), *self._others.values()}
        return {*aliases, *(hash_ ^ self._key for hash_ in aliases), *marks}

    def _aliases(self, tokens: frozenset[int]) -> Iterator[int]:
        for hash_ in tokens & self._parameters.keys():
            parameter, rid, _ = self._parameters[hash_]
            for each in self._group[rid]:
                other = self._hashes[parameter, each]
                if other not in tokens:
                    yield other

    # ---- hashes --------------------------------------------------------------------------------------------

    @cached_property
    def _group(self) -> Mapping[int, list[int]]:
        return {rid: self.members(self.root(rid)) for rid in self.ids}

    @cached_property
    def _key(self) -> int:
        return self.hasher.token("", ":alias", "")

    @cached_property
    def _homes(self) -> Mapping[int, int]:
        return {rid: self.hasher.token("", ":home", str(rid)) for rid in self.ids}

    @cached_property
    def _others(self) -> Mapping[int, int]:
        return {rid: self.hasher.token("", ":other", str(rid)) for rid in self.ids}

    @cached_property
    def _hashes(self) -> Mapping[tuple[int, int], int]:
        """By parameter and Patient, the hash of a reference."""
        return {
            (at, rid): self.hasher.token(type_, code, f"Patient/{id_}")
            for at, (type_, code, _) in enumerate(_references())
            for rid, id_ in self.ids.items()
        }

    @cached_property
    def _bearing(self) -> frozenset[int]:
        known = self._parameters.keys()
        marks = {*self._homes.values(), *self._others.values()}
        return frozenset({*known, *(hash_ ^ self._key for hash_ in known), *marks})

    @cached_property
    def _parameters(self) -> Mapping[int, tuple[int, int, bool]]:
        """By hash, the parameter, the Patient, and whether it is listed across children."""
        known = _references()
        return {hash_: (at, rid, known[at][2]) for (at, rid), hash_ in self._hashes.items()}


def _named(merge: Merge) -> Iterator[tuple[int, str]]:
    yield merge.child, merge.target_id
    yield merge.source, merge.source_id


def _references() -> Sequence[tuple[str, str, bool]]:
    """Every parameter by which a reference to a Patient may be hashed: (type, code, whether it is listed)."""
    return [
        (type_, code, facet(type_, parameter).lists("Patient/x"))
        for type_ in library().resource_types
        for code, parameter in added().beside(type_, library().shipped(type_)).items()
        if parameter.type == "reference"
    ]
