"""`childrecord agency preview`: a new rights file tried on what the agency did of late."""

import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import click
from rich.table import Table

from server import clock
from server.access import check
from server.access.agency import of_file
from server.cli.connect import connected
from server.cli.say import console, fault, step
from server.interaction.opening import door
from server.operation.registry import operations
from server.record.preview import Change, changes
from server.settings import settings

_WHO = "a system"


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--days", default=7, type=click.IntRange(1, 3650), show_default=True, help="Of how many days.")
def preview(file: Path, days: int) -> None:
    """Say what would change for whom, were FILE the rights of its agency. Nothing changes.

    Exits with 1 if the file could not be applied.
    """
    with connected() as database:
        opened = door(settings(), database)
        agency = of_file(file, 0)
        now = opened.agencies.get(agency.code)
        if now is None:
            fault(f"There is no agency '{agency.code}' yet: nothing was done that could be tried.")
            sys.exit(1)
        agency = of_file(file, now.number)
        codes = {operation.code for operation, _ in operations()}
        if found := list(check.faults(agency, opened.registry, codes)):
            fault(f"{file.name} cannot be applied: {' '.join(found)}")
            sys.exit(1)
        with database.autocommit() as connection:
            changed = changes(opened, connection, agency, clock.now() - timedelta(days=days))
    step(f"Version {now.version} of '{agency.code}' now, {agency.version} in {file.name}.")
    if changed:
        console.print(_table(changed))
    else:
        step(f"Of what was done in the last {days} days, everything would be answered as it was.")


def _table(changed: Sequence[Change]) -> Table:
    table = Table("Client", "Who", "Roles", "Type", "What", "Now", "Then", "Count", box=None, pad_edge=False)
    for each in changed:
        table.add_row(
            each.client, each.account or _WHO, ", ".join(each.roles), each.type, each.what, each.before,
            each.after, str(each.count),
        )  # fmt: skip
    return table
