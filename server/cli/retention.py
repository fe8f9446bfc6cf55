"""`childrecord retention`: what is due to go by the schedules, and taking it out."""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from server import clock
from server.child.retention.dispose import Disposal
from server.child.retention.due import Until
from server.child.retention.schedule import read
from server.child.retention.survey import OfChild, Survey
from server.cli.connect import connected
from server.cli.say import console, fault, step
from server.fhir import json
from server.fhir.period import HOME
from server.interaction.opening import as_agency, door
from server.record.door import Door
from server.settings import settings
from server.store import holds, locator

CLIENT = "retention"
"""As whom it acts for the agency, in the account of who did what."""

_DUE, _HELD, _LATER, _OPEN = "due", "held", "later", "open"
_NOBODY = "-"

_as_of = click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="As of this day; left out: today.")
_authority = click.option("--authority", metavar="CODE", help="Only what agencies of this authority wrote.")
_children = click.option("--child", "children", multiple=True, metavar="ID", help="Only this child.")
_schedules = click.option(
    "--schedules",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of schedules to try, instead of those that ship.",
)


@click.group()
def retention() -> None:
    """How long what is known of children is kept."""


@retention.command()
def classes() -> None:
    """List the classes of records, how long each is kept, and by what law."""
    schedule = read()
    table = Table("Authority", "Class", "Kept", "Source", "Checked")
    for authority in schedule.authorities:
        for each in schedule.classes(authority):
            died = f"; died before {each.died.before}: {each.died.years} from the death" if each.died else ""
            source = "; ".join(f"{one.title}, {one.provision}" for one in each.sources)
            checked = "yes" if all(one.checked for one in each.sources) else "no"
            table.add_row(
                authority, each.title, f"{each.years} years from {each.since}{died}", source, checked
            )
    console.print(table)


@retention.command()
@_as_of
@_authority
@_children
@_schedules
@click.option("--list", "listed", is_flag=True, help="Every resource that is due, on a line of JSON.")
def preview(
    as_of: datetime | None,
    authority: str | None,
    children: tuple[str, ...],
    schedules: Path | None,
    listed: bool,
) -> None:
    """Say what is due, and what a legal hold keeps. Nothing changes."""
    today = _day(as_of)
    with connected() as database:
        opened = door(settings(), database)
        disposal = _disposal(opened, authority, today, "", schedules)
        found = _Tally()
        with database.autocommit() as connection:
            for each in _surveyed(disposal.survey, connection, opened, children):
                _count(found, disposal, each, connection)
                if listed:
                    _list(opened, disposal.due(each))
    if not listed:
        _tell(found)


@retention.command()
@click.option("--as", "agency", required=True, metavar="AGENCY", help="The agency that answers for it.")
@click.option("--reason", required=True, help="Why, for the account: it must name no child.")
@_authority
@_children
@click.option("--yes", is_flag=True, help="Do not ask.")
def apply(agency: str, reason: str, authority: str | None, children: tuple[str, ...], yes: bool) -> None:
    """Take out for good what is due today. It cannot be undone: look at the preview first."""
    if not reason.strip():
        fault("The reason says why.")
        sys.exit(1)
    with connected() as database:
        opened = door(settings(), database)
        if agency not in opened.agencies:
            fault(f"There is no agency '{agency}'.")
            sys.exit(1)
        disposal = _disposal(opened, authority, _day(None), reason, None, agency)
        with database.autocommit() as connection:
            every = _surveyed(disposal.survey, connection, opened, children)
            due = [each.child for each in every if disposal.due(each)]
        if due and not yes:
            click.confirm(f"Something of {len(due)} children is due. Take it out for good?", abort=True)
        done = [disposal.of(child) for child in due]
    gone, kept = sum(each.gone for each in done), sum(each.held for each in done)
    step(
        f"{gone} resources of {len(due)} children were taken out, {sum(each.whole for each in done)} of them "
        f"with everything; legal holds keep {kept} resources."
    )


# ---- what is found -----------------------------------------------------------------------------------------


@dataclass
class _Tally:
    """How much of each (authority, class) is how; and how many children go whole."""

    by_class: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    whole: int = 0


def _disposal(
    opened: Door, authority: str | None, today: date, reason: str, folder: Path | None, agency: str = ""
) -> Disposal:
    # For a preview it does not matter as whom: nothing is asked by anybody's rights.
    access = as_agency(opened, agency or next(iter(opened.agencies)), CLIENT)
    return Disposal(opened, access, Survey(opened, folder), authority, today, reason)


def _surveyed(survey: Survey, connection: Any, opened: Door, children: tuple[str, ...]) -> Iterator[OfChild]:
    if not children:
        yield from survey.everybody(connection)
        return
    number = opened.library.type_number("Patient")
    places = locator.places(connection, [(number, id_) for id_ in children])
    yield from survey.of(connection, sorted(place[1] for place in places.values()))


def _count(found: _Tally, disposal: Disposal, each: OfChild, connection: Any) -> None:
    held = each.held_back(holds.of_children(connection, [each.child]))
    due = {one.held.rid for one in disposal.due(each)}
    for one in each.kept:
        if disposal.authority in (None, one.authority):
            key = (one.authority or _NOBODY, one.by.title)
            found.by_class.setdefault(key, Counter())[_how(one, due, held)] += 1
    found.whole += len(due) == len(each.kept) and not held


def _how(one: Until, due: set[int], held: set[int]) -> str:
    if one.held.rid in due:
        return _HELD if one.held.rid in held else _DUE
    return _OPEN if one.day is None else _LATER


def _tell(found: _Tally) -> None:
    table = Table("Authority", "Class", "Due", "Held", "Later", "Without end yet")
    for (authority, title), counts in sorted(found.by_class.items()):
        table.add_row(authority, title, *(str(counts[how]) for how in (_DUE, _HELD, _LATER, _OPEN)))
    console.print(table)
    step(f"{found.whole} children would go with everything.")


def _list(opened: Door, due: list[Until]) -> None:
    for each in due:
        line = {
            "resource": f"{opened.library.type_name(each.held.type)}/{each.held.id}",
            "authority": each.authority,
            "class": each.by.name,
            "until": str(each.day),
        }
        click.echo(json.encode(line))


def _day(given: datetime | None) -> date:
    return given.date() if given else clock.now().astimezone(HOME).date()
