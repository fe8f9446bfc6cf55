"""Which of a number of codes stand above which: what a client keeps in a table to search by.

https://hl7.org/fhir/R4/terminology-service.html#closure
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from server.fhir import Json
from server.terminology import systems


class Pair(NamedTuple):
    """`below` is a kind of `above`."""

    system: str
    below: str
    above: str


def pairs(new: Iterable[tuple[str, str]], held: Sequence[tuple[str, str]]) -> Iterator[Pair]:
    """What is new when codes (system and code) are added to others: both ways, and among themselves.

    Raises:
        CannotTell: a code does not exist, or its system cannot tell.
    """
    known = [*held]
    for url, code in new:
        system = systems.known(url)
        for other in (other for other_url, other in known if other_url == url):
            if system.subsumes(other, code):
                yield Pair(url, code, other)
            elif system.subsumes(code, other):
                yield Pair(url, other, code)
        known.append((url, code))


def concept_map(name: str, version: int, found: Iterable[Pair]) -> Json:
    """Pairs as R4 has them told: each element is a code, and its targets those that subsume it."""
    groups: dict[str, dict[str, list[str]]] = {}
    for pair in found:
        groups.setdefault(pair.system, {}).setdefault(pair.below, []).append(pair.above)
    return {
        "resourceType": "ConceptMap",
        "name": name,
        "version": str(version),
        "status": "active",
        "experimental": False,
        **({"group": [_group(system, elements) for system, elements in groups.items()]} if groups else {}),
    }


def _group(system: str, elements: dict[str, list[str]]) -> Json:
    return {
        "source": system,
        "target": system,
        "element": [
            {"code": below, "target": [{"code": each, "equivalence": "subsumes"} for each in above]}
            for below, above in elements.items()
        ],
    }
