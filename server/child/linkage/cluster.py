"""Pairs gathered into children: who is like whom, but never two who are known to be two."""

from collections.abc import Callable, Iterable
from typing import NamedTuple


class Pair(NamedTuple):
    """Two records by their number, and the match weight in bits."""

    a: int
    b: int
    weight: float


class Gathered(NamedTuple):
    """`child`: the group of each record, called by its lowest number. `open`: pairs that a person must
    look at."""

    child: list[int]
    same: list[Pair]
    open: list[Pair]


def gather(
    count: int,
    pairs: Iterable[Pair],
    match: float,
    review: float,
    apart: Callable[[int, int], bool],
    doubtful: Callable[[int, int, bool], bool] = lambda *_: False,
) -> Gathered:
    """The surest pairs first; a pair that would bring together two who are `apart` is left to a person, and
    one that would bring together two who are `doubtful`, given whether there would be more than the two.

    Plain connected components would make one child of twins as soon as a third record resembled both.
    """
    of = list(range(count))
    members: dict[int, list[int]] = {}
    same: list[Pair] = []
    left: list[Pair] = []
    for pair in sorted(pairs, key=lambda pair: (-pair.weight, pair.a, pair.b)):
        if pair.weight < review:
            break
        a, b = of[pair.a], of[pair.b]
        if a == b:
            if pair.weight >= match:
                same.append(pair)
            continue
        ours, theirs = members.get(a, [a]), members.get(b, [b])
        several = len(ours) + len(theirs) > 2
        both = [(one, other) for one in ours for other in theirs]
        if pair.weight < match or any(apart(*each) or doubtful(*each, several) for each in both):
            left.append(pair)
            continue
        same.append(pair)
        low, gone = min(a, b), max(a, b)
        for member in members.pop(gone, [gone]):
            of[member] = low
            members.setdefault(low, [low]).append(member)
    # What was asked of a person may have been answered by surer pairs since.
    return Gathered(of, same, [pair for pair in left if of[pair.a] != of[pair.b]])
