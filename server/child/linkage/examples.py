"""Pairs worth a look: the surest, those nearest to the thresholds, and those that a veto keeps apart."""

from collections.abc import Iterator, Sequence

from server.child.likeness.feature import Features
from server.child.likeness.model import Model
from server.child.linkage.chart import Bar
from server.child.linkage.cluster import Gathered, Pair
from server.child.linkage.report import Example

_EACH = 2


def examples(
    children: Sequence[Features], model: Model, pairs: Sequence[Pair], gathered: Gathered
) -> list[Example]:
    """A few of each kind, taken apart."""
    threshold = model.parameters.threshold
    ranked = sorted(pairs, key=lambda pair: -pair.weight)
    above = [pair for pair in ranked if pair.weight >= threshold.match]
    below = [pair for pair in ranked if pair.weight < threshold.review]
    return [
        Example(title, bars(children[pair.a], children[pair.b], model))
        for title, shown in (
            ("One child, as sure as any", above[:_EACH]),
            ("One child, only just", above[-_EACH:]),
            ("For a person to decide", gathered.open[:_EACH]),
            ("Two children, only just", below[:_EACH]),
        )
        for pair in shown
    ]


def bars(a: Features, b: Features, model: Model) -> list[Bar]:
    """The steps from the prior to the weight of a pair."""
    return [Bar("any two children", model.prior), *_evidence(a, b, model)]


def _evidence(a: Features, b: Features, model: Model) -> Iterator[Bar]:
    for evidence in model.compare(a, b).evidence:
        yield Bar(
            f"{evidence.comparison.replace('_', ' ')}: {evidence.level.replace('_', ' ')}", evidence.weight
        )
