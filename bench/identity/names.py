"""Names of many origins, drawn as often as they are borne."""

import json
from bisect import bisect
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

HERE = Path(__file__).parent
DATA: dict[str, Any] = json.loads((HERE / "name.json").read_text())


@dataclass(frozen=True)
class Drawn:
    """A list of names, the n-th drawn in proportion to 1 / (n + flat)."""

    names: tuple[str, ...]
    weights: tuple[float, ...]

    @classmethod
    def of(cls, names: list[str], flat: float) -> "Drawn":
        once = tuple(dict.fromkeys(names))
        return cls(once, tuple(accumulate(1 / (n + flat) for n in range(1, len(once) + 1))))

    def draw(self, dice: Random) -> str:
        return self.names[bisect(self.weights, dice.random() * self.weights[-1])]


@dataclass(frozen=True)
class Origin:
    name: str
    girls: Drawn
    boys: Drawn
    women: Drawn
    men: Drawn
    families: Drawn
    rare: Drawn
    tail: float
    prefix: tuple[str, float] | None = None
    feminine: tuple[tuple[str, str], ...] = ()
    compound: float = 0

    def family(self, dice: Random) -> str:
        """A surname: the commoner ones from the list, the rest from the long tail."""
        return (self.rare if dice.random() < self.tail else self.families).draw(dice)

    def gendered(self, family: str, sex: str) -> str:
        """Kowalski's daughter is Kowalska."""
        for masculine, feminine in self.feminine:
            if sex == "F" and family.endswith(masculine):
                return family.removesuffix(masculine) + feminine
        return family


@cache
def origins() -> tuple[tuple[Origin, ...], tuple[int, ...]]:
    every = DATA["origins"]
    return tuple(_origin(name, told) for name, told in every.items()), tuple(
        accumulate(told["share"] for told in every.values())
    )


def origin(dice: Random) -> Origin:
    of, shares = origins()
    return of[bisect(shares, dice.random() * shares[-1])]


@cache
def written() -> dict[str, tuple[str, ...]]:
    """A name → the ways that it is written otherwise."""
    ways: dict[str, tuple[str, ...]] = {}
    for line in DATA["written"]:
        forms = line.split()
        for form in forms:
            ways[form] = ways.get(form, ()) + tuple(other for other in forms if other != form)
    return ways


@cache
def short() -> dict[str, tuple[str, ...]]:
    return {name: tuple(forms.split()) for name, forms in DATA["short"].items()}


@cache
def alike(sex: str) -> tuple[tuple[str, ...], ...]:
    """Names that twins have and that are taken for one another; two spellings of one name nobody gives to two."""
    return tuple(tuple(pair.split()) for pair in DATA["alike"][sex])


def _origin(name: str, told: dict[str, Any]) -> Origin:
    flat = told["flat"]

    def drawn(part: str, flat: float = flat) -> Drawn:
        return Drawn.of(told[part].split(), flat)

    rare = [stem + ending for ending in told["endings"].split() for stem in told["stems"].split()]
    prefix = tuple(told["prefix"][:2]) if "prefix" in told else None
    # The commonest British surname is borne by 1.1 %, the commonest given name by 2 %.
    families = drawn("families", flat if name != "british" else 10)
    Random(name).shuffle(rare)
    return Origin(
        name, drawn("girls"), drawn("boys"), drawn("women", 12), drawn("men", 12), families,
        Drawn.of(rare, 40), told["tail"], prefix,
        tuple((a, b) for a, b in told.get("feminine", ())), told.get("compound", 0),
    )  # fmt: skip
