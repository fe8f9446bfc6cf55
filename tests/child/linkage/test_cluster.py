"""Pairs become children, and never two who are known to be two."""

import pytest

from server.child.linkage.cluster import Pair, gather


def together(pairs: list[tuple[int, int, float]], apart: set[tuple[int, int]] = frozenset(), count: int = 5):  # type: ignore[no-untyped-def, assignment]
    def are_apart(a: int, b: int) -> bool:
        return (min(a, b), max(a, b)) in apart

    return gather(count, [Pair(*pair) for pair in pairs], 10, 0, are_apart)


@pytest.mark.parametrize(
    ("pairs", "apart", "children", "left"),
    [
        ([], set(), [0, 1, 2, 3, 4], []),
        ([(0, 1, 12)], set(), [0, 0, 2, 3, 4], []),
        ([(0, 1, 12), (1, 2, 11)], set(), [0, 0, 0, 3, 4], []),
        ([(3, 4, 30), (1, 3, 20)], set(), [0, 1, 2, 1, 1], []),
        ([(0, 1, 9)], set(), [0, 1, 2, 3, 4], [(0, 1)]),
        ([(0, 1, -1)], set(), [0, 1, 2, 3, 4], []),
        # A third record resembles both twins: it goes with the one it resembles more, the other is for a
        # person.
        ([(0, 2, 15), (1, 2, 12)], {(0, 1)}, [0, 1, 0, 3, 4], [(1, 2)]),
        ([(0, 2, 15), (1, 3, 14), (2, 3, 13)], {(0, 1)}, [0, 1, 0, 1, 4], [(2, 3)]),
        # What a person would have been asked is answered by surer pairs.
        ([(0, 1, 12), (1, 2, 12), (0, 2, 5)], set(), [0, 0, 0, 3, 4], []),
    ],
)
def test_the_surest_pairs_come_first_and_nobody_is_joined_with_a_twin(pairs, apart, children, left) -> None:  # type: ignore[no-untyped-def]
    found = together(pairs, apart)
    assert found.child == children
    assert [(pair.a, pair.b) for pair in found.open] == left


def test_the_order_of_the_pairs_makes_no_difference() -> None:
    pairs = [(0, 1, 12.0), (1, 2, 12.0), (2, 3, 12.0), (0, 3, 4.0)]
    assert together(pairs, {(0, 3)}) == together(pairs[::-1], {(0, 3)})
