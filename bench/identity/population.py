"""An authority as it is: families with their children, twins, moves and schools. The same for the same seed."""

import json
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from random import Random
from typing import Any

from names import DATA, HERE, Origin, alike, origin

TODAY = date(2026, 9, 1)
OLDEST = 18
RATES: dict[str, Any] = json.loads((HERE / "rate.json").read_text())
_OF = RATES["population"]
_AREAS = ("ZA", "ZB")
"""Of postcodes that are nobody's: no area of the United Kingdom is called so."""
_LETTERS = "ABDEFGHJLNPQRSTUWXYZ"
PER_DISTRICT = 12_000
PER_SCHOOL = 330
PER_POSTCODE = 15


@dataclass(frozen=True)
class Home:
    line: str
    street: str
    postcode: str
    since: date


@dataclass(frozen=True)
class Parent:
    given: str
    family: str
    sex: str


@dataclass
class Child:
    """`twin`: the number of the birth, where more than one was born."""

    number: int
    given: tuple[str, ...]
    family: str
    sex: str
    born: date
    house: "Family"
    schools: tuple[str, str]
    """The primary and the secondary school."""
    was: str | None = None
    twin: int | None = None

    def school(self, day: date) -> str:
        """Where the child is on a roll on that day: nobody before the third birthday."""
        age = (day - self.born).days / 365.25
        return "" if age < 3 else self.schools[age >= 11.5]


@dataclass
class Family:
    origin: Origin
    surname: str
    parents: tuple[Parent, ...]
    homes: tuple[Home, ...]
    """The earliest first."""
    children: list[Child] = field(default_factory=list)


def children(count: int, seed: int) -> list[Child]:
    """`count` children, family by family."""
    dice = Random(f"authority {seed}")
    place = _Place(count, dice)
    made: list[Child] = []
    while len(made) < count:
        made += _family(dice, place, len(made))
    return made[:count]


def happens(dice: Random, what: str) -> bool:
    return dice.random() < _OF[what]["of"]


class _Place:
    """Streets and schools, as many as so many children need."""

    def __init__(self, count: int, dice: Random) -> None:
        self.districts = [
            f"{_AREAS[n % len(_AREAS)]}{n // len(_AREAS) + 1}"
            for n in range(max(2, count * 4 // PER_DISTRICT))
        ]
        self.schools = [f"school-{n + 1}" for n in range(max(3, count // PER_SCHOOL))]
        streets, ends = DATA["streets"].split(), DATA["ends"].split()
        # A postcode is a stretch of a street of about fifteen homes; about one child in two homes.
        self.stretches = [
            (f"{dice.choice(streets)} {dice.choice(ends)}", self._postcode(dice))
            for _ in range(max(20, count * 2 // PER_POSTCODE))
        ]

    def home(self, dice: Random, since: date, near: Home | None = None) -> Home:
        street, postcode = (near.street, near.postcode) if near else dice.choice(self.stretches)
        number = str(dice.randint(1, 60 + 4 * PER_POSTCODE))
        if happens(dice, "flat"):
            number = dice.choice((f"Flat {dice.randint(1, 12)}, {number}", f"{number}{dice.choice('ABC')}"))
        return Home(f"{number} {street}", street, postcode, since)

    def _postcode(self, dice: Random) -> str:
        return f"{dice.choice(self.districts)} {dice.randint(1, 9)}{dice.choice(_LETTERS)}{dice.choice(_LETTERS)}"


def _family(dice: Random, place: _Place, first: int) -> list[Child]:
    of = origin(dice)
    surname = _surname(dice, of)
    family = Family(of, surname, _parents(dice, of, surname), _homes(dice, place))
    used: set[str] = set()
    born = TODAY - timedelta(dice.randint(0, OLDEST * 365))
    size = dice.choices((1, 2, 3, 4, 5), (36, 40, 16, 6, 2))[0]
    schools = _schools(dice, place)
    while len(family.children) < size and born < TODAY:
        many = 2 if happens(dice, "twin") else 1
        number = first + len(family.children)
        _birth(
            dice, family, born, many, number, used, schools if dice.random() < 0.9 else _schools(dice, place)
        )
        born += timedelta(dice.randint(330, 1700))
    return family.children


def _birth(
    dice: Random, family: Family, born: date, many: int, number: int, used: set[str], schools: tuple[str, str]
) -> None:
    prefixed = dice.random()
    sex = dice.choice("FM")
    pair = dice.choice(alike(sex)) if many > 1 and happens(dice, "twin alike") else None
    used.update(pair or ())
    for at in range(many):
        # Two in three pairs are of one sex.
        sex = sex if at == 0 or pair or dice.random() < 2 / 3 else "FM"["FM".index(sex) - 1]
        given = (pair[at],) if pair else _given(dice, family.origin, sex, used, prefixed)
        given = (*given, *_middle(dice, family.origin, sex, given, used))
        # No family gives one child's name to another, be it as a second name.
        used.update(given)
        changed = _surname(dice, family.origin) if happens(dice, "changed surname") else None
        family.children.append(
            Child(
                number + at, given, family.origin.gendered(family.surname, sex), sex, born, family, schools, changed,
                number if many > 1 else None,
            )
        )  # fmt: skip


def _given(dice: Random, of: Origin, sex: str, used: set[str], prefixed: float) -> tuple[str, ...]:
    names = of.girls if sex == "F" else of.boys
    for _ in range(20):
        name = names.draw(dice)
        if name not in used:
            break
    if of.prefix and sex == "M" and prefixed < of.prefix[1] and name != of.prefix[0]:
        return of.prefix[0], name
    return (name,)


def _middle(dice: Random, of: Origin, sex: str, given: tuple[str, ...], used: set[str]) -> tuple[str, ...]:
    if len(given) > 1 or dice.random() < 0.35:
        return ()
    name = (of.girls if sex == "F" else of.boys).draw(dice)
    return (name,) if name not in given and name not in used else ()


def _schools(dice: Random, place: _Place) -> tuple[str, str]:
    primaries = len(place.schools) * 4 // 5
    return dice.choice(place.schools[:primaries]), dice.choice(place.schools[primaries:])


def _surname(dice: Random, of: Origin) -> str:
    name = of.family(dice)
    if dice.random() < of.compound:
        return f"{name} {of.family(dice)}"
    return f"{name}-{of.family(dice)}" if happens(dice, "double surname") else name


def _parents(dice: Random, of: Origin, surname: str) -> tuple[Parent, ...]:
    hers = _surname(dice, of) if happens(dice, "mother's surname") else surname
    return (
        Parent(of.women.draw(dice), of.gendered(hers, "F"), "F"),
        Parent(of.men.draw(dice), surname, "M"),
    )


def _homes(dice: Random, place: _Place) -> tuple[Home, ...]:
    since = TODAY - timedelta(OLDEST * 365)
    homes = [place.home(dice, since)]
    for year in range(OLDEST):
        if happens(dice, "move"):
            moved = since + timedelta(year * 365 + dice.randint(1, 364))
            homes.append(place.home(dice, moved, homes[-1] if happens(dice, "same street") else None))
    return tuple(homes)


@cache
def rates() -> dict[str, Any]:
    return RATES["extract"]
