"""Families: who lives behind one front door, and which schools that door belongs to."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from server.child.demonstration import names
from server.child.demonstration.agencies import NORTHMERE, WEXSHIRE

Patch = tuple[str, str, str, str, str]
"""Authority, town, postcode district, primary school, secondary school."""

PATCHES: tuple[Patch, ...] = (
    (WEXSHIRE, "Wexbridge", "XW1", "ashbourne-primary", "kingsmead-academy"),
    (WEXSHIRE, "Wexbridge", "XW2", "millbrook-primary", "kingsmead-academy"),
    (WEXSHIRE, "Wexbridge", "XW3", "st-aldhelms-primary", "northgate-school"),
    (WEXSHIRE, "Wexbridge", "XW4", "harbour-lane-primary", "northgate-school"),
    (NORTHMERE, "Northmere", "XN2", "eastwick-primary", "northmere-academy"),
)

# No real postcode area is XN or XW, and the inward letters avoid C I K M O V as real ones do.
_INWARD = "ABDEFGHJLNPQRSTUWXYZ"


@dataclass(frozen=True, slots=True)
class Parent:
    """A parent or carer; `responsibility` is parental, `contact` False an order against contact."""

    relationship: str
    given: str
    family: str
    telephone: str
    responsibility: bool = True
    at_home: bool = True
    contact: bool = True


@dataclass(frozen=True, slots=True)
class Household:
    """An address and the adults of the children who live there."""

    number: int
    community: names.Community
    patch: Patch
    line: str
    postcode: str
    family: str
    parents: tuple[Parent, ...]

    @property
    def authority(self) -> str:
        return self.patch[0]

    @property
    def town(self) -> str:
        return self.patch[1]


def households(dice: Random) -> Iterator[Household]:
    """Families without end, one after another."""
    number = 0
    while True:
        number += 1
        community = names.community(dice)
        patch = dice.choices(PATCHES, (22, 21, 21, 21, 15))[0]
        yield household(number, community, patch, dice)


def household(number: int, community: names.Community, patch: Patch, dice: Random) -> Household:
    """A family of a community in a patch."""
    family = dice.choice(community.families)
    postcode = f"{patch[2]} {dice.randint(1, 9)}{dice.choice(_INWARD)}{dice.choice(_INWARD)}"
    parents = tuple(_parents(number, community, family, dice))
    return Household(number, community, patch, names.street(dice), postcode, family, parents)


def _parents(number: int, community: names.Community, family: str, dice: Random) -> Iterator[Parent]:
    kind = dice.choices(("both", "apart", "mother", "grandmother"), (58, 24, 15, 3))[0]
    if kind == "grandmother":
        yield Parent("GRMTH", dice.choice(community.women), family, _telephone(number, 1))
        return
    yield Parent("MTH", dice.choice(community.women), family, _telephone(number, 1))
    if kind != "mother":
        yield Parent(
            "FTH",
            dice.choice(community.men),
            family if kind == "both" else dice.choice(community.families),
            _telephone(number, 2),
            responsibility=kind == "both" or dice.random() < 0.7,
            at_home=kind == "both",
            contact=kind == "both" or dice.random() > 0.1,
        )


def _telephone(number: int, order: int) -> str:
    # 07700 900000 to 900999 are set aside for drama.
    return f"07700 900{(number * 2 + order) % 1000:03d}"
