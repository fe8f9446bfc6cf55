"""Precision and recall are counted of pairs, those that follow from others included."""

from pathlib import Path

import pytest

from server.child.linkage.cluster import Gathered, Pair
from server.child.linkage.mapping import MappingError
from server.child.linkage.truth import Truth, curve, judge, read

TRUTH = Truth(["x", "x", "x", "y", "z"], ["", "", "", "b", "b"])


@pytest.mark.parametrize(
    ("child", "precision", "recall", "twins"),
    [
        ([0, 0, 0, 3, 4], 1.0, 1.0, 0),
        ([0, 0, 2, 3, 4], 1.0, 1 / 3, 0),
        ([0, 0, 0, 3, 3], 3 / 4, 1.0, 1),
        ([0, 0, 0, 0, 4], 3 / 6, 1.0, 0),
        ([0, 1, 2, 3, 4], 1.0, 0.0, 0),
    ],
)
def test_what_was_found_is_held_against_the_truth(
    child: list[int], precision: float, recall: float, twins: int
) -> None:
    judged = judge(TRUTH, Gathered(child, [], []))
    assert (judged.precision, judged.recall, judged.twins) == (precision, recall, twins)
    assert judged.children == 3


def test_a_curve_tells_both_at_each_threshold() -> None:
    pairs = [Pair(0, 1, 9), Pair(3, 4, 5), Pair(1, 2, 2)]
    points = curve(TRUTH, pairs, [0, 3, 6, 10])
    assert [(point.precision, point.recall) for point in points] == [
        (2 / 3, 2 / 3), (1 / 2, 1 / 3), (1.0, 1 / 3), (1.0, 0.0),
    ]  # fmt: skip


def test_a_record_of_which_the_truth_knows_nothing_is_told(tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    path.write_text("source,id,child\neducation,1,a\n")
    assert read(path, [("education", "1")]).child == ["a"]
    with pytest.raises(MappingError, match="care"):
        read(path, [("care", "1")])
