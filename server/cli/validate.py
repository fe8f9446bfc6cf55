"""`childrecord validate`: resources in files, held against FHIR's definitions and this project's."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import click
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from server.child import kind
from server.child.codeday import code_day
from server.cli.say import console, fault, step
from server.definition.library import library
from server.definition.loose import hold, library_with
from server.fhir import Json, json
from server.fhir.issue import Issue, Malformed
from server.fhir.outcome import outcome
from server.validation.context import Context
from server.validation.document import Held, Located, examine, read

LINE = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-line"
COLUMN = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-col"
"""The extensions that the reference validator puts the place into."""

_SUFFIXES = (".json", ".xml", ".ndjson")
_STYLES = {"fatal": "red", "error": "red", "warning": "yellow", "information": "dim"}


@dataclass(frozen=True, slots=True)
class Examined:
    """One resource of a file: `line` is that of its text in a file with one on each line."""

    path: Path
    line: int | None
    issues: Sequence[Located]

    @property
    def name(self) -> str:
        return str(self.path) if self.line is None else f"{self.path}:{self.line}"

    @property
    def valid(self) -> bool:
        return not any(each.issue.severity in ("error", "fatal") for each in self.issues)


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--profile", "profiles", multiple=True, metavar="URL", help="Hold them against this profile too."
)
@click.option(
    "--definitions",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    help="Definitions that are not the project's: a file, or a folder of them.",
)
@click.option(
    "--strict",
    type=click.Choice(("extensions", "html", "examples")),
    multiple=True,
    help="Refuse what FHIR lets pass: extensions that nobody here knows, text that reads like HTML, URLs of "
    "examples.",
)
@click.option("--errors", is_flag=True, help="Leave out what is no error.")
@click.option(
    "--json", "as_json", is_flag=True, help="An OperationOutcome for each resource, each on a line."
)
def validate(
    paths: tuple[Path, ...],
    profiles: tuple[str, ...],
    definitions: tuple[Path, ...],
    strict: tuple[str, ...],
    errors: bool,
    as_json: bool,
) -> None:
    """Say everything that is wrong in the resources of PATHS: files in JSON, XML, NDJSON; folders of them.

    Each is held against its type, the profiles that it claims and those of the domain that are for it. Exits
    with 1 if any is not valid, with 2 if there is nothing to validate.
    """
    _prepare(profiles, definitions)
    context = Context(
        full=not errors,
        closed="extensions" in strict,
        html="html" not in strict,
        examples="examples" not in strict,
    )
    count = invalid = 0
    for each in _examined(paths, partial(_held, profiles, context)):
        count += 1
        invalid += not each.valid
        (_write if as_json else _show)(each)
    if not count:
        fault("There is no resource in any of these: files that end in .json, .xml or .ndjson are read.")
        sys.exit(2)
    if not as_json:
        step(f"{count:,} resources, {invalid:,} of them not valid." if count > 1 else _ONE[invalid])
    sys.exit(1 if invalid else 0)


_ONE = ("The resource is valid.", "The resource is not valid.")


def _files(path: Path) -> Iterator[Path]:
    """The file itself, whatever its name; of a folder those that a resource may be in."""
    if path.is_file():
        yield path
    else:
        yield from (each for each in sorted(path.rglob("*")) if each.suffix in _SUFFIXES and each.is_file())


def _prepare(profiles: Sequence[str], definitions: Sequence[Path]) -> None:
    """Let what was given be known, and refuse a profile that is not."""
    if definitions:
        hold(library_with(_definition(file) for path in definitions for file in _files(path)))
    for url in profiles:
        if library().definition(url) is None:
            raise click.BadParameter(f"There is no profile '{url}'.", param_hint="--profile")


def _definition(file: Path) -> Json:
    try:
        return read(file.read_bytes())
    except Malformed as malformed:
        raise click.BadParameter(f"'{file}': {malformed}", param_hint="--definitions") from None


def _examined(paths: Sequence[Path], held: Held) -> Iterator[Examined]:
    for file in (file for path in paths for file in _files(path)):
        body = file.read_bytes()
        if file.suffix != ".ndjson":
            yield Examined(file, None, examine(body, held))
            continue
        for number, line in enumerate(body.splitlines(), 1):
            if line.strip():
                yield Examined(file, number, examine(line, held))


def _held(profiles: Sequence[str], context: Context, resource: Json) -> tuple[Sequence[str], Context]:
    """What was asked for and what the domain asks, on the day that the resource is about."""
    every = tuple(dict.fromkeys((*profiles, *kind.profiles(resource))))
    return every, replace(context, at=code_day(resource, every))


def _show(each: Examined) -> None:
    """A resource with nothing to be said of it is told in a line, another with a table."""
    style, verdict = ("green", "valid") if each.valid else ("red", "not valid")
    console.print(Text.assemble((verdict, style), f"  {each.name}"), soft_wrap=True)
    if not each.issues:
        return
    table = Table("", "Line", "Element", "What is wrong", box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for located in each.issues:
        issue = located.issue
        table.add_row(
            Text(issue.severity, style=_STYLES.get(issue.severity, "")),
            ":".join(map(str, located.place or ())),
            Text(", ".join(issue.expression), overflow="fold"),
            Text(_told(issue), overflow="fold"),
        )
    console.print(Padding(table, (0, 0, 1, 2)))


def _told(issue: Issue) -> str:
    """The sentence, and where its rule stands."""
    return f"{issue.diagnostics} [{issue.source}]" if issue.source else issue.diagnostics


def _write(each: Examined) -> None:
    found = outcome(located.issue for located in each.issues)
    for told, located in zip(found["issue"], each.issues, strict=True):
        if located.place:
            line, column = located.place
            told.setdefault("extension", []).extend(
                {"url": url, "valueInteger": value} for url, value in ((LINE, line), (COLUMN, column))
            )
    # OperationOutcome has at least one issue.
    found["issue"] = found["issue"] or outcome([_NOTHING])["issue"]
    click.echo(json.encode({"file": each.name, "valid": each.valid, "outcome": found}))


_NOTHING = Issue("informational", "Nothing is wrong.", severity="information")
