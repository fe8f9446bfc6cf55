"""Doubt: two records that one child would explain, and twins with names that are nearly one as well.

Amia may be Amina with a letter left out, and may be Amira: where both could have been born on that day in
that home, nobody but a person can tell, and no weight is enough.
"""

from collections.abc import Iterable, Iterator, Sequence

from server.child.likeness.comparison import Family, Given, Identifier, Middle
from server.child.likeness.feature import Features
from server.child.likeness.lexicon import frequency, lexicon
from server.child.likeness.name import Resemblance, called, given_resemblance, is_well_known, known_near
from server.child.likeness.veto import are_together

_BY_NAME = frozenset({Given.VARIANT, Given.SHORT, Given.SOUND, Given.SLIP, Given.INITIAL})
_BORNE = 5e-4
"""A name that as many bear may be a twin's, though nothing tells of one."""


def doubt(
    a: Features, b: Features, levels: Sequence[int], twins: Iterable[str] = (), *, several: bool = False
) -> bool:
    """Whether the two may be twins, for all that their names agree; `levels` are those of the two.

    `twins`: what twins of theirs are called, as other records tell. `several`: there may be one whom no
    record tells of, and more than the two say so.
    """
    given, middle, family, *_, identifier = levels
    if not are_together(levels) or _is_one(a, b, middle, identifier):
        return False
    if family == Family.SWAPPED:
        # Which of the two is the given name nobody can tell.
        return any(_is_of_several(_nearest(pairs), several=True) for pairs in (_across(a, b), _across(b, a)))
    if given == Given.SAME:
        # Both records have the family name in the place of the given one.
        return family == Family.DIFFER and all(is_well_known(each.family[0][0]) for each in (a, b))
    if given not in _BY_NAME:
        return False
    named = (*twins, *_twins(a), *_twins(b))
    nearest = _nearest(_called(a, b))
    if any(given_resemblance(one, twin) < Resemblance.DIFFER for one in nearest for twin in named):
        return True
    unnamed = not named and bool(a.multiple or b.multiple)
    return _is_of_several(nearest, several=several or unnamed)


def _twins(child: Features) -> Iterator[str]:
    """The names of those who are listed as born with a child."""
    return (name for name, born, _ in child.siblings if name and born and born == child.born)


def _is_one(a: Features, b: Features, middle: int, identifier: int) -> bool:
    """Whether something agrees that twins do not share."""
    born = a.multiple > 0 and a.multiple == b.multiple
    return born or middle == Middle.SAME or identifier == Identifier.SAME


def _called(a: Features, b: Features) -> Iterator[tuple[str, str]]:
    return ((called(one)[0], called(other)[0]) for one in a.given for other in b.given)


def _across(a: Features, b: Features) -> Iterator[tuple[str, str]]:
    """The given name of one with what stands for the other's family name."""
    return ((called(names)[0], word) for names in a.given for words in b.family for word in words)


def _nearest(pairs: Iterator[tuple[str, str]]) -> tuple[str, str]:
    return min(pairs, key=lambda pair: given_resemblance(*pair))


def _is_of_several(names: tuple[str, str], *, several: bool) -> bool:
    """Whether one of two names that agree is as near to a third, which nobody would take for the other."""
    one, other = names
    if one == other:
        # What brothers share tells nothing of either.
        return one in lexicon().shared
    if given_resemblance(one, other) == Resemblance.SHORT:
        # Ellie may be Ella, and may be her sister.
        return True
    return _is_between(one, other, several=several) or _is_between(other, one, several=several)


def _is_between(one: str, other: str, *, several: bool) -> bool:
    thirds = (each for each in known_near(one) if given_resemblance(each, other) == Resemblance.DIFFER)
    if several:
        return any(True for _ in thirds)
    shares, near = frequency("given").frequency, given_resemblance(one, other)
    return any(shares.get(each, 0.0) >= _BORNE and given_resemblance(one, each) <= near for each in thirds)
