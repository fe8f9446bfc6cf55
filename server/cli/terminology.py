"""`childrecord terminology`: code lists of ours made out of tables, and published code systems loaded."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from server.cli.connect import connected
from server.cli.say import console, step
from server.definition import folder
from server.settings import CannotStart
from server.store import concept_load, concepts
from server.terminology.intake.release import Progress as Tell

_existing = click.Path(exists=True, path_type=Path)
_folder = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def terminology() -> None:
    """Our own code lists, and the code systems that others publish."""


@terminology.command()
@click.option("--from", "source", type=_folder, help="Another folder of tables than our own.")
@click.option("--into", type=_folder, help="Another folder than our own.")
def build(source: Path | None, into: Path | None) -> None:
    """Make our code systems and value sets out of the tables in terminology/source."""
    from server.terminology import build

    target = into or folder.terminology()
    count = build.build(source or folder.terminology() / "source", target)
    step(f"{count} files written to {target}.")


@terminology.command()
@click.argument("files", nargs=-1, required=True, type=_existing, metavar="FILE...")
@click.option("--version", help="The version, where the files do not tell it or tell another.")
def load(files: tuple[Path, ...], version: str | None) -> None:
    """Load a code system into the database: its archives, folders or files as they were published.

    SNOMED CT (RF2, several packages together), dm+d (XML), LOINC (CSV), ICD-10 (ClaML, or the table of the
    NHS), or a CodeSystem resource (JSON). Nobody sees any of it before all of it is there.
    """
    from server.terminology.intake.bring import bring
    from server.terminology.intake.recognise import read

    with connected() as database, _shown() as tell:
        release = read(files, tell, version)
        count = bring(database, release, tell)
    step(f"{release.title}: {count} concepts of {release.url} in version {release.version}.")


@terminology.command("list")
def list_() -> None:
    """List the code systems that were loaded."""
    with connected() as database, database.autocommit() as connection:
        found = concepts.systems(connection)
    if not found:
        step("No code system was loaded.")
        return
    table = Table("System", "Version", "Concepts", "Loaded")
    for each in found:
        table.add_row(each.url, each.version, str(each.count), f"{each.loaded:%Y-%m-%d %H:%M}")
    console.print(table)


@terminology.command()
@click.argument("url")
@click.option("--version", help="Only this version.")
def remove(url: str, version: str | None) -> None:
    """Take a code system that was loaded out of the database again."""
    with connected() as database:
        count = concept_load.remove(database, url, version)
    if not count:
        raise CannotStart(f"No '{url}' was loaded{f' in version {version}' if version else ''}.")
    step(f"{url}: {count} {'version was' if count == 1 else 'versions were'} removed.")


@contextmanager
def _shown() -> Iterator[Tell]:
    """A line for each thing that is done; without a terminal, when it is finished."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    lines: dict[str, TaskID] = {}
    with Progress(*columns, console=console) as progress:

        def tell(what: str, done: int, of: int | None) -> None:
            if what not in lines:
                lines[what] = progress.add_task(what, total=None)
            progress.update(lines[what], completed=done, total=of)

        yield tell
