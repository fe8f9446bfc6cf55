"""A linkage: the records of all files held against each other, and gathered into children.

Splink finds, by the record's blocking keys and levels, the pairs that could be of one child; the record's
own model
says of each of them what it would say at the door, vetoes included.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice, permutations

from server.child.likeness.comparison import levels
from server.child.likeness.doubt import doubt
from server.child.likeness.feature import Features
from server.child.likeness.model import VETOED, Model
from server.child.likeness.name import called
from server.child.likeness.veto import Veto, veto
from server.child.linkage.cluster import Gathered, Pair, gather
from server.child.linkage.column import table
from server.child.linkage.engine import BACKENDS

_PORTION = 10_000
_WORKERS = 2
_Weighed = list[tuple[int, int, float]]
_weigher: tuple[Sequence[Features], Model]


def weighed(
    children: Sequence[Features], model: Model, backend: str, memory: str, tell: Callable[[str], None]
) -> list[Pair]:
    """Every pair that the model finds possible, with its weight."""
    tell("Finding pairs that could be of one child ...")
    engine = BACKENDS[backend](table(children), model.parameters, memory)
    # Brothers and sisters are told apart by the model only: Splink may give more than it does, hardly less.
    found = list(engine.pairs(model.parameters.threshold.possible))
    tell(f"{len(found):,} pairs; weighing them ...")
    return list(weigh(children, model, found))


def weigh(children: Sequence[Features], model: Model, pairs: Iterable[tuple[int, int]]) -> Iterator[Pair]:
    """The pairs with their weights, those that are impossible left out."""
    each = iter(pairs)
    portions = iter(lambda: list(islice(each, _PORTION)), [])
    with ProcessPoolExecutor(_WORKERS, initializer=_begin, initargs=(children, model)) as pool:
        for portion in pool.map(_weigh, portions):
            yield from (Pair(*pair) for pair in portion)


def gathered(children: Sequence[Features], model: Model, pairs: Iterable[Pair]) -> Gathered:
    """The pairs made into children."""

    def apart(a: int, b: int) -> bool:
        one, other = children[a], children[b]
        return veto(one, other, levels(one, other)) is not None

    twins = _twins(children)

    def doubtful(a: int, b: int, several: bool) -> bool:
        known = (*twins.get(a, ()), *twins.get(b, ()))
        if not (several or known):
            # What the two say by themselves is in their weight.
            return False
        one, other = children[a], children[b]
        return doubt(one, other, levels(one, other), known, several=several)

    threshold = model.parameters.threshold
    return gather(len(children), pairs, threshold.match, threshold.review, apart, doubtful)


def _twins(children: Sequence[Features]) -> dict[int, set[str]]:
    """By record, what twins are called whom another record tells of, of the same day and postcode."""
    born: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, child in enumerate(children):
        if child.born and child.given:
            for where in {postcode for postcode, _, _ in child.homes if postcode}:
                born[child.born, where].append(at)
    found: dict[int, set[str]] = defaultdict(set)
    for at, other in (pair for some in born.values() for pair in permutations(some, 2)):
        if veto(children[at], children[other], levels(children[at], children[other])) is Veto.TWIN:
            found[at].update(called(names)[0] for names in children[other].given)
    return found


def _begin(children: Sequence[Features], model: Model) -> None:
    """What each process is told once, and not with every portion."""
    global _weigher
    _weigher = (children, model)


def _weigh(pairs: list[tuple[int, int]]) -> _Weighed:
    children, model = _weigher
    return [(a, b, weight) for a, b in pairs if (weight := model.weigh(children[a], children[b])) > VETOED]
