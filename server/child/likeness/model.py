"""The model: how much each agreement and disagreement says for one child, after Fellegi and Sunter.

A pair is one child (m), two strangers (u), or brother and sister (s): they share the family, the home and the
school, and by m and u alone they would be one child. What a name says depends on how many bear it.

https://doi.org/10.1080/01621459.1969.10501049 · https://moj-analytical-services.github.io/splink/topic_guides/theory/fellegi_sunter.html
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import log2
from typing import NamedTuple

import msgspec

from server.child.likeness.comparison import (
    BIRTH,
    COMPARISONS,
    FAMILY,
    GIVEN,
    MISSING,
    Birth,
    levels,
)
from server.child.likeness.doubt import doubt
from server.child.likeness.feature import Features
from server.child.likeness.lexicon import Frequency, frequency
from server.child.likeness.name import called
from server.child.likeness.veto import Veto, veto
from server.definition.folder import profiles
from server.settings import CannotStart

VETOED = -100.0
"""The match weight of two who are never one child."""

_TOGETHER = 0.97
"""The probability that two who are known to be of one multiple birth have one birth date."""
_SILENT = (0.0, 0.0)
"""The bits of MISSING, which is the last place of a list."""
_SHORT_OF = 0.5
"""By how many bits a pair that is in doubt stays below a match."""
_WHY = {
    Veto.TWIN: "They are twins: born together, in one family or home, and called by different names.",
    Veto.SIBLING: "One is listed as the other's brother or sister.",
}


class BadModel(CannotStart):
    """The model's file does not fit the comparisons."""


class Level(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One level: how often it is met with one child (m), with strangers (u), with siblings (s)."""

    name: str
    m: float
    u: float
    s: float
    words: str
    frequency: bool = False
    """Whether it says more the fewer bear the name."""


class Weighted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A comparison and its levels, in the order of its enumeration."""

    name: str
    level: list[Level]
    frequency: str = ""


class Prior(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of two children taken at random: that they are one, that they are siblings."""

    same: float
    sibling: float


class Threshold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Match weights from which a pair is certain, is for a reviewer, is possible at all."""

    match: float
    review: float
    possible: float


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of the model."""

    version: str
    trained: str
    prior: Prior
    threshold: Threshold
    comparison: list[Weighted]


class Evidence(NamedTuple):
    """What one comparison came to, in words and in bits: each bit doubles the odds of one child."""

    comparison: str
    level: str
    words: str
    weight: float


_SIBLINGS = Evidence(
    "family_resemblance", "shared", "Brothers and sisters share much of what the two have in common.", 0.0
)


_TWINS = Evidence(
    "doubt", "twins", "Twins may be called so too: the name of the one is as near to a third.", 0.0
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two children held against each other; the weights of the evidence and the prior's add up to its own."""

    weight: float
    probability: float
    grade: str
    """A code of FHIR's match-grade: certain, probable, possible, certainly-not."""
    evidence: tuple[Evidence, ...]


class Model:
    """Weights of a file of parameters, made ready."""

    def __init__(self, parameters: Parameters, given: Frequency, family: Frequency) -> None:
        _check(parameters)
        self.parameters = parameters
        self._shares = (given, family)
        self.prior = log2(parameters.prior.same) - log2(1 - parameters.prior.same - parameters.prior.sibling)
        """The weight of a pair before anything is compared."""
        self._unsure = parameters.threshold.match - _SHORT_OF
        self._siblings = log2(parameters.prior.same) - log2(parameters.prior.sibling)
        self._bits = [[*map(_bits, each.level), _SILENT] for each in parameters.comparison]
        self._together = self._bits[BIRTH][Birth.SAME][1] - log2(
            parameters.comparison[BIRTH].level[Birth.SAME].m / _TOGETHER
        )
        self._given = _Rarity(parameters.comparison[GIVEN], given)
        self._family = _Rarity(parameters.comparison[FAMILY], family)

    def with_parameters(self, parameters: Parameters) -> "Model":
        """A model of other weights, and the same shares of names."""
        return Model(parameters, *self._shares)

    def weigh(self, a: Features, b: Features) -> float:
        """The match weight: log2 of the odds that the two are one child."""
        found = levels(a, b)
        if veto(a, b, found):
            return VETOED
        stranger, sibling = self._odds(a, b, found)
        weight = stranger + _shared(stranger, sibling)
        return min(weight, self._unsure) if weight > self._unsure and doubt(a, b, found) else weight

    def compare(self, a: Features, b: Features) -> Comparison:
        """The match weight with what it is made of."""
        found = levels(a, b)
        stranger, sibling = self._odds(a, b, found)
        shared = _shared(stranger, sibling)
        weight = stranger + shared
        evidence = [*self._evidence(a, b, found), _SIBLINGS._replace(weight=shared)]
        if reason := veto(a, b, found):
            evidence.append(Evidence("veto", reason, _WHY[reason], VETOED - weight))
            weight = VETOED
        elif weight > self._unsure and doubt(a, b, found):
            evidence.append(_TWINS._replace(weight=self._unsure - weight))
            weight = self._unsure
        return Comparison(weight, _probability(weight), self.grade(weight), tuple(evidence))

    def grade(self, weight: float) -> str:
        """The weight as a code of https://hl7.org/fhir/R4/codesystem-match-grade.html."""
        threshold = self.parameters.threshold
        if weight >= threshold.match:
            return "certain"
        if weight >= threshold.review:
            return "probable"
        return "possible" if weight >= threshold.possible else "certainly-not"

    def _odds(self, a: Features, b: Features, found: Sequence[int]) -> tuple[float, float]:
        """One child against two strangers, and one child against two siblings, in bits."""
        stranger, sibling = self.prior + self._rarity(a, b, found), self._siblings
        for bits, level in zip(self._bits, found, strict=True):
            stranger += bits[level][0]
            sibling += bits[level][1]
        if (a.multiple or b.multiple) and found[BIRTH] == Birth.SAME:
            sibling -= self._together
        return stranger, sibling

    def _rarity(self, a: Features, b: Features, found: Sequence[int]) -> float:
        return self._given.bits(found[GIVEN], a, b, _given) + self._family.bits(found[FAMILY], a, b, _family)

    def _evidence(self, a: Features, b: Features, found: Sequence[int]) -> Iterator[Evidence]:
        rarity = {
            GIVEN: self._given.bits(found[GIVEN], a, b, _given),
            FAMILY: self._family.bits(found[FAMILY], a, b, _family),
        }
        for at, (each, level) in enumerate(zip(self.parameters.comparison, found, strict=True)):
            if level != MISSING:
                weight = self._bits[at][level][0] + rarity.get(at, 0.0)
                yield Evidence(each.name, each.level[level].name, each.level[level].words, weight)


class _Rarity:
    """What is added at a level that counts for more the fewer bear the name."""

    def __init__(self, comparison: Weighted, shares: Frequency) -> None:
        usual = log2(comparison.level[0].u)
        self._applies = (*(level.frequency for level in comparison.level), False)
        self._bits = {name: usual - log2(share) for name, share in shares.frequency.items()}
        self._rest = usual - log2(shares.rest)

    def bits(self, level: int, a: Features, b: Features, names: "_Names") -> float:
        """For the names that agree: where they are written in two ways, the commoner counts."""
        if not self._applies[level]:
            return 0.0
        known, rest = self._bits, self._rest
        return min(known.get(name, rest) for name in names(a, b))


_Names = Callable[[Features, Features], Sequence[str]]


def _given(a: Features, b: Features) -> Sequence[str]:
    one, other = called(a.given[0])[0], called(b.given[0])[0]
    return (one,) if one == other else (one, other)


def _family(a: Features, b: Features) -> Sequence[str]:
    one, other = a.family[0], b.family[0]
    # A name of two parts is rare, whatever its parts.
    return (" ".join(one),) if one == other else tuple({*one} & {*other}) or ("".join(one), "".join(other))


def _bits(level: Level) -> tuple[float, float]:
    return log2(level.m / level.u), log2(level.m / level.s)


def _shared(stranger: float, sibling: float) -> float:
    """What is taken off because siblings share as much: the odds against are those of both together."""
    return -log2(1 + 2 ** min(stranger - sibling, 1000.0))


def _probability(weight: float) -> float:
    return 1 / (1 + 2**-weight) if weight > VETOED else 0.0


def _check(parameters: Parameters) -> None:
    found = {each.name: [level.name for level in each.level] for each in parameters.comparison}
    wanted = {name: [level.name.lower() for level in levels] for name, levels in COMPARISONS.items()}
    if list(found.items()) != list(wanted.items()):
        raise BadModel(f"The model has to have these comparisons with these levels, in this order: {wanted}.")
    for each in parameters.comparison:
        for level in each.level:
            if not all(0 < share <= 1 for share in (level.m, level.u, level.s)):
                raise BadModel(f"The probabilities of {each.name}, {level.name} have to lie between 0 and 1.")
    prior, threshold = parameters.prior, parameters.threshold
    if min(prior.same, prior.sibling) <= 0 or prior.same + prior.sibling >= 1:
        raise BadModel(
            "The prior probabilities have to lie between 0 and 1, and to leave room for strangers."
        )
    if not threshold.match >= threshold.review >= threshold.possible > VETOED:
        raise BadModel(
            "The thresholds are those of a match, of a review and of what is possible, in order of size."
        )


def read(parameters: bytes, given: Frequency | None = None, family: Frequency | None = None) -> Model:
    """A model of its own parameters, and of frequencies that are its own or the shipped ones.

    Raises:
        BadModel: what does not fit.
    """
    try:
        read = msgspec.json.decode(parameters, type=Parameters)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise BadModel(f"The model cannot be read: {error}.") from error
    return Model(read, given or frequency("given"), family or frequency("family"))


@cache
def model() -> Model:
    """The shipped model."""
    return read((profiles() / "identity" / "model.json").read_bytes())


def compare(a: Features, b: Features) -> Comparison:
    """Two children held against each other by the shipped model."""
    return model().compare(a, b)
