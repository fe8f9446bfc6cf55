"""What was found held against what is true: precision and recall at any threshold."""

import csv
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from server.child.linkage.cluster import Gathered, Pair
from server.child.linkage.mapping import MappingError


@dataclass(frozen=True)
class Truth:
    """`child`: of each record, in the order of the records. `twin`: the birth, where it was of several."""

    child: Sequence[str]
    twin: Sequence[str]

    @property
    def pairs(self) -> int:
        """How many pairs of records are of one child."""
        return sum(many * (many - 1) // 2 for many in Counter(self.child).values())

    def same(self, a: int, b: int) -> bool:
        return self.child[a] == self.child[b]

    def twins(self, a: int, b: int) -> bool:
        return bool(self.twin[a]) and self.twin[a] == self.twin[b] and not self.same(a, b)


@dataclass(frozen=True)
class Point:
    threshold: float
    precision: float
    recall: float


@dataclass(frozen=True)
class Judged:
    """`recall` and `precision` are of pairs of records in one group, the pairs that follow from others
    included."""

    precision: float
    recall: float
    found: int
    right: int
    true: int
    twins: int
    children: int
    open: int

    @property
    def review(self) -> float:
        """Pairs left to people, as a share of the children."""
        return self.open / self.children


def read(path: Path, records: Iterable[tuple[str, str]]) -> Truth:
    """A CSV of `source,id,child` and, if known, `twin`, in the order of `records`."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        known = {
            (row["source"], row["id"]): (row["child"], row.get("twin", "")) for row in csv.DictReader(file)
        }
    try:
        told = [known[record] for record in records]
    except KeyError as error:
        raise MappingError(f"{path} does not say which child {error} is.") from error
    return Truth([child for child, _ in told], [twin for _, twin in told])


def judge(truth: Truth, gathered: Gathered) -> Judged:
    found = sum(many * (many - 1) // 2 for many in Counter(gathered.child).values())
    both = Counter(zip(gathered.child, truth.child, strict=True))
    right = sum(many * (many - 1) // 2 for many in both.values())
    return Judged(
        right / found if found else 1.0, right / truth.pairs if truth.pairs else 1.0,
        found, right, truth.pairs,
        _twins(truth, gathered), len(set(truth.child)), len(gathered.open),
    )  # fmt: skip


def curve(truth: Truth, pairs: Iterable[Pair], thresholds: Iterable[float]) -> list[Point]:
    """Precision and recall of the pairs, were each threshold the one."""
    ranked = sorted(pairs, key=lambda pair: pair.weight)
    right = list(accumulate((truth.same(pair.a, pair.b) for pair in reversed(ranked)), initial=0))
    weights = [pair.weight for pair in ranked]
    points = []
    for threshold in thresholds:
        found = len(ranked) - bisect_left(weights, threshold)
        hits = right[found]
        points.append(Point(threshold, hits / found if found else 1.0, hits / max(truth.pairs, 1)))
    return points


def _twins(truth: Truth, gathered: Gathered) -> int:
    """Births of several of whom two were made one."""
    groups: dict[int, dict[str, set[str]]] = {}
    for group, child, twin in zip(gathered.child, truth.child, truth.twin, strict=True):
        if twin:
            groups.setdefault(group, {}).setdefault(twin, set()).add(child)
    return sum(len(children) > 1 for group in groups.values() for children in group.values())
