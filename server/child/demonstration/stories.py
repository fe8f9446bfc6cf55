"""The children of docs/stories.md: their ids can be typed, and no dice decide about them.

Ages follow the day, so that each is always in the school year that the story says.
"""

from datetime import date

from server.child.demonstration import calendar, names
from server.child.demonstration.agencies import SCHOOLS
from server.child.demonstration.child import Child
from server.child.demonstration.households import PATCHES, Household, Parent, Patch

_BY_CODE = {school.code: school for school in SCHOOLS}
_ASHBOURNE, _ALDHELM = PATCHES[0], PATCHES[2]


def children(today: date) -> list[Child]:
    """The four children of the three stories."""
    return [_suspended(today), _sliding(today), _in_refuge(today), _adopted(today)]


def _suspended(today: date) -> Child:
    """Year nine, looked after, one placement, doing well; not suspended yet: the story does that."""
    mother = Parent("MTH", "Dawn", "Garrow", "07700 900001", at_home=False)
    return Child(
        1,
        _household(9001, _ASHBOURNE, "Garrow", "3 Lantern Row", "XW1 8RT", mother),
        "M",
        "Kieran",
        "Joseph",
        _born(9, 2, 14, today),
        9,
        setting=_BY_CODE["kingsmead-academy"],
        circumstance="looked-after",
        attendance="fair",
        story="story-suspension",
    )


def _sliding(today: date) -> Child:
    """Year five; each week she misses more, and each agency knows a part of why."""
    mother = Parent("MTH", "Lorna", "Tillbrook", "07700 900002")
    return Child(
        2,
        _household(9002, _ASHBOURNE, "Tillbrook", "41 Saffron Way", "XW1 4HB", mother),
        "F",
        "Maisie",
        "Ann",
        _born(5, 6, 3, today),
        5,
        setting=_BY_CODE["ashbourne-primary"],
        circumstance="referral",
        attendance="sliding",
        injuries=1,
        story="story-attendance",
    )


def _in_refuge(today: date) -> Child:
    """Year three; she and her mother live in a refuge, and her father must not learn where."""
    mother = Parent("MTH", "Elena", "Marsh", "07700 900003")
    father = Parent("FTH", "Victor", "Marsh", "", at_home=False, contact=False)
    return Child(
        3,
        _household(9003, _ALDHELM, "Marsh", "Heron House, 8 Quarry Rise", "XW3 6LD", mother, father),
        "F",
        "Clara",
        "Rose",
        _born(3, 11, 20, today),
        3,
        setting=_BY_CODE["st-aldhelms-primary"],
        circumstance="child-protection",
        attendance="moved",
        restricted="R",
        story="story-restricted",
    )


def _adopted(today: date) -> Child:
    """Four years old and placed for adoption: known to nobody but social care."""
    return Child(
        4,
        _household(9004, _ALDHELM, "Finch", "22 Juniper Mews", "XW2 7PT"),
        "M",
        "Jonah",
        "",
        _born(-1, 4, 9, today),
        -1,
        circumstance="looked-after",
        restricted="V",
        story="story-protected",
    )


def _household(
    number: int, patch: Patch, family: str, line: str, postcode: str, *parents: Parent
) -> Household:
    return Household(number, names.BRITISH, patch, line, postcode, family, parents)


def _born(year_group: int, month: int, day: int, today: date) -> date:
    """A birthday that puts a child into a year group today."""
    first = calendar.year_start(today).year - 5 - year_group
    return date(first if month >= 9 else first + 1, month, day)
