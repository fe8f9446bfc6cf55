"""What two legacy systems hold of an authority's children: a school system and one of children's social care.

Three children in five are in both, one in five in each alone. Neither has an identifier that the other has.
"""

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import slip
from population import TODAY, Child, Home, Parent, children, rates
from slip import happens

SYSTEMS = ("education", "care")
BOTH, ALONE = 0.6, 0.2
_HALF = 182


@dataclass(frozen=True)
class Record:
    """A child as a system has it; `child` is the truth, and stands in no extract."""

    id: str
    child: int
    given: tuple[str, ...]
    family: str
    born: date
    sex: str
    homes: tuple[tuple[str, str], ...]
    """(line, postcode), the present one first."""
    parents: tuple[tuple[str, str], ...]
    siblings: tuple[tuple[str, str], ...]
    school: str


def records(system: str, population: Iterable[Child], seed: int) -> Iterator[Record]:
    """What `system` holds; now and then a child twice."""
    for child in population:
        where = Random(f"where {seed} {child.number}").random()
        if where >= BOTH and (where < BOTH + ALONE) != (system == SYSTEMS[0]):
            continue
        dice = Random(f"{system} {seed} {child.number}")
        for copy in range(1 + happens(dice, "duplicate")):
            yield _record(system, child, f"{system[0].upper()}{child.number * 2 + copy:07}", dice)


def write(folder: Path, count: int, seed: int) -> None:
    """`education.csv`, `care.csv`, their mappings, and `truth.csv`: which child each record is of."""
    folder.mkdir(parents=True, exist_ok=True)
    population = children(count, seed)
    with (folder / "truth.csv").open("w", newline="") as file:
        truth = csv.writer(file)
        truth.writerow(("source", "id", "child", "twin"))
        for system in SYSTEMS:
            held = list(records(system, population, seed))
            # A file tells nothing by the order of its rows.
            Random(f"order {seed}").shuffle(held)
            _write(folder / f"{system}.csv", [_ROWS[system](record) for record in held])
            truth.writerows((system, r.id, r.child, _twin(population[r.child])) for r in held)
            (folder / f"{system}.mapping.json").write_text(json.dumps(_MAPPINGS[system], indent=2) + "\n")


def _record(system: str, child: Child, id: str, dice: Random) -> Record:
    care = system == "care"
    seen = TODAY - timedelta(dice.randint(0, 5 * 365 if care else 300))
    seen = max(seen, child.born + timedelta(1))
    opened = max(child.born, seen - timedelta(dice.randint(1, 6 * 365)))
    given, family = _names(dice, child)
    loud = str.upper if happens(dice, "capitals") else str
    plain = slip.plain if happens(dice, "accents lost") else str
    says = lambda text: loud(plain(text))  # noqa: E731
    return Record(
        id,
        child.number,
        tuple(map(says, given)),
        says(family),
        slip.born(dice, child.born) if happens(dice, "birth") else child.born,
        _sex(dice, child.sex),
        tuple(map(partial(_address, dice), _homes(dice, child, opened, seen))),
        tuple((says(name), says(surname)) for name, surname in _parents(dice, child.house.parents)),
        tuple(
            (
                says(other.given[-1 if len(other.given) > 1 and other.house.origin.prefix else 0]),
                other.born.isoformat(),
            )
            for other in child.house.children
            if other is not child and other.born < seen and happens(dice, "sibling")
        ),
        child.school(seen) if not care or happens(dice, "school") else "",
    )


def _names(dice: Random, child: Child) -> tuple[tuple[str, ...], str]:
    given, family = child.given, child.was if child.was and dice.random() < 0.5 else child.family
    if happens(dice, "given"):
        given, family = slip.given(dice, child, given, family)
    if happens(dice, "family"):
        family = slip.family(dice, child, family)
    prefix = child.house.origin.prefix
    if prefix and len(given) > 1 and given[0] == prefix[0]:
        return _prefixed(dice, given), family
    if len(given) > 1 and happens(dice, "middle left out"):
        given = given[:1]
    return given, family


def _prefixed(dice: Random, given: tuple[str, ...]) -> tuple[str, ...]:
    """Muhammad Hassan is written Hassan, Mohammed Hassan, Md Hassan; by the first alone nobody is told apart."""
    if dice.random() < 0.25:
        return given[1:]
    first = slip.otherwise(dice, given[0]) if dice.random() < 0.4 else given[0]
    return (first, *given[1:])


def _sex(dice: Random, sex: str) -> str:
    if happens(dice, "sex missing"):
        return ""
    return "FM"["FM".index(sex) - 1] if happens(dice, "sex") else sex


def _homes(dice: Random, child: Child, opened: date, seen: date) -> list[Home]:
    """The homes that the system was told of, the one it takes for the present first."""
    lived = [
        home
        for home, until in zip(
            child.house.homes, [*(h.since for h in child.house.homes[1:]), TODAY], strict=True
        )
        if home.since <= seen and until > child.born
    ] or [child.house.homes[0]]
    while len(lived) > 1 and dice.random() < _unheard((seen - lived[-1].since).days):
        lived.pop()
    if happens(dice, "address missing"):
        return []
    earlier = [h for h in reversed(lived[:-1]) if h.since >= opened or dice.random() < 0.3]
    return [lived[-1], *(home for home in earlier if happens(dice, "history"))]


def _unheard(days: int) -> float:
    """How likely it is that a move so many days ago was never told."""
    return min(0.9, rates()["old address"]["of"] * 2 ** ((_HALF - days) / _HALF))


def _address(dice: Random, home: Home) -> tuple[str, str]:
    line = slip.line(dice, home.line) if happens(dice, "line") else home.line
    return line, slip.postcode(dice, home.postcode) if happens(dice, "postcode") else home.postcode


def _parents(dice: Random, parents: tuple[Parent, ...]) -> Iterator[tuple[str, str]]:
    for parent, who in zip(parents, ("mother", "father"), strict=True):
        if happens(dice, who):
            yield _parent(dice, parent) if happens(dice, "parent") else (parent.given, parent.family)


def _parent(dice: Random, parent: Parent) -> tuple[str, str]:
    match slip.kind(dice, "parent"):
        case "misspelt":
            return slip.misspelt(dice, parent.given), parent.family
        case "written otherwise":
            return slip.otherwise(dice, parent.given), parent.family
        case "short":
            return slip.familiar(dice, parent.given), parent.family
    return parent.given, slip.otherwise(dice, parent.family)


def _education(r: Record) -> dict[str, str]:
    return {
        "pupil_id": r.id,
        "forename": r.given[0], "middle_names": " ".join(r.given[1:]), "surname": r.family,
        "dob": f"{r.born:%d/%m/%Y}", "gender": r.sex,
        **_address_columns(r, "address", "postcode", 0), **_address_columns(r, "previous_address", "previous_postcode", 1),
        **{f"contact_{n + 1}": _nth(r.parents, n)[0] for n in range(2)},
        **{f"contact_{n + 1}_surname": _nth(r.parents, n)[1] for n in range(2)},
        **{f"sibling_{n + 1}": _nth(r.siblings, n)[0] for n in range(2)},
        **{f"sibling_{n + 1}_dob": _nth(r.siblings, n)[1] for n in range(2)},
        "school": r.school,
    }  # fmt: skip


def _care(r: Record) -> dict[str, str]:
    return {
        "person_id": r.id, "first_names": " ".join(r.given), "last_name": r.family,
        "date_of_birth": r.born.isoformat(), "sex": {"F": "Female", "M": "Male", "": ""}[r.sex],
        **{
            key: value
            for n in range(3)
            for key, value in _address_columns(r, f"line_{n + 1}", f"postcode_{n + 1}", n).items()
        },
        "mother_or_first_carer": _nth(r.parents, 0)[0], "first_carer_surname": _nth(r.parents, 0)[1],
        "second_carer": _nth(r.parents, 1)[0], "second_carer_surname": _nth(r.parents, 1)[1],
        **{f"sibling_{n + 1}": _nth(r.siblings, n)[0] for n in range(3)},
        **{f"sibling_{n + 1}_born": _nth(r.siblings, n)[1] for n in range(3)},
        "school_attended": r.school,
    }  # fmt: skip


_ROWS = {"education": _education, "care": _care}
_MAPPINGS: dict[str, dict[str, Any]] = {
    "education": {
        "source": "education",
        "id": "pupil_id",
        "given": ["forename", "middle_names"],
        "family": ["surname"],
        "born": {"column": "dob", "format": "%d/%m/%Y"},
        "sex": {"column": "gender", "codes": {"F": "female", "M": "male"}},
        "address": [
            {"line": ["address"], "postcode": "postcode"},
            {"line": ["previous_address"], "postcode": "previous_postcode"},
        ],
        "parent": [{"given": f"contact_{n}", "family": f"contact_{n}_surname"} for n in (1, 2)],
        "sibling": [{"given": f"sibling_{n}", "born": {"column": f"sibling_{n}_dob"}} for n in (1, 2)],
        "school": ["school"],
    },
    "care": {
        "source": "care",
        "id": "person_id",
        "given": ["first_names"],
        "family": ["last_name"],
        "born": {"column": "date_of_birth"},
        "sex": {"column": "sex", "codes": {"Female": "female", "Male": "male"}},
        "address": [{"line": [f"line_{n}"], "postcode": f"postcode_{n}"} for n in (1, 2, 3)],
        "parent": [
            {"given": "mother_or_first_carer", "family": "first_carer_surname"},
            {"given": "second_carer", "family": "second_carer_surname"},
        ],
        "sibling": [{"given": f"sibling_{n}", "born": {"column": f"sibling_{n}_born"}} for n in (1, 2, 3)],
        "school": ["school_attended"],
    },
}


def _address_columns(r: Record, line: str, postcode: str, n: int) -> dict[str, str]:
    there = _nth(r.homes, n)
    return {line: there[0], postcode: there[1]}


def _nth(pairs: tuple[tuple[str, str], ...], n: int) -> tuple[str, str]:
    return pairs[n] if n < len(pairs) else ("", "")


def _twin(child: Child) -> str:
    return "" if child.twin is None else str(child.twin)


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
