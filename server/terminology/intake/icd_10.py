"""ICD-10 as NHS England gives it out: a table of codes and titles.

https://isd.digital.nhs.uk/trud/users/guest/filters/0/categories/28
"""

import re
from collections.abc import Mapping, Sequence

from server.terminology.intake.claml import ICD_10
from server.terminology.intake.release import Declared, Progress, Release, Unreadable
from server.terminology.intake.source import Row, Source, named, tab_separated
from server.terminology.provider import Concept, Designation, Property

_TITLES = r"ICD10_Edition(?P<edition>\d+)_CodesAndTitles.*\.txt"
_DAY = re.compile(r"_(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)\.txt$", re.IGNORECASE)
_CODE = re.compile(r"(?P<category>[A-Z]\d\d)(?:\.?(?P<rest>[\dA-Z-]{1,4}))?[*+†]?")

# Columns that say something of a code beside its title, and what we call it.
_SAID: Mapping[str, str] = {
    "USAGE": "usage",
    "USAGE_UK": "usage-uk",
    "GENDER_MASK": "gender",
    "MIN_AGE": "age-minimum",
    "MAX_AGE": "age-maximum",
    "MODIFIER_4": "modifier-4",
    "MODIFIER_5": "modifier-5",
}


def is_release(files: Sequence[Source]) -> bool:
    """Whether there is such a table among them."""
    return bool(named(files, _TITLES))


def read(files: Sequence[Source], progress: Progress, version: str | None = None) -> Release:
    """The classification.

    Raises:
        Unreadable: the table is not what its name says.
    """
    file = named(files, _TITLES)[0]
    concepts: dict[str, Concept] = {}
    for row in tab_separated(file, ("CODE", "DESCRIPTION")):
        concept = _concept(row, file)
        concepts[concept.code] = concept
        if len(concepts) % 1000 == 0:
            progress("Reading codes", len(concepts), None)
    progress("Reading codes", len(concepts), len(concepts))
    return Release(
        url=ICD_10,
        version=version or _version(file),
        title="ICD-10, as used in the NHS",
        parents={code: _parents(code, concepts) for code in concepts},
        concept=concepts.__getitem__,
        properties=_PROPERTIES,
    )


_PROPERTIES = (
    Declared("alternative-code", "code", "The code without its dot, as hospitals send it."),
    *(Declared(name, "string", "As the table of the NHS has it.") for name in _SAID.values()),
)


def _concept(row: Row, file: Source) -> Concept:
    code = row["CODE"].strip()
    if _CODE.fullmatch(code) is None:
        raise Unreadable(f"'{file.name}' has the code '{code}', which is none of ICD-10.")
    alternative = row.get("ALT_CODE", "").strip()
    said = ((name, row.get(column, "").strip()) for column, name in _SAID.items())
    short = row.get("TREE_DESCRIPTION", "").strip()
    display = row["DESCRIPTION"].strip()
    return Concept(
        code=code,
        display=display,
        designations=(Designation(short, "en"),) if short and short != display else (),
        properties=(
            *((Property("alternative-code", alternative, "code"),) if alternative else ()),
            *(Property(name, value, "string") for name, value in said if value),
        ),
    )


def _parents(code: str, known: Mapping[str, Concept]) -> tuple[str, ...]:
    """The longest code that it begins with."""
    for length in range(len(code) - 1, 2, -1):
        above = code[:length].rstrip(".")
        if above != code and above in known:
            return (above,)
    return ()


def _version(file: Source) -> str:
    day, edition = _DAY.search(file.name), re.fullmatch(_TITLES, file.name, re.IGNORECASE)
    assert edition is not None
    number = edition["edition"]
    return f"{number}-{day['year']}-{day['month']}-{day['day']}" if day else number
