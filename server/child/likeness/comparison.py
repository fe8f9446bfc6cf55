"""Comparisons: on how many grounds two children are held against each other, and the level each comes to.

A level is the position in a list that `profiles/identity/model.json` has weights for; the nearest is first.
"""

from collections.abc import Mapping
from datetime import date
from enum import IntEnum
from operator import ne

from server.child.likeness.feature import Features, Sibling, Words
from server.child.likeness.home import Home, district
from server.child.likeness.lexicon import lexicon
from server.child.likeness.name import Resemblance, called, distance, family_resemblance, given_resemblance

MISSING = -1
"""What one of the two does not tell is evidence of nothing."""


class Given(IntEnum):
    """First given names."""

    SAME = 0
    VARIANT = 1
    SHORT = 2
    INSIDE = 3
    SOUND = 4
    SLIP = 5
    INITIAL = 6
    DIFFER = 7


class Middle(IntEnum):
    """The other given names."""

    SAME = 0
    VARIANT = 1
    DIFFER = 2


class Family(IntEnum):
    """Family names, the former ones among them."""

    SAME = 0
    PART = 1
    SOUND = 2
    SLIP = 3
    SWAPPED = 4
    DIFFER = 5


class Birth(IntEnum):
    """Birth dates."""

    SAME = 0
    SWAPPED = 1
    DIGIT = 2
    ESTIMATED = 3
    NEAR = 4
    DIFFER = 5


class Sex(IntEnum):
    """Sex, where both are known."""

    SAME = 0
    DIFFER = 1


class Address(IntEnum):
    """Addresses, present and past."""

    HOME = 0
    SLIP = 1
    POSTCODE = 2
    DISTRICT = 3
    DIFFER = 4


class Parent(IntEnum):
    """Parents and carers."""

    BOTH = 0
    ONE = 1
    GIVEN = 2
    DIFFER = 3


class SiblingIn(IntEnum):
    """Brothers and sisters that both have."""

    SHARED = 0
    DIFFER = 1


class School(IntEnum):
    """Schools and settings attended."""

    SHARED = 0
    DIFFER = 1


class Identifier(IntEnum):
    """Identifiers, verified or not."""

    SAME = 0
    SLIP = 1
    DIFFER = 2


COMPARISONS: Mapping[str, type[IntEnum]] = {
    "given_name": Given,
    "middle_name": Middle,
    "family_name": Family,
    "birth_date": Birth,
    "sex": Sex,
    "address": Address,
    "parent": Parent,
    "sibling": SiblingIn,
    "school": School,
    "identifier": Identifier,
}
GIVEN, FAMILY, BIRTH, SEX = (
    list(COMPARISONS).index(name) for name in ("given_name", "family_name", "birth_date", "sex")
)

_GIVEN = (Given.SAME, Given.VARIANT, Given.SHORT, Given.SOUND, Given.SLIP, Given.INITIAL, Given.DIFFER)
_MIDDLE = (Middle.SAME, *(Middle.VARIANT,) * 5, Middle.DIFFER)
_FAMILY = (Family.PART, Family.SOUND, Family.SOUND, Family.SOUND, Family.SLIP, Family.DIFFER, Family.DIFFER)
_PREGNANCY = 42
"""Days that a birth may lie from the date it was expected on."""
_MONTH = 31
# A second number of these systems would be a second child; a register gives out its own as often as it errs.
_ONE_EACH = frozenset({"nhs-number", "upn", "uln"})


def levels(a: Features, b: Features) -> tuple[int, ...]:
    """The level of each comparison, in the order of `COMPARISONS`; MISSING where one of the two is silent."""
    given, family = _given_name(a, b), _family_name(a, b)
    if given == Given.DIFFER and family == Family.DIFFER and _is_swapped(a, b):
        given, family = Given.INSIDE, Family.SWAPPED
    return (
        given,
        MISSING if given == Given.INSIDE else _middle_name(a, b),
        family,
        _birth_date(a, b),
        (Sex.SAME if a.sex == b.sex else Sex.DIFFER) if a.sex and b.sex else MISSING,
        _address(a.homes, b.homes) if a.homes and b.homes else MISSING,
        _parent(a, b) if a.parents and b.parents else MISSING,
        _sibling(a.siblings, b.siblings) if a.siblings and b.siblings else MISSING,
        _school(a, b),
        _identifier(a, b) if a.identifiers and b.identifiers else MISSING,
    )


def _given_name(a: Features, b: Features) -> int:
    if not a.given or not b.given:
        return MISSING
    if len(a.given) == len(b.given) == 1:
        return _given(a.given[0], b.given[0])
    return min(_given(one, other) for one in a.given for other in b.given)


def _given(names: Words, others: Words) -> Given:
    one, other = called(names), called(others)
    first = given_resemblance(one[0], other[0])
    if first <= Resemblance.SHORT or len(names) + len(others) == 2:
        return _GIVEN[first]
    if "".join(one[:2]) == _bare(other[0]) or "".join(other[:2]) == _bare(one[0]):
        return Given.SAME
    # A slip between two first names is likelier than that each has the other's second.
    return Given.INSIDE if first > Resemblance.SLIP and _is_inside(names, others) else _GIVEN[first]


def _bare(word: str) -> str:
    return word.replace("-", "")


def _is_inside(one: Words, other: Words) -> bool:
    """Whether all names of one are among those of the other: the second name used, or another order."""
    fewer, more = sorted((one, other), key=len)
    return _is_among(fewer, more) and (len(fewer) < len(more) or _is_among(more, fewer))


def _is_among(names: Words, others: Words) -> bool:
    return all(any(given_resemblance(word, each) <= Resemblance.SOUND for each in others) for word in names)


def _middle_name(a: Features, b: Features) -> int:
    if not a.given or not b.given:
        return MISSING
    one, other = _others(a.given[0]), _others(b.given[0])
    if not one or not other:
        return MISSING
    nearest = min(given_resemblance(word, facing) for word in one for facing in other)
    return _MIDDLE[nearest]


def _others(names: Words) -> Words:
    if len(names) == 1:
        return ()
    shared = lexicon().shared
    return tuple(word for word in called(names)[1:] if word not in shared)


def _family_name(a: Features, b: Features) -> int:
    if not a.family or not b.family:
        return MISSING
    one, other = a.family[0], b.family[0]
    if one == other or "".join(one) == "".join(other) or sorted(one) == sorted(other):
        return Family.SAME
    return min(_family(mine, theirs) for mine in a.family for theirs in b.family)


def _family(one: Words, other: Words) -> Family:
    if len(one) == len(other) == 1:
        return _FAMILY[family_resemblance(one[0], other[0])]
    if not set(one).isdisjoint(other) or "".join(one) == "".join(other):
        return Family.PART
    nearest = min(family_resemblance(word, facing) for word in one for facing in other)
    return _FAMILY[min(nearest, family_resemblance("".join(one), "".join(other)))]


def _is_swapped(a: Features, b: Features) -> bool:
    """Whether the family name of each is a given name of the other."""
    return _is_given(a.family[0], b) and _is_given(b.family[0], a)


def _is_given(family: Words, child: Features) -> bool:
    given = [word for names in child.given for word in names]
    return any(given_resemblance(word, name) <= Resemblance.SLIP for word in family for name in given)


def _birth_date(a: Features, b: Features) -> int:
    if a.born and b.born:
        return _born(a.born, b.born)
    one, other = a.born or a.expected, b.born or b.expected
    if not one or not other:
        return MISSING
    apart = _days(one, other)
    return MISSING if apart is None else Birth.ESTIMATED if apart <= _PREGNANCY else Birth.DIFFER


def _born(one: str, other: str) -> Birth:
    if one == other:
        return Birth.SAME if len(one) == 10 and one[4:] != "-01-01" else Birth.ESTIMATED
    if len(one) < 10 or len(other) < 10:
        return Birth.ESTIMATED if one.startswith(other) or other.startswith(one) else Birth.DIFFER
    years = abs(int(one[:4]) - int(other[:4]))
    wrong = sum(map(ne, one, other))
    if not years:
        return _in_one_year(one, other, wrong)
    if wrong == 1 or (years == 1 and one[4:] == other[4:]) or (wrong == 2 and _is_exchanged(one, other)):
        return Birth.DIGIT
    return Birth.NEAR if years == 1 and _is_near(one, other) else Birth.DIFFER


def _in_one_year(one: str, other: str, wrong: int) -> Birth:
    if one[5:7] == other[8:] and one[8:] == other[5:7]:
        return Birth.SWAPPED
    if wrong == 1 or (wrong == 2 and _is_exchanged(one, other)):
        return Birth.DIGIT
    if one[4:] == "-01-01" or other[4:] == "-01-01":
        return Birth.ESTIMATED
    if one[:7] == other[:7]:
        return Birth.ESTIMATED if one[8:] == "01" or other[8:] == "01" else Birth.NEAR
    return Birth.NEAR if _is_near(one, other) else Birth.DIFFER


def _is_exchanged(one: str, other: str) -> bool:
    """Whether the two places that differ are neighbours, and hold each other's digit."""
    first, second = (at for at in range(10) if one[at] != other[at])
    return one[first] == other[second] and one[second] == other[first] and second - first <= 2


def _is_near(one: str, other: str) -> bool:
    apart = _days(one, other)
    return apart is not None and apart <= _MONTH


def _days(one: str, other: str) -> int | None:
    try:
        return abs(date.fromisoformat(one).toordinal() - date.fromisoformat(other).toordinal())
    except ValueError:
        return None


def _address(ours: tuple[Home, ...], theirs: tuple[Home, ...]) -> int:
    if len(ours) == len(theirs) == 1:
        return _home(ours[0], theirs[0])
    found = [level for one in ours for other in theirs if (level := _home(one, other)) != MISSING]
    return min(found, default=MISSING)


def _home(one: Home, other: Home) -> int:
    postcode, house, street = one
    if postcode == other[0] and postcode:
        return Address.HOME if _is_house(house, other[1]) else Address.POSTCODE
    known = bool(postcode and other[0])
    is_line = bool(street) and (house, street) == other[1:]
    if is_line and (not known or distance(postcode, other[0], 2) <= 2):
        return Address.SLIP
    if not known:
        return MISSING
    return Address.DISTRICT if postcode[:-3] == other[0][:-3] and district(postcode) else Address.DIFFER


def _is_house(one: str, other: str) -> bool:
    """Whether two houses of one postcode are one: 12, and Flat 3 at 12."""
    if one == other:
        return bool(one)
    ours, theirs = set(one.split()), set(other.split())
    return bool(ours and theirs) and (ours <= theirs or theirs <= ours)


def _parent(a: Features, b: Features) -> Parent:
    own = {word for child in (a, b) for words in child.family for word in words}
    found = [_carer(one, other, own) for one in a.parents for other in b.parents]
    agreeing = len(found) - found.count(Parent.DIFFER)
    return Parent.BOTH if agreeing > 1 and min(len(a.parents), len(b.parents)) > 1 else min(found)


def _carer(one: tuple[Words, Words], other: tuple[Words, Words], own: set[str]) -> Parent:
    """A family name that is the child's own too has been compared, and says nothing more."""
    if one[0][0] != other[0][0] and given_resemblance(one[0][0], other[0][0]) > Resemblance.INITIAL:
        return Parent.DIFFER
    if not one[1] or not other[1] or not own.isdisjoint(one[1]) or not own.isdisjoint(other[1]):
        return Parent.GIVEN
    return Parent.GIVEN if _family(one[1], other[1]) == Family.DIFFER else Parent.ONE


def _sibling(ours: tuple[Sibling, ...], theirs: tuple[Sibling, ...]) -> int:
    if any(_is_one_sibling(one, other) for one in ours for other in theirs):
        return SiblingIn.SHARED
    # Without a birth date, one name cannot be told from another child's.
    return SiblingIn.DIFFER if all(each[1] for each in (*ours, *theirs)) else MISSING


def _is_one_sibling(one: Sibling, other: Sibling) -> bool:
    if one[2] and one[2] == other[2]:
        return True
    if not one[0] or not other[0] or not one[1]:
        return False
    return one[1] == other[1] and given_resemblance(one[0], other[0]) <= Resemblance.SLIP


def _school(a: Features, b: Features) -> int:
    if not a.schools or not b.schools:
        return MISSING
    return School.DIFFER if set(a.schools).isdisjoint(b.schools) else School.SHARED


def _identifier(a: Features, b: Features) -> int:
    return min(
        (
            level
            for one in a.identifiers
            for other in b.identifiers
            if (level := _number(one, other)) != MISSING
        ),
        default=MISSING,
    )


def _number(one: tuple[str, str], other: tuple[str, str]) -> int:
    system = _system(one[0])
    if system != _system(other[0]):
        return MISSING
    if one[1] == other[1]:
        return Identifier.SAME
    # Two that pass their check are no slip of each other: twins' are often neighbours.
    if one[0].startswith("unverified-") or other[0].startswith("unverified-"):
        return Identifier.SLIP if distance(one[1], other[1], 1) <= 1 else MISSING
    return Identifier.DIFFER if one[0] == other[0] and system in _ONE_EACH else MISSING


def _system(word: str) -> str:
    return word.removeprefix("unverified-").removeprefix("former-")
