"""The school census, as resources of the pupils on roll and of those who left.

https://www.gov.uk/guidance/complete-the-school-census
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from server.child.intake import registration, school_census_rows
from server.child.intake.children import Child, Importer, Intake
from server.child.intake.person import Person
from server.child.intake.report import Report
from server.child.intake.school_census_rows import Census, Collection, Term, counted, pupil_id
from server.child.intake.source import Refused, Row, Unreadable
from server.fhir import Json
from server.fhir.identifier import FORMER_UPN, ULN, UPN

FORMAT = "school-census"


def read(folder: Path, importer: Importer, report: Report, told: Collection | None = None) -> Intake:
    """The children of one collection; `told` is its year and term where the names of files do not tell."""
    census = school_census_rows.read(folder, report)
    collection = _collection(census, told)
    term = counted(collection)
    report.note(
        f"The sessions of the {collection[1]} census {collection[0]} are of {term.start} to {term.end}."
    )
    intake = Intake(FORMAT, importer, report)
    _Census(intake, term).take(census.rows)
    return intake


def _collection(census: Census, told: Collection | None) -> Collection:
    if told is None and len(census.collections) != 1:
        raise Unreadable(
            "The collection is not clear: tell its year and term, or begin every name like '2025_spring'."
        )
    return told or next(iter(census.collections))


@dataclass(slots=True)
class _Pupil:
    """A pupil of the export: the child, and the stays at schools by their school and first day."""

    child: Child
    stays: list[tuple[str, str]] = field(default_factory=list)

    def entry(self, school: str) -> str | None:
        """The first day of the last stay at the school."""
        return max((start for at, start in self.stays if at == school), default=None)


class _Census:
    """One collection: pupils first, for the other tables speak of them by the export's own key."""

    def __init__(self, intake: Intake, term: Term) -> None:
        self._intake = intake
        self._term = term
        self._pupils: dict[str, _Pupil] = {}
        self._keys: dict[str, str] = {}

    def take(self, rows: dict[str, list[Row]]) -> None:
        # The newest first: of two that differ, the first one told is kept.
        leavers = sorted(rows["off-roll"], key=_left, reverse=True)
        for row in (*rows["on-roll"], *leavers):
            self._identify(row)
        self._intake.take(rows["on-roll"], "Registration", self._registered)
        self._intake.take(rows["off-roll"], "Registration", self._registered)
        self._each(rows["free-school-meals"], "Registration", registration.free_school_meals)
        self._each(rows["sen-needs"], "Need", registration.sen_need)
        self._each(rows["exclusions"], "SchoolExclusion", registration.exclusion)
        self._each(rows["sessions"], "AttendanceTotal", self._sessions)

    def _identify(self, row: Row) -> None:
        """Who the pupils are: from every row, for a row that is refused must not lose its child."""
        if (id := pupil_id(row)) is None:
            return
        child = self._intake.child(self._key(row))
        pupil = self._pupils.setdefault(id[1], _Pupil(child))
        person = child.person
        person.identify(row, "upn", UPN)
        person.identify(row, "formerupn", FORMER_UPN)
        person.identify(row, "uniquelearnernumber", ULN)
        person.birth_date(row, "dob")
        person.sex(row, "sex")
        person.ethnicity(row, "ethnicity")
        person.language(row, "language")
        _name(person, row)
        if not person.identifiers:
            person.known_as(row, child.known_by("pupil"))
        if stay := _stay(row):
            pupil.stays.append(stay)

    def _key(self, row: Row) -> str:
        """What a pupil is known by from census to census: the UPN. One that two pupils of two birth dates
        share is a mistake for one of them, and becomes known by both."""
        born = row.peek("dob") or ""
        upn = row.peek("upn")
        if upn is None:
            who = "|".join((row.peek("surname") or "", row.peek("forename") or "", born))
            return f"unnumbered-{hashlib.sha256(who.casefold().encode()).hexdigest()[:20]}"
        return upn if self._keys.setdefault(upn, born) == born else f"{upn} {born}"

    def _registered(self, row: Row) -> None:
        pupil, school = self._found(row)
        registration.registered(
            pupil.child, row, registration.School(school, self._known(school, row)), self._term
        )

    def _sessions(self, child: Child, row: Row, at: registration.Stay) -> None:
        registration.sessions(child, row, at, self._term)

    def _each(
        self, rows: Iterable[Row], kind: str, take: Callable[[Child, Row, registration.Stay], None]
    ) -> None:
        def of_pupil(row: Row) -> None:
            pupil, code = self._found(row)
            school = registration.School(code, self._known(code, row))
            take(pupil.child, row, registration.Stay(school, pupil.entry(code)))

        self._intake.take(rows, kind, of_pupil)

    def _found(self, row: Row) -> tuple[_Pupil, str]:
        id = pupil_id(row)
        if id is None:
            raise Refused("The row does not say whose it is.")
        if id[1] not in self._pupils:
            raise Refused(f"The files have no pupil '{id[1]}'.", id[0])
        return self._pupils[id[1]], row.required("nativeid")

    def _known(self, school: str, row: Row) -> Json:
        return registration.school(self._intake, school, row)


def _left(row: Row) -> str:
    try:
        return row.day("leavingdate") or ""
    except Refused:
        return ""


def _stay(row: Row) -> tuple[str, str] | None:
    school = row.peek("nativeid")
    try:
        start = row.day("entrydate")
    except Refused:
        return None  # the row is refused for it when it is taken
    return (school, start) if school and start else None


def _name(person: Person, row: Row) -> None:
    given = row.text("forename")
    family = row.text("surname")

    def official(row: Row, column: str) -> Json | None:
        parts = [part for part in (given, *(row.text("middlenames") or "").split()) if part]
        return _named(row.text(column), parts)

    def usual(row: Row, column: str) -> Json | None:
        preferred = row.text(column)
        return None if preferred == family else _named(preferred, [given] if given and preferred else [])

    person.state("official", row, "surname", official)
    person.state("usual", row, "preferredsurname", usual)
    person.state("old", row, "formersurname", lambda row, column: _named(row.text(column), []))


def _named(family: str | None, given: list[str]) -> Json | None:
    return {**({"family": family} if family else {}), **({"given": given} if given else {})} or None
