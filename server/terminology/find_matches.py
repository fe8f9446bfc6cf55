"""Codes by what is known of them.

https://hl7.org/fhir/R4/codesystem-operation-find-matches.html
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from server.terminology.provider import Concept, Filter, Query, System

MOST = 100
"""Matches that are told."""


@dataclass(frozen=True, slots=True)
class Match:
    """`unmatched`: which of the properties, by their place, the concept has not."""

    concept: Concept
    unmatched: tuple[int, ...] = ()


def find_matches(system: System, wanted: Sequence[Filter], *, exact: bool) -> list[Match]:
    """The codes that have all of the properties; where none has, or for a person to choose from, some.

    Raises:
        CannotTell: the system cannot be asked by such a property.
    """
    whole = [Match(each) for each in system.matching(Query(tuple(wanted), limit=MOST))]
    if whole and exact:
        return whole
    known = {match.concept.code for match in whole}
    partly = {
        match.concept.code: match for match in _partly(system, wanted) if match.concept.code not in known
    }
    best_first = sorted(partly.values(), key=lambda match: len(match.unmatched))
    return [*whole, *best_first][:MOST]


def _partly(system: System, wanted: Sequence[Filter]) -> Iterator[Match]:
    if len(wanted) < 2:
        return
    for each in wanted:
        for concept in islice(system.matching(Query((each,), limit=MOST)), MOST):
            missing = (at for at, other in enumerate(wanted) if not system.holds(concept.code, (other,)))
            yield Match(concept, tuple(missing))
