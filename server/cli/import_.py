"""`childrecord import`: statutory files into the record, as an agency and by the agency's rights."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from server.child.intake import cin, school_census, ssda903
from server.child.intake.children import Importer, Intake
from server.child.intake.report import Report
from server.child.intake.source import Unreadable
from server.child.intake.write import write
from server.cli.connect import connected
from server.cli.import_report import lines, tables
from server.cli.record_door import RecordDoor
from server.cli.say import console, fault, step
from server.interaction.opening import door
from server.settings import settings

Read = Callable[[Importer, Report], Intake]
Command = Callable[..., None]


@click.group()
def import_() -> None:
    """Read the files that agencies have."""


def _options(command: Command) -> Command:
    agency = click.option("--as", "agency", required=True, metavar="AGENCY", help="The agency that imports.")
    report = click.option(
        "--report",
        type=click.Path(dir_okay=False, writable=True, path_type=Path),
        help="Where to write the whole report, as JSON.",
    )
    return agency(report(command))


def _source(**options: Any) -> Callable[[Command], Command]:
    return click.argument("source", type=click.Path(exists=True, path_type=Path, **options))


@import_.command("ssda903")
@_source()
@click.option("--year", type=click.IntRange(1990, 2100), help="The year in which the collection year ends.")
@_options
def import_ssda903(source: Path, agency: str, report: Path | None, year: int | None) -> None:
    """Import the return on looked-after children: a folder of its CSV files, or its XML file."""
    _run(ssda903.FORMAT, lambda importer, told: ssda903.read(source, importer, told, year), agency, report)


@import_.command("school-census")
@_source(file_okay=False)
@click.option("--year", type=click.IntRange(1990, 2100), help="The year of the collection.")
@click.option("--term", type=click.Choice(("spring", "summer", "autumn")), help="The term of the collection.")
@_options
def import_school_census(
    source: Path, agency: str, report: Path | None, year: int | None, term: str | None
) -> None:
    """Import a school census export: a folder of its CSV files, of one collection."""
    if (year is None) != (term is None):
        raise click.UsageError("--year and --term go together.")
    collection = (year, term) if year is not None and term is not None else None
    _run(
        school_census.FORMAT,
        lambda importer, told: school_census.read(source, importer, told, collection),
        agency,
        report,
    )


@import_.command("cin")
@_source()
@_options
def import_cin(source: Path, agency: str, report: Path | None) -> None:
    """Import the children in need census: its XML file, or a folder of them."""
    _run(cin.FORMAT, lambda importer, told: cin.read(source, importer, told), agency, report)


def _run(format: str, read: Read, agency: str, file: Path | None) -> None:
    with connected() as database:
        opened = door(settings(), database)
        if agency not in opened.agencies:
            raise click.UsageError(
                f"There is no agency '{agency}'; there are {', '.join(sorted(opened.agencies))}."
            )
        found = opened.agencies[agency]
        record = RecordDoor(opened, agency)
        if not record.holds(found.organization):
            fault(f"The record does not hold {found.organization}, whose everything imported would be.")
            sys.exit(1)
        importer = Importer(agency, found.authority, {"reference": found.organization})
        report = Report(format, agency)
        try:
            intake = read(importer, report)
        except Unreadable as unreadable:
            fault(str(unreadable))
            sys.exit(1)
        _write(intake, record, report)
    _tell(report)
    if file is not None:
        file.write_bytes(msgspec.json.format(msgspec.json.encode(report.json()), indent=2) + b"\n")
        step(f"The whole report is in {file}.")
    if not report.rows:
        fault("No file could be read.")
        sys.exit(1)


def _write(intake: Intake, record: RecordDoor, report: Report) -> None:
    children = intake.finished()
    columns = (TextColumn("Children"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("children", total=len(children))
        write(children, intake.shared, record, report, lambda done: progress.advance(task, done))


def _tell(report: Report) -> None:
    for table in tables(report):
        console.print(table)
    for line in lines(report):
        step(line)
