"""The record's comparison and Splink's own defaults on one authority that neither was fitted to."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import defaults
import door
from extract import SYSTEMS

from server.child.likeness.model import Model
from server.child.linkage import extract, truth
from server.child.linkage.cluster import Pair, gather
from server.child.linkage.extract import Held
from server.child.linkage.link import gathered, weigh
from server.child.linkage.truth import Judged, Point, Truth

STEPS = [at / 2 for at in range(-12, 61)]


@dataclass(frozen=True)
class Outcome:
    """`blocked`: the share of true pairs that share a blocking key."""

    judged: Judged
    points: Sequence[Point]
    seconds: float
    blocked: float | None = None


def records(folder: Path) -> tuple[list[Held], Truth]:
    held = [record for system in SYSTEMS for record in extract.read(folder / f"{system}.csv")]
    return held, truth.read(folder / "truth.csv", ((record.source, record.id) for record in held))


def ours(folder: Path, model: Model) -> Outcome:
    """As every child met all others at the door: candidates by the keys, weighed by the model."""
    held, true = records(folder)
    children = [record.features for record in held]
    began = perf_counter()
    candidates = door.candidates(children)
    pairs = list(weigh(children, model, sorted(candidates)))
    found = gathered(children, model, pairs)
    blocked = sum(true.same(a, b) for a, b in candidates) / true.pairs
    return Outcome(truth.judge(true, found), truth.curve(true, pairs, STEPS), perf_counter() - began, blocked)


def theirs(folder: Path, model: Model) -> Outcome:
    """Splink as it comes, at the record's threshold: its weights are bits as well."""
    began = perf_counter()
    found = defaults.pairs(folder)
    seconds = perf_counter() - began
    with (folder / "truth.csv").open(newline="") as file:
        rows = [(row["source"], row["id"]) for row in csv.DictReader(file)]
    true = truth.read(folder / "truth.csv", rows)
    at = {row: number for number, row in enumerate(rows)}
    pairs = [Pair(at[a], at[b], weight) for a, b, weight in found]
    threshold = model.parameters.threshold
    together = gather(len(rows), pairs, threshold.match, threshold.review, lambda _a, _b: False)
    return Outcome(truth.judge(true, together), truth.curve(true, pairs, STEPS), seconds)
