"""What stands above each concept, and what below: the transitive closure of those right above it.

Numbers stand for codes, in their order from 1. In arrays a relation takes four bytes: half a million concepts
with fifteen above each take 30 MB.
"""

from array import array
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TypeAlias

from server.terminology.intake.release import Unreadable

Numbers: TypeAlias = "array[int]"


class Ancestry:
    """By number; in the place of 0 is nothing.

    Raises:
        Unreadable: a code stands above itself, or one that does not exist stands above another.
    """

    def __init__(self, parents: Mapping[str, Sequence[str]]) -> None:
        self.codes: Sequence[str] = sorted(parents)
        self.number: Mapping[str, int] = {code: number for number, code in enumerate(self.codes, 1)}
        self.parents = [array("i"), *(self._numbers(code, parents[code]) for code in self.codes)]
        self.above = _above(self)
        self.below = _below(self.above)

    def _numbers(self, code: str, above: Sequence[str]) -> Numbers:
        if not above:
            return _NOTHING
        try:
            return array("i", sorted({self.number[each] for each in above}))
        except KeyError as missing:
            raise Unreadable(
                f"'{code}' stands under {missing}, which is not among the concepts. An extension has to be "
                "loaded together with what it extends: name the files of both."
            ) from None


_NOTHING: Numbers = array("i")


def _above(ancestry: Ancestry) -> list[Numbers]:
    found = [_NOTHING] * len(ancestry.parents)
    for number in _from_the_top(ancestry):
        parents = ancestry.parents[number]
        if parents:
            found[number] = array("i", sorted(set(parents).union(*(found[each] for each in parents))))
    return found


def _from_the_top(ancestry: Ancestry) -> Sequence[int]:
    """Every number after all that stand above it."""
    try:
        return tuple(TopologicalSorter(dict(enumerate(ancestry.parents))).static_order())
    except CycleError as error:
        circle = ", ".join(f"'{ancestry.codes[number - 1]}'" for number in error.args[1])
        raise Unreadable(f"The hierarchy goes round in a circle: {circle}.") from None


def _below(above: Sequence[Numbers]) -> Mapping[int, Numbers]:
    """Rising, for every number that stands above another."""
    found: dict[int, Numbers] = {}
    for number, those in enumerate(above):
        for each in those:
            if each in found:
                found[each].append(number)
            else:
                found[each] = array("i", (number,))
    return found
