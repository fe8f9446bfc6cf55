"""`childrecord identity`: what makes two records one child, learned from a population and looked for in
files."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from server.cli.say import fault

Command = Callable[..., None]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEEDED = ("splink", "duckdb", "pyarrow")


@click.group()
def identity() -> None:
    """Which records are of one child."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        fault(f"{', '.join(missing)} must be installed: pip install 'single-child-record[identity]'.")
        raise click.exceptions.Exit(1)


def _population(command: Command) -> Command:
    """What both commands read."""
    options: list[Callable[[Command], Command]] = [
        click.argument("files", nargs=-1, required=True, type=_FILE),
        click.option(
            "--mapping", "mappings", multiple=True, type=_FILE,
            help="What the columns of a CSV file are: once for each, in their order. Of pupils.csv, "
            "pupils.mapping.json is found by itself.",
        ),
        click.option("--model", type=_FILE, help="Other weights than the shipped, as `train` writes them."),
        click.option("--memory", default="3GB", show_default=True, help="What the database may take."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@identity.command()
@_population
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=Path("linked"), show_default=True,
    help="The folder that is written to.",
)  # fmt: skip
@click.option(
    "--truth", type=_FILE, help="CSV of source, id and child: the report tells precision and recall."
)
@click.option("--backend", type=click.Choice(("duckdb", "spark")), default="duckdb", show_default=True)
def link(**asked: Any) -> None:
    """Find the children that FILES have twice, within a file and between them.

    A file is CSV with a mapping, or NDJSON of Patients, RelatedPersons and EpisodesOfCare as $export
    writes it.
    Writes pairs.csv, clusters.csv and report.html; nothing is sent anywhere, and the record is not touched.
    """
    from server.cli.identity_run import link as run

    _told(run, asked)


@identity.command()
@_population
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("model.json"), show_default=True,
    help="The model; given.json and family.json, how many bear each name, are written beside it.",
)  # fmt: skip
@click.option("--note", default="", help="On what the model was trained: kept in it.")
def train(**asked: Any) -> None:
    """Learn the weights from a population itself; nobody needs to say who is who."""
    from server.cli.identity_run import train as run

    _told(run, asked)


def _told(run: Callable[..., None], asked: dict[str, Any]) -> None:
    """What was foreseen is told in a sentence."""
    from server.child.linkage.mapping import MappingError

    try:
        run(**asked)
    except (MappingError, ValueError) as error:
        fault(str(error))
        raise click.exceptions.Exit(1) from error
