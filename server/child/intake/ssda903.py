"""The SSDA903 return on looked-after children, as resources.

https://www.gov.uk/government/publications/children-looked-after-return-guide-to-submitting-data
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

from server.child.intake import care, date, outcome, ssda903_rows
from server.child.intake.children import Child, Importer, Intake
from server.child.intake.report import Report
from server.child.intake.source import Refused, Row
from server.child.intake.ssda903_rows import Rows
from server.fhir.identifier import LA_CHILD_ID, UPN

FORMAT = "ssda903"


def read(path: Path, importer: Importer, report: Report, year: int | None = None) -> Intake:
    """The children of a return: a folder of CSV tables, an XML file, or a folder with both.

    `year` is the one in which the collection year ends; without it, the one in which most episodes ended.
    """
    rows = ssda903_rows.read(path, report)
    intake = Intake(FORMAT, importer, report)
    _identify(rows, intake)
    _Return(intake, _collection_year(rows, year, report)).take(rows)
    return intake


def _identify(rows: Rows, intake: Intake) -> None:
    """Who the children are: from every row, for a row that is refused must not lose its child."""
    for row in rows["header"]:
        if (child := _child(row, intake)) is not None:
            person = child.person
            person.birth_date(row, "DOB")
            person.sex(row, "SEX")
            person.ethnicity(row, "ETHNIC")
            # The reason why there is none is written in its place.
            if (row.peek("UPN") or "").upper().startswith("UN"):
                person.upn_unknown(row, "UPN")
            else:
                person.identify(row, "UPN", UPN)
    for table, others in rows.items():
        for row in others if table != "header" else ():
            if (child := _child(row, intake)) is not None and "birth" not in child.person.facts:
                _glean_birth_date(child, row)


def _child(row: Row, intake: Intake) -> Child | None:
    if (key := row.text("CHILD")) is None:
        return None
    child = intake.child(key)
    child.person.identify(row, "CHILD", f"{LA_CHILD_ID}{intake.importer.authority}")
    return child


def _glean_birth_date(child: Child, row: Row) -> None:
    try:
        row.day("DOB")
    except Refused:
        return  # the row is refused for it when it is taken
    child.person.birth_date(row, "DOB")


def _collection_year(rows: Rows, year: int | None, report: Report) -> int | None:
    """The year in which the collection year begins."""
    begins = year - 1 if year is not None else _most_frequent(_days(rows))
    if begins is not None:
        how = "as told" if year is not None else "the one in which most episodes of the files ended"
        report.note(f"The collection year is 1 April {begins} to 31 March {begins + 1}: {how}.")
    return begins


def _days(rows: Rows) -> list[str]:
    """The days that tell the year, best first: of the first column that has any."""
    for table, column in (
        ("episodes", "DEC"),
        ("reviews", "REVIEW"),
        ("missing", "MIS_START"),
        ("episodes", "DECOM"),
    ):
        cells = [cell for row in rows[table] if (cell := row.peek(column))]
        if days := [day for cell in cells if (day := _day(cell))]:
            return days
    return []


def _day(cell: str) -> str | None:
    try:
        return date.day(cell)
    except ValueError:
        return None


def _most_frequent(days: Iterable[str]) -> int | None:
    counted = Counter(map(date.collection_year, days)).most_common(1)
    return counted[0][0] if counted else None


class _Return:
    """One return, table by table; episodes come early, for what happens in care refers to the time in it."""

    def __init__(self, intake: Intake, year: int | None) -> None:
        self._intake = intake
        self._year = year
        self._episodes: dict[str, dict[str, care.Episode]] = defaultdict(dict)
        self._periods: dict[str, list[care.Period]] = {}

    def take(self, rows: Rows) -> None:
        self._each(rows["header"], "Child", care.header)
        self._each(rows["episodes"], "Placement", self._episode)
        for key, episodes in self._episodes.items():
            self._periods[key] = care.periods(self._intake.children[key], list(episodes.values()))
        self._each(
            rows["reviews"], "AgencyContact", lambda child, row: care.review(child, row, self._within(child))
        )
        self._each(rows["uasc"], "Need", care.unaccompanied)
        self._each(
            rows["oc2"],
            "LookedAfterHealth",
            lambda child, row: outcome.health(child, row, self._known_year()),
        )
        self._each(
            rows["oc3"], "CareLeaver", lambda child, row: outcome.leaver(child, row, self._known_year())
        )
        self._each(rows["placed-for-adoption"], "Adoption", outcome.placed_for_adoption)
        self._each(rows["ad1"], "Adoption", outcome.adoption)
        self._each(rows["previous-permanence"], "PreviousPermanence", outcome.previous_permanence)
        self._each(rows["missing"], "MissingEpisode", care.missing)
        self._each(rows["social-workers"], "TeamAroundTheChild", care.social_worker)
        self._each(rows["deprivation-of-liberty"], "DeprivationOfLiberty", care.deprivation_of_liberty)

    def _each(self, rows: Iterable[Row], kind: str, take: Callable[[Child, Row], None]) -> None:
        def checked(row: Row) -> None:
            child = self._intake.child(row.required("CHILD"))
            _same_birth_date(child, row)
            take(child, row)

        self._intake.take(rows, kind, checked)

    def _episode(self, child: Child, row: Row) -> None:
        episode = care.episode(child, row)
        self._episodes[child.key].setdefault(episode.draft.key, episode)

    def _within(self, child: Child) -> list[care.Period]:
        return self._periods.get(child.key, [])

    def _known_year(self) -> int:
        if self._year is None:
            raise Refused("The row has no date, and the files do not tell the collection year: name it.")
        return self._year


def _same_birth_date(child: Child, row: Row) -> None:
    """The row of another birth date may be another child's: its CHILD may be mistyped."""
    born, known = row.day("DOB"), child.person.facts.get("birth")
    if born is not None and known is not None and born != known:
        first = child.person.told["birth"]
        raise Refused(f"The child's date of birth is another one in row {first.row} of {first.file}.", "DOB")
