"""`childrecord database`: the operator's act of bringing the schema up to date."""

import click

from server.cli.connect import admit, connected
from server.cli.say import step
from server.settings import settings
from server.store import migrate as schema


@click.group()
def database() -> None:
    """The schema of the database."""


@database.command()
def migrate() -> None:
    """Bring the schema to the one that this release needs."""
    from server.interaction.opening import index_key

    with connected(current=False) as found:
        before = schema.migrate(found.engine, step, lambda: index_key(settings()))
        admitted = admit(found, settings())
    if before.is_current:
        step(f"The database already has schema {before.newest}.")
    else:
        step(f"The database has gone from schema {before.found or 'none'} to {before.newest}.")
    if admitted:
        step(f"The role '{admitted}' may do there what the server needs, and change nothing of the audit.")


@database.command()
def status() -> None:
    """Say which schema the database has and which one this release needs; exit with 1 if they differ."""
    with connected() as found, found.autocommit() as connection:
        step(f"The database has schema {schema.status(connection).found}, which this release needs.")


@database.command()
@click.option("--all", "whole", is_flag=True, help="Index every resource anew, whether it needs it or not.")
@click.option("--status", "ask", is_flag=True, help="Only say how far it is.")
def reindex(whole: bool, ask: bool) -> None:
    """Index what is left to be indexed, beside the servers that are up, and show how far it is."""
    from server.cli.reindex import run

    run(whole=whole, ask=ask)
