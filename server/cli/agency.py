"""`childrecord agency`: the agencies, and whether anybody may act for them."""

import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click
from rich.table import Table

from server.access import agency as rights
from server.cli.agency_preview import preview
from server.cli.connect import connected
from server.cli.say import console, fault, step
from server.oauth.administration import OPERATOR, Administration
from server.settings import settings
from server.store import agencies
from server.store.database import Database


@click.group()
def agency() -> None:
    """The agencies that share the record."""


agency.add_command(preview)


@agency.command("list")
def list_() -> None:
    """List the agencies that have rights."""
    with connected() as database, database.begin() as connection:
        suspended = agencies.suspended(connection)
    console.print(_table(rights.read(settings().access), suspended))


@agency.command()
@click.argument("code")
def suspend(code: str) -> None:
    """Let nobody act for an agency until it is resumed."""
    with connected() as database:
        _known(database, code).suspend_agency(code)
    step(f"Nobody can act for agency '{code}' now.")


@agency.command()
@click.argument("code")
def resume(code: str) -> None:
    """Let a suspended agency's systems and people act again."""
    with connected() as database:
        _known(database, code).suspend_agency(code, until_resumed=False)
    step(f"Agency '{code}' may act again.")


@agency.command()
@click.argument("code")
def revoke(code: str) -> None:
    """End every token, session and registration token of an agency; who may, proves themselves again."""
    with connected() as database:
        count = _known(database, code).revoke_agency(code)
    step(f"The tokens of agency '{code}' have ended, its people are signed out, {count} grants have ended.")


def _known(database: Database, code: str) -> Administration:
    """Its administration, once it is known that there is such an agency."""
    if code not in rights.read(settings().access):
        fault(f"There is no agency '{code}': {settings().access} has no file {code}.json.")
        sys.exit(1)
    with database.begin() as connection:
        agencies.numbers(connection, [code])
    return Administration(database, OPERATOR)


def _table(found: Mapping[str, Mapping[str, Any]], suspended: Mapping[str, datetime]) -> Table:
    table = Table("Agency", "Name", "Kind", "Authority", "State", box=None, pad_edge=False)
    for code, content in found.items():
        since = suspended.get(code)
        state = f"suspended since {since:%Y-%m-%d}" if since else ""
        table.add_row(code, content["name"], content["kind"], content["authority"], state)
    return table
