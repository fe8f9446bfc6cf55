"""`childrecord key`: the keys that sign tokens."""

import click
from rich.table import Table

from server.cli.connect import connected
from server.cli.say import console, step
from server.oauth.session import key as secret_key
from server.oauth.token import SIGNING
from server.settings import settings
from server.store import keys, liveness


@click.group()
def key() -> None:
    """The keys that sign access tokens and id tokens."""


@key.command()
@click.option("--now", is_flag=True, help="A key is known to others: what it signed is refused at once.")
def rotate(now: bool) -> None:
    """Sign with new keys. What the old ones signed is good until it ends, unless --now is given."""
    with connected() as database:
        with database.begin() as connection:
            made = keys.rotate(connection, secret_key(settings(), SIGNING), at_once=now)
        liveness.ended(database)
    step(f"Within a second tokens are signed with {', '.join(made)}.")
    step("Old tokens are refused." if now else "Old tokens are good until they end.")


@key.command("list")
def list_() -> None:
    """List the keys."""
    table = Table("Key", "Algorithm", "Made", "Retired", box=None, pad_edge=False)
    with connected() as database, database.autocommit() as connection:
        for each in keys.every(connection):
            retired = f"{each.retired:%Y-%m-%d %H:%M}" if each.retired else ""
            table.add_row(each.kid, each.algorithm, f"{each.created:%Y-%m-%d %H:%M}", retired)
    console.print(table)
