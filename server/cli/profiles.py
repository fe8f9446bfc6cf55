"""`childrecord profiles`: what is wrong with definitions, and the snapshots that are made of them."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from server.cli.say import console, fault, step
from server.definition import folder
from server.definition.fault import faults
from server.definition.library import Library, shipped
from server.definition.loose import hold, library_with
from server.definition.overlay import KINDS
from server.definition.own import FOLDERS
from server.definition.snapshot import Unbuildable, snapshot
from server.fhir import Json, json
from server.fhir.issue import Issue, Malformed
from server.validation.document import read
from server.validation.validate import validate

_SUFFIXES = (".json", ".xml")
_STYLES = {"error": "red", "warning": "yellow"}

_paths = click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    definition: Json


@click.group()
def profiles() -> None:
    """Profiles, and the code systems and value sets that they use."""


@profiles.command()
@_paths
@click.option("--errors", is_flag=True, help="Leave out warnings.")
def check(paths: tuple[Path, ...], errors: bool) -> None:
    """Say what is wrong with the definitions of PATHS: files in JSON or XML, and folders of them.

    Without PATHS, with those that ship. They are looked at beside these, and may build on each other. Exits
    with 1 if any cannot be used, with 2 if there is none.
    """
    files = _files(paths)
    library = _library(paths, files)
    hold(library)
    found = {file.path: _shown(_issues(file.definition, library), errors=errors) for file in files}
    for path, issues in found.items():
        if issues:
            _show(path, issues)
    bad = sum(any(each.severity == "error" for each in issues) for issues in found.values())
    step(f"{len(files)} definitions, {bad or 'none'} of them with errors.")
    sys.exit(1 if bad else 0)


@profiles.command()
@_paths
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("snapshots"),
    show_default=True,
    help="The folder that they are written to.",
)
def build(paths: tuple[Path, ...], into: Path) -> None:
    """Write the StructureDefinitions of PATHS with their snapshots, for programs that make none.

    Without PATHS, those that ship. The server makes its own when they are needed.
    """
    files = _files(paths)
    library = _library(paths, files)
    made = [*_built(files, library)]
    into.mkdir(parents=True, exist_ok=True)
    for name, definition in made:
        (into / name).write_bytes(json.encode(definition))
    step(f"{len(made)} definitions written to {into}.")


def _built(files: Sequence[_File], library: Library) -> Iterator[tuple[str, Json]]:
    """Each under the name of its file; one that cannot be made ends it, before anything is written."""
    for file in files:
        if file.definition["resourceType"] == "StructureDefinition":
            try:
                yield f"{file.path.stem}.json", snapshot(file.definition, library.definition)
            except Unbuildable as error:
                fault(f"{file.path}: {error}")
                sys.exit(1)


def _library(paths: Sequence[Path], files: Sequence[_File]) -> Library:
    return library_with(file.definition for file in files) if paths else shipped()


def _files(paths: Sequence[Path]) -> Sequence[_File]:
    found = [_File(path, _definition(path)) for path in _every(paths)]
    files = [file for file in found if file.definition.get("resourceType") in KINDS]
    if not files:
        fault(f"There is no definition in any of these: {', '.join(KINDS)} are read, from .json and .xml.")
        sys.exit(2)
    return files


def _every(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths or (folder.root() / FOLDERS[kind] for kind in KINDS):
        if path.is_file():
            yield path
        else:
            yield from sorted(each for each in path.rglob("*") if each.suffix in _SUFFIXES)


def _definition(path: Path) -> Json:
    try:
        return read(path.read_bytes())
    except Malformed as malformed:
        fault(f"{path}: {malformed}")
        sys.exit(1)


def _issues(definition: Json, library: Library) -> Sequence[Issue]:
    """What is wrong with it as a resource; if nothing is, what is wrong with what it says."""
    return [each for each in validate(definition) if each.severity in _STYLES] or faults(definition, library)


def _shown(issues: Sequence[Issue], *, errors: bool) -> Sequence[Issue]:
    return [each for each in issues if each.severity == "error" or not errors]


def _show(path: Path, issues: Sequence[Issue]) -> None:
    console.print(Text(str(path), style="bold"), soft_wrap=True)
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 2), pad_edge=False)
    for issue in issues:
        table.add_row(Text(issue.severity, style=_STYLES.get(issue.severity, "")), _told(issue))
    console.print(table)


def _told(issue: Issue) -> Text:
    return Text(f"{', '.join(issue.expression)}: {issue.diagnostics}", overflow="fold")
