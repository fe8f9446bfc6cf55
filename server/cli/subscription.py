"""`childrecord subscription`: who is told of what, what could not be told to whom, and telling it again."""

import sys
from typing import NoReturn

import click
from rich.table import Table

from server import clock
from server.cli.connect import connected
from server.cli.say import console, fault, step
from server.definition.library import library
from server.interaction.opening import door
from server.settings import settings
from server.store import audit, subscriptions
from server.store.database import Database
from server.store.subscriptions import ACTIVE, REQUESTED, STATES, Subscription
from server.subscription import lifecycle

CLIENT = "subscription"
"""As whom it acts, in the account of who did what."""

_PAGE = 1000


@click.group()
def subscription() -> None:
    """Who is told of what."""


@subscription.command("list")
@click.option("--agency", metavar="AGENCY", help="Those of this agency.")
@click.option("--status", type=click.Choice(STATES), help="Those that stand so.")
def list_(agency: str | None, status: str | None) -> None:
    """List the subscriptions, how they stand and how many events wait to be told."""
    table = Table(
        "Subscription", "Agency", "Client", "Of", "By", "Status", "Events", "Waiting", "Since", "Why",
        box=None, pad_edge=False,
    )  # fmt: skip
    with connected() as database, database.autocommit() as connection:
        for each in subscriptions.every(connection, agency=agency, state=status):
            table.add_row(
                each.id, each.agency, each.client, _of(each), each.channel, each.state, str(each.numbered),
                str(each.pending), f"{each.since:%Y-%m-%d %H:%M}" if each.since else "", each.error or "",
            )  # fmt: skip
    console.print(table)


@subscription.command()
@click.argument("id", required=False)
def dead(id: str | None) -> None:
    """List what could not be told: how much to whom, or, of one subscription, event by event.

    Of an event its number, its time and the type of what it is about are shown; more is for its subscriber.
    """
    with connected() as database:
        if id is None:
            console.print(_dead(database))
        else:
            console.print(_events(database, _found(database, id)))


@subscription.command()
@click.argument("id")
@click.option("--from", "number", type=click.IntRange(1), help="The first event; without it: what waits.")
@click.option("--reason", required=True, help="Why, for the account: it must name no child.")
def replay(id: str, number: int | None, reason: str) -> None:
    """Begin anew with a subscription, by a handshake, and tell its events again from a number on.

    By the rights that its owner has now: what is out of sight keeps its number, and names nothing.
    """
    if not reason.strip():
        _refuse("The reason says why.")
    with connected() as database:
        found = _found(database, id)
        first = min(number or found.sent + 1, found.numbered + 1)
        opened = door(settings(), database)
        with database.begin() as connection:
            subscriptions.replay(connection, found.rid, first)
            audit.record_act(
                connection, clock.now(), "subscription-replay", client=CLIENT, reason=reason,
                query=f"Subscription/{id} {first}-{found.numbered}",
            )  # fmt: skip
        lifecycle.become(opened, id, REQUESTED)
    step(f"Subscription/{id} is asked for a handshake; {found.numbered - first + 1} events are told again.")


def _dead(database: Database) -> Table:
    table = Table(
        "Subscription", "Agency", "Client", "Status", "Events", "Since", "Why", box=None, pad_edge=False
    )
    with database.autocommit() as connection:
        for each in subscriptions.every(connection):
            if each.pending and each.state not in (ACTIVE, REQUESTED):
                since = f"{each.since:%Y-%m-%d %H:%M}" if each.since else ""
                table.add_row(
                    each.id, each.agency, each.client, each.state, f"{each.sent + 1}-{each.numbered}", since,
                    each.error or "",
                )  # fmt: skip
    return table


def _events(database: Database, found: Subscription) -> Table:
    table = Table("Event", "At", "What was done", "With a", box=None, pad_edge=False)
    number = found.sent + 1
    with database.autocommit() as connection:
        while page := subscriptions.events(connection, found.rid, number, found.numbered, _PAGE):
            for each in page:
                table.add_row(
                    str(each.number), each.at.isoformat(), each.interaction, library().type_name(each.type)
                )
            number = page[-1].number + 1
    return table


def _found(database: Database, id: str) -> Subscription:
    with database.autocommit() as connection:
        found = subscriptions.find(connection, id)
    return found or _refuse(f"There is no Subscription/{id}.")


def _of(each: Subscription) -> str:
    return each.topic.rpartition("/")[2] if each.topic else each.criteria.partition("?")[0]


def _refuse(told: str) -> NoReturn:
    fault(told)
    sys.exit(1)
