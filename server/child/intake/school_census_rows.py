"""The tables of a school census export, a folder of CSV files, as rows by the name of their table."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from server.child.intake.date import easter
from server.child.intake.report import Report
from server.child.intake.source import Row, Unreadable, table

_ON_ROLL, _OFF_ROLL = "pupilonrolltableid", "pupilnolongeronrolltableid"
_NAME = re.compile(r"(?P<year>20\d\d)[_-](?P<term>spring|summer|autumn)", re.IGNORECASE)
# By columns, for exports are named in more than one way. The first that fits counts.
_TABLES = {
    "sessions": {"attendancereason", "sessions"},
    "exclusions": {"category", "startdate", "sessions"},
    "sen-needs": {"sentype"},
    "free-school-meals": {"fsmstartdate"},
    "on-roll": {_ON_ROLL, "upn", "entrydate"},
    "off-roll": {_OFF_ROLL, "upn", "leavingdate"},
}

Collection = tuple[int, str]
"""The year and the term (spring, summer, autumn) in which the census was taken."""


@dataclass(frozen=True, slots=True)
class Term:
    """A term as the census counts its sessions."""

    start: str
    end: str


@dataclass(slots=True)
class Census:
    """The rows by table, and the collections that the names of the files speak of."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in _TABLES})
    collections: set[Collection] = field(default_factory=set)


def read(folder: Path, report: Report) -> Census:
    """All tables of the folder; what cannot be read is in the report."""
    census = Census()
    for file in sorted(folder.iterdir()):
        if file.suffix.casefold() != ".csv":
            report.note(f"{file.name} is no .csv file and was left aside.")
            continue
        try:
            _read_table(file, census, report)
        except Unreadable as unreadable:
            report.refuse_file(file.name, str(unreadable))
    return census


def counted(collection: Collection) -> Term:
    """The term whose sessions the collection counts: the one before that in which it is taken.

    For the census the autumn term begins with August and the spring term ends with Easter Sunday.
    """
    year, term = collection
    match term:
        case "spring":
            return Term(f"{year - 1}-08-01", f"{year - 1}-12-31")
        case "summer":
            return Term(f"{year}-01-01", easter(year).isoformat())
        case _:
            return Term((easter(year) + timedelta(days=1)).isoformat(), f"{year}-07-31")


def pupil_id(row: Row) -> tuple[str, str] | None:
    """The column and the value of the export's own key of a pupil, by which its tables hang together.

    It lasts no longer than the export, so reading it keeps nothing.
    """
    found = ((column, row.peek(column)) for column in (_ON_ROLL, _OFF_ROLL))
    return next(((column, value) for column, value in found if value), None)


def _read_table(file: Path, census: Census, report: Report) -> None:
    read = table(file, str.lower)
    columns = set(read.columns)
    kind = next((name for name, needed in _TABLES.items() if needed <= columns), None)
    if kind is None:
        raise Unreadable("The columns are those of no table of the school census that the record can hold.")
    if any(column.startswith("summerhalfterm2") for column in columns):
        raise Unreadable("Sessions of the second half of the summer term are counted in those of its whole.")
    if found := _NAME.search(file.name):
        census.collections.add((int(found["year"]), found["term"].lower()))
    report.rows[read.name] += len(read.lines)
    for row in read.rows():
        if isinstance(row, Row):
            census.rows[kind].append(row)
        else:
            report.refuse_line(read.name, *row)
