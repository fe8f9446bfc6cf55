"""The codes of a value set that is short enough to be kept as a list.

For whoever asks code by code a thousand times a second: a required binding, a search by a value set.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from server.definition.library import library
from server.terminology.provider import CannotTell
from server.terminology.valueset import Entry, ValueSet, value_set

MOST = 20_000


@dataclass(frozen=True, slots=True)
class Codes:
    """`listed`: system → its codes."""

    listed: Mapping[str, frozenset[str]]

    @property
    def systems(self) -> tuple[str, ...]:
        return tuple(self.listed)

    def contains(self, system: str | None, code: str) -> bool:
        """Whether the code is in the set; without a system (a `code` element has none) in any of them."""
        if system is not None:
            return code in self.listed.get(system, ())
        return any(code in codes for codes in self.listed.values())

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((system, code) for system, codes in self.listed.items() for code in sorted(codes))

    def __len__(self) -> int:
        return sum(map(len, self.listed.values()))


def codes(value_set_url: str) -> Codes | None:
    """None if the set is unknown, too long, or cannot be listed: all of SNOMED CT, every media type."""
    memo, key = library().memo, ("codes", value_set_url.partition("|")[0])
    if key in memo:
        kept: Codes | None = memo[key]
        return kept
    try:
        among = value_set(value_set_url)
        found = _codes(among)
        steady = among.steady()
    except CannotTell:
        # The missing part may be loaded while the server runs: it is asked again.
        return None
    if steady:
        memo[key] = found
    return found


def _codes(among: ValueSet) -> Codes | None:
    entries = list(islice(among.entries(), MOST + 1))
    return None if len(entries) > MOST else listed(entries)


def listed(entries: list[Entry]) -> Codes:
    """What is on a list, by system."""
    found: dict[str, set[str]] = {}
    for each in entries:
        found.setdefault(each.system, set()).add(each.concept.code)
    return Codes({system: frozenset(codes) for system, codes in found.items()})
