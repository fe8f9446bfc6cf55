"""`childrecord run`: everything at once, with a demonstration authority."""

import signal

import click

from server.child.demonstration.accounts import PASSWORD
from server.cli import apps, people, seed
from server.cli.connect import for_server, reachable
from server.cli.say import step
from server.cli.serve import check, leave, listen, require_free
from server.interaction.opening import index_key
from server.oauth.discovery import token_endpoint
from server.settings import Settings, choose, is_given, settings
from server.store import clients, migrate
from server.store.database import Database


@click.command()
def run() -> None:
    """Start PostgreSQL, bring its schema up to date, load the demonstration authority once, and serve."""
    signal.signal(signal.SIGTERM, leave)
    if not is_given("demonstration") and not settings().database_url:
        # Nobody wants invented children, and secrets that everybody knows, in a database of their own.
        choose(demonstration="true")
    found = settings()
    require_free(found)
    with reachable(found) as owner:
        _tell_database(found)
        if not found.database_url:
            _migrate(owner)
        check(owner)
        choose(database_url=for_server(found, owner))
        if found.demonstration:
            _demonstrate(found, settings().database_url)
        _tell_address(settings())
        listen(settings())
    step("Stopped.")


def _tell_database(found: Settings) -> None:
    where = "the one that DATABASE_URL names" if found.database_url else f"running in {found.data}"
    step(f"PostgreSQL     {where}")


def _migrate(url: str) -> None:
    database = Database(url, pool_size=1)
    before = migrate.migrate(database.engine, step, lambda: index_key(settings()))
    database.close()
    if not before.is_current:
        step(f"Schema         brought from {before.found or 'none'} to {before.newest}")


def _demonstrate(found: Settings, url: str) -> None:
    database = Database(url, pool_size=2)
    loaded = seed.load(database)
    with database.begin() as connection:
        known = [each for each in clients.every(connection) if each.demonstration and each.id == each.agency]
    database.close()
    step(f"Demonstration  {loaded}; a client for each agency, and its secret:")
    for each in known:
        step(f"  {each.id:<24} demonstration-{each.agency:<24} {each.name}")
    step("Apps           that people sign in to, and a system that signs (docs/apps.md):")
    for id, proof, what in apps.told():
        step(f"  {id:<24} {proof:<38} {what}")
    step(f"People         who sign in at {found.issuer}/auth/sign-in, each with the password {PASSWORD}:")
    for username, name, agency in people.told():
        step(f"  {username:<24} {name} ({agency})")


def _tell_address(found: Settings) -> None:
    step(f"Serving        {found.public_url}   (Control-C stops it; the data stays)")
    step("A token        " + _CURL.format(endpoint=token_endpoint(found)))


_CURL = "curl -s -u CLIENT:SECRET -d grant_type=client_credentials {endpoint}"
