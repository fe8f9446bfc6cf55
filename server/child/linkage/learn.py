"""Weights learned from a population itself: m and u by Splink, what brothers and sisters share by counting.

https://moj-analytical-services.github.io/splink/topic_guides/training/training_rationale.html
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from itertools import combinations

import msgspec
from splink import block_on

from server.child.likeness.comparison import COMPARISONS, GIVEN, MISSING, Given, levels
from server.child.likeness.feature import Features
from server.child.likeness.lexicon import Frequency
from server.child.likeness.model import Level, Model, Parameters, Prior, Weighted
from server.child.linkage.column import Column, table
from server.child.linkage.engine import Engine, duckdb
from server.child.linkage.link import weigh

Shares = Mapping[str, Frequency]
"""`given` and `family`."""

_SEED = 1
_RANDOM_PAIRS = 3e6
_RARE = 1e-7
"""No level is impossible: what was not met in a sample may be met."""
_PREGNANCIES = 270
"""Days between the births of two children of one mother who are no twins, at least."""
_YEARS = 400
"""Days that are more than a year put down wrongly: who were born so far apart are two, whatever their
names."""
_STEPS = 2
_BEGUN = 0.1
_POSSIBLE = -3.0
_LEFT = 0.05
"""Of a level that strangers hardly come to, so much is left at least: a sample cannot tell less."""
_NOT_BY_HOME = frozenset({"address"})
"""What the home of a family does not tell: it is counted where families are known by a parent and a
school."""
_ENOUGH = 100
_LARGEST = 12
"""More children of one home than this are of a place for children, and no family."""
_LISTED = 3
"""A name that fewer bear is not listed: a list of rare names would be a list of children."""


def learned(
    children: Sequence[Features], begun: Parameters, shares: Shares, memory: str, tell: Callable[[str], None]
) -> Parameters:
    """The levels, thresholds and words that it was begun with, and probabilities of this population's own."""
    columns = table(children)
    engine = duckdb(columns, begun, memory, trained=False)
    _train(engine, tell)
    tell("Counting what brothers and sisters share ...")
    shared, families = _siblings(children)
    told = engine.learned()
    comparisons = [
        _weighted(weighted, told[weighted.name], shared[weighted.name]) for weighted in begun.comparison
    ]
    trained = msgspec.structs.replace(begun, comparison=comparisons)
    tell("Weighing who is one child ...")
    return _settled(trained, begun, shares, columns, children, families=families, memory=memory)


def frequencies(children: Sequence[Features], source: str) -> Shares:
    """How many bear each given and each family name; what few bear is told together."""
    return {
        "given": _shares([child.given[0][0] for child in children if child.given], source),
        "family": _shares([" ".join(child.family[0]) for child in children if child.family], source),
    }


def _train(engine: Engine, tell: Callable[[str], None]) -> None:
    training = engine.linker.training
    tell("Learning how often strangers agree ...")
    training.estimate_u_using_random_sampling(max_pairs=_RANDOM_PAIRS, seed=_SEED, min_count_per_level=None)
    # Neither rule brings brothers and sisters together, who would be taken for a kind of one child.
    for rule in (block_on("born"), block_on("given", "family")):
        tell(f"Learning how often one child's records agree, among those of one {_said(rule)} ...")
        training.estimate_parameters_using_expectation_maximisation(rule)


def _said(rule: object) -> str:
    return "birth date" if "born" in str(vars(rule)) else "name"


def _siblings(children: Sequence[Features]) -> tuple[Mapping[str, Counter[int]], int]:
    """The levels of pairs of one family but not of one child, and how many such pairs there are."""
    shared: dict[str, Counter[int]] = {name: Counter() for name in COMPARISONS}
    by_home = _count(children, _homes, shared, _NOT_BY_HOME)
    _count(children, _carers, shared, COMPARISONS.keys() - _NOT_BY_HOME)
    return shared, by_home


def _count(
    children: Sequence[Features],
    of: Callable[[Features], Iterator[tuple[str, ...]]],
    shared: Mapping[str, Counter[int]],
    untold: Collection[str],
) -> int:
    """Pairs of one family; of what the family was found by (`untold`), they tell nothing."""
    pairs = 0
    for a, b in _of_one_family(children, of):
        found = levels(children[a], children[b])
        apart = _days_apart(children[a], children[b])
        if apart < _YEARS and (found[GIVEN] != Given.DIFFER or 0 < apart < _PREGNANCIES):
            continue
        pairs += 1
        for name, level in zip(COMPARISONS, found, strict=True):
            # Of those born close together only they were taken who are called by different names.
            if level != MISSING and name not in untold and (name != "given_name" or apart >= _YEARS):
                shared[name][level] += 1
    return pairs


def _of_one_family(
    children: Sequence[Features], of: Callable[[Features], Iterator[tuple[str, ...]]]
) -> list[tuple[int, int]]:
    families: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at, child in enumerate(children):
        if child.given and len(child.born) == 10:
            for family in of(child):
                families[family].append(at)
    blocks = (block for block in families.values() if 1 < len(block) <= _LARGEST)
    return sorted({pair for block in blocks for pair in combinations(block, 2)})


def _homes(child: Features) -> Iterator[tuple[str, ...]]:
    yield from ((postcode, house) for postcode, house, _ in child.homes[:1] if postcode and house)


def _carers(child: Features) -> Iterator[tuple[str, ...]]:
    for (given, *_), family in child.parents:
        yield from ((given, "".join(family), school) for school in child.schools)


def _days_apart(one: Features, other: Features) -> int:
    try:
        return abs(date.fromisoformat(one.born).toordinal() - date.fromisoformat(other.born).toordinal())
    except ValueError:
        return 1


def _weighted(weighted: Weighted, found: Sequence[Mapping[str, object]], shared: Counter[int]) -> Weighted:
    level = [
        msgspec.structs.replace(
            each,
            m=max(each.m * _LEFT, _share(told.get("m_probability"), each.m)),
            u=_share(told.get("u_probability"), each.u),
        )
        for each, told in zip(weighted.level, found, strict=True)
    ]
    return msgspec.structs.replace(weighted, level=_with_shared(level, shared))


def _with_shared(level: Sequence[Level], shared: Counter[int]) -> list[Level]:
    """`s` as counted; of too few, it is kept."""
    total = sum(shared.values())
    if total < _ENOUGH:
        return list(level)
    return [
        msgspec.structs.replace(each, s=max(_RARE, (shared[at] + 0.5) / (total + len(level) / 2)))
        for at, each in enumerate(level)
    ]


def _share(found: object, otherwise: float) -> float:
    """What was learned; what was never met keeps what it had."""
    return min(1.0, max(_RARE, found)) if isinstance(found, float) else otherwise


def _settled(
    trained: Parameters, begun: Parameters, shares: Shares, columns: Mapping[str, Column],
    children: Sequence[Features], *, families: int, memory: str,
) -> Parameters:  # fmt: skip
    """The prior and m, from the pairs that the weights themselves hold to be of one child, each as far as
    they do.

    These are the last steps of Splink's expectation and maximisation, taken with the levels of the
    record's own
    comparisons in the place of what SQL makes of them.
    """
    every = len(children) * (len(children) - 1) / 2
    for _ in range(_STEPS):
        engine = duckdb(columns, trained, memory)
        pairs = weigh(children, Model(trained, **shares), engine.pairs(_POSSIBLE))
        met: dict[str, dict[int, float]] = {name: defaultdict(float) for name in COMPARISONS}
        same = 0.0
        for pair in pairs:
            probability = 1 / (1 + 2.0**-pair.weight)
            same += probability
            for name, level in zip(COMPARISONS, levels(children[pair.a], children[pair.b]), strict=True):
                met[name][level] += probability
        trained = msgspec.structs.replace(
            trained,
            prior=Prior(max(_RARE, same / every), max(_RARE, families / every)),
            comparison=[
                _met(each, met[each.name], before)
                for each, before in zip(trained.comparison, begun.comparison, strict=True)
            ],
        )
    return _of_strangers(trained)


def _met(weighted: Weighted, met: Mapping[int, float], begun: Weighted) -> Weighted:
    """m as met; one part in so many is what it was begun with, for the slips that this population happens
    not to have."""
    total = sum(count for level, count in met.items() if level != MISSING)
    if total < _ENOUGH:
        return weighted
    level = [
        msgspec.structs.replace(each, m=(1 - _BEGUN) * met.get(at, 0.0) / total + _BEGUN * before.m)
        for at, (each, before) in enumerate(zip(weighted.level, begun.level, strict=True))
    ]
    return msgspec.structs.replace(weighted, level=level)


def _of_strangers(trained: Parameters) -> Parameters:
    """Pairs taken at random are strangers but for the few of one child or family, who agree so much more
    often that
    they are most of those who share a home: they are taken off."""
    same, sibling = trained.prior.same, trained.prior.sibling
    comparisons = [
        msgspec.structs.replace(
            each,
            level=[
                msgspec.structs.replace(level, u=min(1.0, max(level.u * _LEFT, _less(level, same, sibling))))
                for level in each.level
            ],
        )
        for each in trained.comparison
    ]
    return msgspec.structs.replace(trained, comparison=comparisons)


def _less(level: Level, same: float, sibling: float) -> float:
    return (level.u - same * level.m - sibling * level.s) / (1 - same - sibling)


def _shares(names: Sequence[str], source: str) -> Frequency:
    held = Counter(names)
    total = sum(held.values())
    listed = {name: count for name, count in sorted(held.items()) if count >= _LISTED}
    few = [count for count in held.values() if count < _LISTED]
    rest = sum(few) / max(1, len(few)) / total if total else 1e-5
    return Frequency(
        source, rest or 1 / max(1, total), {name: round(count / total, 7) for name, count in listed.items()}
    )
