"""What the three sample imports promise as a whole."""

import copy
import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from server.child.intake.children import Intake
from server.child.intake.draft import pruned
from server.child.intake.report import Extent, Fate, Origin
from server.validation.validate import validate
from tests.child.intake.fake_door import FakeDoor
from tests.child.intake.imports import DATA, FORMATS, bring_in, read

formats = pytest.mark.parametrize("format", FORMATS)

# Said again in other tables of the same child, and checked against them.
REPEATED = {"DOB", "SEX", "dob"}


@pytest.fixture(scope="module")
def imported() -> dict[str, FakeDoor]:
    doors = {format: FakeDoor() for format in FORMATS}
    for format, door in doors.items():
        bring_in(format, door)
    return doors


@formats
def test_at_least_95_of_100_children_are_created(format: str, imported: dict[str, FakeDoor]) -> None:
    there = len(imported[format].of_type("Patient"))
    assert there >= 0.95 * len(set(_children(format)))


@formats
def test_a_second_run_creates_and_updates_nothing(format: str, imported: dict[str, FakeDoor]) -> None:
    before = imported[format].transactions
    report = bring_in(format, imported[format])
    assert (report.total(Fate.CREATED), report.total(Fate.UPDATED)) == (0, 0)
    assert imported[format].transactions == before


@formats
def test_every_resource_is_valid_but_for_rules_that_the_sample_breaks(
    format: str, imported: dict[str, FakeDoor]
) -> None:
    found = (issue for resource in imported[format].resources.values() for issue in validate(resource))
    assert [issue for issue in found if not issue.rule] == []


@formats
def test_no_reference_between_drafts_is_left(format: str, imported: dict[str, FakeDoor]) -> None:
    assert "draft:" not in json.dumps(imported[format].resources, default=str)


@pytest.mark.parametrize("format", ["ssda903", "school-census"])
def test_every_row_of_a_table_is_in_a_resource_or_refused(format: str) -> None:
    told = _told(read(format))
    rows = {
        (file.name, n) for file in FORMATS[format][1].glob("*.csv") for n, _ in enumerate(_table(file), 2)
    }
    assert rows - {(at.file, at.row) for at in told} == set()


@pytest.mark.parametrize("format", ["ssda903", "cin"])
def test_every_element_with_facts_is_in_a_resource_or_refused(format: str) -> None:
    told = {(at.file, at.place) for at in _told(read(format))}
    for file in FORMATS[format][1].glob("*.xml"):
        tree = etree.parse(file)
        elements = [
            one
            for one in tree.iter(*_ROWS)
            if any(len(leaf) == 0 and leaf.text for leaf in one) or not len(one)
        ]
        places = {(file.name, tree.getelementpath(one).replace("[1]", "")) for one in elements}
        assert places - {(name, place.replace("[1]", "")) for name, place in told} == set()


@pytest.mark.parametrize("format", ["ssda903", "school-census"])
def test_no_cell_of_a_table_is_lost_unseen(format: str, tmp_path: Path) -> None:
    tables = _small(format)
    plain = _snapshot(format, tables, tmp_path)
    unheard = []
    for file, rows in tables.items():
        for number, column in _typical(rows, [at.row for at in plain.refused_rows if at.file == file]):
            if (file, column) in plain.not_held:
                continue
            for value in ("%%",) if column in REPEATED else ("", "%%"):
                changed = copy.deepcopy(tables)
                changed[file][number][column] = value
                if _snapshot(format, changed, tmp_path) == plain:
                    unheard.append((file, column, value))
    assert unheard == []


@pytest.mark.parametrize(
    ("format", "file"),
    [("ssda903", "fake_903_first25.xml"), ("cin", "fake_CIN_first30.xml"), ("cin", "CIN_Census_2026.xml")],
)
def test_no_leaf_of_an_xml_file_is_lost_unseen(format: str, file: str, tmp_path: Path) -> None:
    # An assessment that ends before it starts would be refused with all its factors.
    tree = etree.ElementTree(
        etree.fromstring((FORMATS[format][1] / file).read_bytes().replace(b"2028-", b"2018-"))
    )
    target = tmp_path / file
    tree.write(target)
    plain = _Snapshot(read(format, target))
    leaves: dict[str, list[etree._Element]] = {}
    for leaf in (one for one in tree.iter() if len(one) == 0 and (one.text or "").strip()):
        leaves.setdefault(tree.getpath(leaf).translate(_NO_POSITIONS), []).append(leaf)

    def heard(leaf: etree._Element) -> bool:
        kept, leaf.text = leaf.text, "%%"
        tree.write(target)
        leaf.text = kept
        return _Snapshot(read(format, target)) != plain

    # Not each: what stands below something refused is refused with it.
    unheard = [path for path, some in leaves.items() if not any(map(heard, some[:5]))]
    assert [path for path in unheard if "/Header/" not in path] == []


_ROWS = (
    *("HEADER", "AREVIEW", "AMISSING", "PERMANENCE", "OC2", "AD_PLACED", "EPISODE"),
    *(
        "ChildIdentifiers",
        "ChildCharacteristics",
        "Disability",
        "CINdetails",
        "Assessments",
        "AssessmentFactors",
    ),
    *("CINPlanDates", "Section47", "ChildProtectionPlans", "CPPreviewDate", "PreProceedingsandFGDM"),
)
_NO_POSITIONS = {ord(character): None for character in "[]0123456789"}


class _Snapshot:
    """All that comes of reading: resources, refusals and what is not held."""

    def __init__(self, intake: Intake) -> None:
        children = intake.finished()
        drafts = [draft for child in children for draft in (child.patient, *child.drafts.values())]
        report = intake.report.json()
        self.not_held = set(intake.report.not_held)
        self.refused_rows = [one.origin for one in intake.report.refusals if one.extent is not Extent.CELL]
        self._said = json.dumps(
            [
                [pruned(draft.content) for draft in drafts],
                report["refused"],
                report["notHeld"],
                report["keptAsText"],
            ],
            default=str,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Snapshot) and self._said == other._said

    __hash__ = None  # type: ignore[assignment]


def _told(intake: Intake) -> set[Origin]:
    """Every row that led to a resource or is refused."""
    children = intake.finished()
    drafts = [draft for child in children for draft in (child.patient, *child.drafts.values())]
    refused = {one.origin for one in intake.report.refusals if one.extent is not Extent.CELL}
    return refused | {at for draft in drafts for at in draft.origins}


Tables = dict[str, list[dict[str, str]]]


def _children(format: str) -> Iterator[str]:
    """Every child that a file names, by whatever the file calls it."""
    keys = ("CHILD", "pupilonrolltableid", "pupilnolongeronrolltableid")
    for file in FORMATS[format][1].glob("*.csv"):
        for row in _table(file):
            yield next(row[key] for key in keys if key in row)
    for file in FORMATS[format][1].glob("*.xml"):
        yield from (str(leaf.text) for leaf in etree.parse(file).iter("CHILDID", "LAchildID"))


def _table(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines()))


def _small(format: str) -> Tables:
    """A few children of the sample: enough that every column of every table is filled somewhere."""
    tables = {file.name: _table(file) for file in FORMATS[format][1].glob("*.csv")}
    refused = {(one.origin.file, one.origin.row) for one in read(format).report.refusals}
    keep: set[str] = set()
    for name, rows in tables.items():
        taken = [number for number in range(len(rows)) if (name, number + 2) not in refused] or [0]
        for column in rows[0]:
            filled = [next(iter(rows[number].values())) for number in taken if rows[number][column]]
            if filled and keep.isdisjoint(filled):
                keep.add(filled[0])
    return {name: [row for row in rows if next(iter(row.values())) in keep] for name, rows in tables.items()}


def _typical(rows: list[dict[str, str]], refused: list[int]) -> Iterator[tuple[int, str]]:
    """For each column a row that is taken and has it filled."""
    for column in rows[0]:
        filled = [n for n, row in enumerate(rows) if row[column] and n + 2 not in refused]
        if filled:
            yield filled[0], column


def _snapshot(format: str, tables: Tables, folder: Path) -> _Snapshot:
    for name, rows in tables.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return _Snapshot(read(format, folder))


def test_the_samples_are_where_the_tests_look() -> None:
    assert all(any(folder.iterdir()) for _, folder in FORMATS.values())
    assert DATA.name == "data"
