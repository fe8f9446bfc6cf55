"""`childrecord alert`: what is told of children, to whom; and what a new alert would have told."""

from pathlib import Path

import click
from rich.table import Table

from server import clock
from server.child.alert.definition import Compiled, alerts, read
from server.child.alert.trial import YEAR, Would, by_month, trial
from server.cli.connect import connected
from server.cli.say import console, step
from server.fhir import json
from server.interaction.opening import door
from server.settings import settings


@click.group()
def alert() -> None:
    """What somebody has to know about a child."""


@alert.command("list")
def list_() -> None:
    """List every alert: what it makes, and what it is about."""
    table = Table("Alert", "Level", "Makes", "Is raised when")
    for each in alerts():
        table.add_row(each.name, each.alert.level, _makes(each), each.alert.description)
    console.print(table)


@alert.command("try")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--days", default=YEAR, type=click.IntRange(1, 3650), help="How far back.", show_default=True)
@click.option("--children", is_flag=True, help="Say for whom, by the ids of the children.")
@click.option("--json", "as_json", is_flag=True, help="One line for each time it would have been raised.")
def try_(file: Path, days: int, children: bool, as_json: bool) -> None:
    """Show what an alert would have raised over the past year, how often, and for whom.

    Nothing is written. The file need not be among those that are in force.
    """
    asked = read(file)
    with connected() as database:
        found = list(trial(door(settings(), database), asked, clock.now(), days))
    if as_json:
        for each in found:
            click.echo(json.encode(_line(each)))
        return
    _show(asked, found, days, children)


def _makes(each: Compiled) -> str:
    return " and ".join(
        name for name, made in (("Task", each.alert.task), ("Flag", each.alert.flag)) if made is not None
    )


def _line(each: Would) -> dict[str, object]:
    return {
        "patient": f"Patient/{each.child}",
        "on": f"{each.on}",
        **({"days": each.lasted} if each.lasted is not None else {}),
        "owners": list(each.owners),
    }


def _show(asked: Compiled, found: list[Would], days: int, children: bool) -> None:
    who = {each.child for each in found}
    step(
        f"'{asked.name}' would have been raised {len(found)} times in the last {days} days, of {len(who)} "
        f"children; {sum(each.lasted is None for each in found)} of them are so now."
    )
    if not found:
        return
    months = Table("Month", "Raised")
    for month, count in by_month(found).items():
        months.add_row(month, str(count))
    console.print(months)
    owners = Table("Asks (the first that may know)", "Times")
    for owner in sorted({each.owners[0] for each in found if each.owners}):
        owners.add_row(owner, str(sum(each.owners[:1] == (owner,) for each in found)))
    if owners.row_count:
        console.print(owners)
    if children:
        listed = Table("Child", "Raised", "Days")
        for each in found:
            listed.add_row(
                f"Patient/{each.child}", f"{each.on}", "" if each.lasted is None else str(each.lasted)
            )
        console.print(listed)
