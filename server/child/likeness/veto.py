"""Vetoes: what no other evidence outweighs. Twins, and brothers and sisters, are never one child.

They share the address, the family, the school, twins the birth date too; what tells them apart is the name
they are called by, and a form that lists the one as the other's sibling.
"""

from collections.abc import Sequence
from enum import StrEnum

from server.child.likeness.comparison import (
    GIVEN,
    MISSING,
    SEX,
    Address,
    Birth,
    Family,
    Given,
    Parent,
    Sex,
)
from server.child.likeness.feature import Features
from server.child.likeness.name import Resemblance, called, differs_plainly, given_resemblance


class Veto(StrEnum):
    """Why two are never one child."""

    TWIN = "twin"
    SIBLING = "sibling"


def veto(a: Features, b: Features, levels: Sequence[int]) -> Veto | None:
    """The reason, if there is one; `levels` are those of the two."""
    given, sex = levels[GIVEN], levels[SEX]
    if are_together(levels) and _is_told_apart(a, b, given, sex):
        return Veto.TWIN
    if (a.siblings and _lists(a, b, given)) or (b.siblings and _lists(b, a, given)):
        return Veto.SIBLING
    return None


def are_together(levels: Sequence[int]) -> bool:
    """Whether the two were born at once, as far as is known, in one family or home or of one parent."""
    _, _, family, birth, _, address, parent, *_ = levels
    return MISSING < birth <= Birth.ESTIMATED and (
        MISSING < family < Family.DIFFER
        or MISSING < address <= Address.POSTCODE
        or MISSING < parent <= Parent.ONE
    )


def _is_told_apart(a: Features, b: Features, given: int, sex: int) -> bool:
    """By the name; by the order of birth; and by sex, where neither has a name yet."""
    if a.multiple > 0 and b.multiple > 0 and a.multiple != b.multiple:
        return True
    if given == MISSING:
        return sex == Sex.DIFFER and bool(a.multiple or b.multiple)
    return given == Given.DIFFER and all(
        differs_plainly(called(names)[0], called(others)[0]) for names in a.given for others in b.given
    )


def _lists(a: Features, b: Features, given: int) -> bool:
    """Whether `b` is one that `a` lists as a sibling, by the record or by name and birth date."""
    for name, born, id in a.siblings:
        if id and id == b.id:
            return True
        if name and born and born == b.born and given != Given.SAME and _is_called(b, name):
            return True
    return False


def _is_called(child: Features, name: str) -> bool:
    return any(given_resemblance(called(words)[0], name) <= Resemblance.SHORT for words in child.given)
