"""`childrecord hold`: legal holds on a child, a resource, or on all that is of a class or an authority."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click
from rich.table import Table

from server import clock
from server.access.access import Access
from server.child.retention.schedule import read
from server.cli.connect import connected
from server.cli.say import console, fault, step
from server.interaction.opening import as_agency, door
from server.record.event import act
from server.record.record import Record
from server.settings import settings
from server.store import audit, holds
from server.store.expunge import find
from server.store.holds import EVERY_CHILD, EVERYTHING, Hold

CLIENT = "hold"
"""As whom it acts for the agency, in the account of who did what."""

_agency = click.option(
    "--as", "agency", required=True, metavar="AGENCY", help="The agency that answers for it."
)
_reason = click.option("--reason", required=True, help="Why, for the account: it must name no child.")


@click.group()
def hold() -> None:
    """What must be kept, whatever the schedules or a request say."""


@hold.command()
@click.argument("resource", required=False, metavar="[TYPE/ID]")
@click.option("--authority", metavar="CODE", help="On what agencies of this authority wrote, of any child.")
@click.option("--class", "record_class", metavar="NAME", help="On this class of retention, of any child.")
@_agency
@_reason
def place(
    resource: str | None, authority: str | None, record_class: str | None, agency: str, reason: str
) -> None:
    """Place a hold: on a child (Patient/ID), on a resource, or, without either, on everything.

    --authority and --class say less than everything.
    """
    if resource and (authority or record_class):
        _refuse("A hold is on one resource, or on an authority and a class.")
    if record_class and record_class not in read().names:
        _refuse(f"There is no class '{record_class}': see childrecord retention classes.")
    if not reason.strip():
        _refuse("The reason says why.")
    name = clock.new_id()
    with _record(agency) as record:
        child, rid = _place(record, resource) if resource else (EVERY_CHILD, EVERYTHING)
        made = Hold(
            name, child, rid, resource, reason, record.at, record.access.agency.number, CLIENT,
            authority=authority, record_class=record_class,
        )  # fmt: skip
        holds.place(record.connection, made)
        _account(record, made, f"{_on(made)} $hold {name}", reason)
    step(f"Hold {name} lies on {_on(made)}.")


@hold.command()
@click.argument("name")
@_agency
@_reason
def lift(name: str, agency: str, reason: str) -> None:
    """Lift a hold, by its name."""
    with _record(agency) as record:
        lifted = holds.lift(record.connection, name, record.at, reason)
        if lifted is None:
            _refuse(f"There is no hold '{name}' in force.")
        _account(record, lifted, f"{_on(lifted)} $hold-lift {name}", reason)
    step(f"Hold {name} has been lifted.")


@hold.command("list")
@click.option("--lifted", is_flag=True, help="Those too that were lifted.")
def list_(lifted: bool) -> None:
    """List the holds."""
    table = Table("Hold", "On", "Reason", "Placed", "Lifted", box=None, pad_edge=False)
    with connected() as database, database.autocommit() as connection:
        for each in holds.every(connection, lifted=lifted):
            ended = f"{each.lifted:%Y-%m-%d}: {each.lifted_reason}" if each.lifted else ""
            table.add_row(each.id, _on(each), each.reason, f"{each.placed:%Y-%m-%d}", ended)
    console.print(table)


@contextmanager
def _record(agency: str) -> Iterator[Record]:
    """The record in one transaction, while nobody else places a hold or takes anything out."""
    with connected() as database:
        opened = door(settings(), database)
        if agency not in opened.agencies:
            _refuse(f"There is no agency '{agency}'.")
        access: Access = as_agency(opened, agency, CLIENT)
        with database.transaction() as transaction:
            record = Record(opened, transaction, access)
            record.begin()
            holds.alone(record.connection)
            yield record


def _place(record: Record, resource: str) -> tuple[int, int]:
    """(child, rid) that a hold on a resource has."""
    type_, _, id_ = resource.partition("/")
    library = record.door.library
    known = (
        find.places(record.connection, [(library.type_number(type_), id_)])
        if type_ in record.door.types
        else []
    )
    if not known:
        _refuse(f"There is no {resource}.")
    [at] = known
    return at.child, EVERYTHING if type_ == "Patient" else at.rid


def _on(each: Hold) -> str:
    """In words, what a hold lies on."""
    if each.resource:
        return each.resource
    said = (("class", each.record_class), ("authority", each.authority))
    return ", ".join(f"{name} {value}" for name, value in said if value) or "everything"


def _account(record: Record, each: Hold, said: str, reason: str) -> None:
    hits = (each.rid,) if each.rid else ()
    line = act(record.access, record.at, "hold", reason=reason, query=said, child=each.child, hits=hits)
    audit.record(record.connection, line)


def _refuse(told: str) -> NoReturn:
    fault(told)
    sys.exit(1)
