"""Candidates as a new child meets them at the door: those who share a blocking key with it."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

from server.child.likeness.block import keys
from server.child.likeness.feature import Features

MOST = 60
"""A key that more have leads to nobody."""


def candidates(children: Sequence[Features], most: int = MOST) -> set[tuple[int, int]]:
    """Pairs that share a key."""
    held: dict[int, list[int]] = defaultdict(list)
    for at, child in enumerate(children):
        for key in keys(child):
            held[key].append(at)
    return {pair for block in held.values() if len(block) <= most for pair in combinations(block, 2)}
