"""Three hundred children in their families: ages, schools, needs, and why services are in touch."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from random import Random

from server.child.demonstration import calendar, number, stories
from server.child.demonstration.agencies import AGENCIES, NORTHMERE, SETTINGS, WEXSHIRE, Agency
from server.child.demonstration.child import SEED, Child
from server.child.demonstration.households import PATCHES, Household, households

SIZE = 300

_BY_CODE = {agency.code: agency for agency in AGENCIES}

# How many children the services are in touch about, and of which year groups.
_CIRCUMSTANCES = (
    ("looked-after", 14, range(-3, 12)),
    ("was-looked-after", 3, range(2, 12)),
    ("child-protection", 12, range(-4, 11)),
    ("child-in-need", 18, range(-4, 12)),
    ("referral", 12, range(-4, 12)),
    ("early-help", 16, range(-2, 11)),
    ("elective-home-education", 5, range(3, 11)),
    ("children-missing-education", 4, range(1, 11)),
    ("youth-justice", 5, range(8, 12)),
)

_OFF_ROLL = ("elective-home-education", "children-missing-education")

_SEN_TYPES = ("SLCN", "SEMH", "ASD", "MLD", "SPLD", "HI", "PD", "VI")


def population(today: date) -> list[Child]:
    """All children, those of the stories first; brothers and sisters stand together."""
    dice = Random(SEED)  # noqa: S311 - the same every time is the point
    known = stories.children(today)
    families = _families(today, dice, len(known))
    born = [*known, *(next(families) for _ in range(SIZE - len(known)))]
    return [_complete(child, today) for child in _with_numbers(_with_circumstances(born, dice), today)]


def _families(today: date, dice: Random, serial: int) -> Iterator[Child]:
    for family in households(dice):
        year_group = dice.randint(-5, 12)
        for _ in range(dice.choices((1, 2, 3, 4), (34, 42, 17, 7))[0]):
            if year_group < -6:
                break
            serial += 1
            yield _born(serial, family, year_group, today, dice)
            year_group -= dice.randint(1, 4)


def _born(serial: int, family: Household, year_group: int, today: date, dice: Random) -> Child:
    sex = dice.choice("MF")
    names = family.community.boys if sex == "M" else family.community.girls
    given, middle = dice.sample(names, 2)
    if year_group < -5 or (year_group == -5 and dice.random() < 0.1):
        expected = today + timedelta(days=dice.randint(20, 120))
        return Child(serial, family, "U", "", "", expected, -6, unborn=True)
    birth = born_in(year_group, today, dice)
    return Child(serial, family, sex, given, middle, birth, year_group)


def born_in(year_group: int, today: date, dice: Random) -> date:
    """A birth date that puts a child into a year group today, and at least three weeks ago."""
    first = date(calendar.year_start(today).year - 5 - year_group, 9, 1)
    return min(first + timedelta(days=dice.randint(0, 364)), today - timedelta(days=dice.randint(21, 40)))


def _with_circumstances(born: list[Child], dice: Random) -> list[Child]:
    """Each circumstance dealt to children of its ages; the unborn are known because they are at risk."""
    dealt = list(born)
    for circumstance, count, ages in _CIRCUMSTANCES:
        free = [
            place
            for place, child in enumerate(dealt)
            if not child.circumstance and not child.story and not child.unborn and child.year_group in ages
        ]
        for place in dice.sample(free, count):
            dealt[place] = replace(dealt[place], circumstance=circumstance)
    plans = iter(("child-protection", "child-protection"))
    return [
        replace(child, circumstance=next(plans, "child-in-need")) if child.unborn else child
        for child in dealt
    ]


def _with_numbers(born: list[Child], today: date) -> Iterator[Child]:
    """Pupil numbers as the first school gives them out, learner numbers from year nine."""
    given: Counter[tuple[str, int]] = Counter()
    for child in born:
        if child.unborn or child.year_group < 0 or child.upn:
            yield child
            continue
        school = _BY_CODE[child.household.patch[3]]
        year = calendar.year_start(today).year - child.year_group
        given[school.code, year] += 1
        yield replace(
            child,
            upn=number.upn(school.authority, school.establishment, year, given[school.code, year]),
            uln=number.uln(child.serial) if child.year_group >= 9 else "",
        )


def _complete(child: Child, today: date) -> Child:
    """The rest of the facts, from the child's own dice; a child of a story has its own."""
    if child.unborn:
        return child
    dice = child.dice("facts")
    if child.story:
        return replace(child, entry=_entry(child, child.setting, today, dice)) if child.setting else child
    sen = dice.choices(("N", "K", "E"), (80, 14, 6))[0] if child.year_group >= 0 else "N"
    setting = _setting(child, sen, dice)
    off_roll = child.circumstance in _OFF_ROLL
    return replace(
        child,
        sen=sen,
        sen_type=dice.choice(_SEN_TYPES) if sen != "N" else "",
        setting=setting,
        entry=_entry(child, setting, today, dice) if setting else None,
        left=today - timedelta(days=dice.randint(30, 80)) if off_roll else None,
        attendance=_attendance(child, dice),
        suspensions=dice.choices((0, 1, 2, 3), (70, 18, 9, 3))[0]
        if child.year_group >= 7 and not off_roll
        else 0,
        missing=_missing(child, dice),
        injuries=dice.choices((0, 1, 2), (86, 12, 2))[0],
    )


def _setting(child: Child, sen: str, dice: Random) -> Agency | None:
    if 1 <= child.year_group < 12 and sen == "E" and child.authority == WEXSHIRE and dice.random() < 0.6:
        return _BY_CODE["fernhill-school"]
    if 0 <= child.year_group < 12:
        # The neighbour places its looked-after children on this side of the border.
        abroad = child.authority == NORTHMERE and child.circumstance == "looked-after"
        primary, secondary = (PATCHES[1] if abroad else child.household.patch)[3:]
        return _BY_CODE[primary if child.year_group < 7 else secondary]
    chance = {-1: 0.9, -2: 0.8, -3: 0.35}.get(child.year_group, 0.0)
    nearby = [setting for setting in SETTINGS if setting.authority == child.authority]
    return dice.choice(nearby) if dice.random() < chance else None


def _entry(child: Child, setting: Agency, today: date, dice: Random) -> date:
    """The first school day of the first year at this setting; one child in eight came later."""
    start = calendar.year_start(today)
    years = child.year_group - setting.ages.start if setting.ages else 0
    entry = date(start.year - max(years, 0), 9, 2)
    if dice.random() < 0.125:
        entry += timedelta(days=dice.randint(10, 300))
    return entry if entry < today else date(start.year, 9, 2)


def _attendance(child: Child, dice: Random) -> str:
    if child.circumstance == "youth-justice":
        return "dual"
    troubled = child.circumstance in ("looked-after", "child-protection", "child-in-need")
    weights = (45, 33, 15, 5, 2) if troubled else (68, 24, 6, 1, 1)
    return dice.choices(("good", "fair", "persistent", "severe", "part-time"), weights)[0]


def _missing(child: Child, dice: Random) -> int:
    if child.year_group < 7 or child.circumstance not in (
        "looked-after",
        "child-protection",
        "youth-justice",
    ):
        return 0
    return dice.choices((0, 1, 2, 4), (25, 35, 25, 15))[0]
