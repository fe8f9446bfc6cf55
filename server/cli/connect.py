"""The database that a command works on, and the role that it has there."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from urllib.parse import urlsplit, urlunsplit

from server.settings import Settings, settings
from server.store import embedded, migrate, role
from server.store.database import Database


@contextmanager
def reachable(found: Settings) -> Iterator[str]:
    """Its URL, as who owns it: the operator's PostgreSQL, or the embedded one, running for as long as it is
    needed."""
    given = found.owner_url or found.database_url
    with nullcontext(given) if given else embedded.running(found.data) as url:
        yield url


def for_server(found: Settings, owner: str) -> str:
    """The URL with which the server connects: it may add to the audit, and change nothing of it.

    In an embedded database the role is made here; in another one, who it is was said by its operator.
    """
    if found.database_url:
        return found.database_url
    database = Database(owner, pool_size=1)
    try:
        with database.engine.begin() as connection:
            role.create(connection, role.NAME)
            role.admit(connection, role.NAME)
    finally:
        database.close()
    parts = urlsplit(owner)
    return urlunsplit(parts._replace(netloc=f"{role.NAME}@{parts.netloc.rpartition('@')[2]}"))


def admit(owner: Database, found: Settings) -> str | None:
    """Give the role of the server what it needs in a database of the operator's own; the role, unless it is
    the owner."""
    name = urlsplit(found.database_url).username
    if not found.owner_url or not name or name == urlsplit(found.owner_url).username:
        return None
    with owner.engine.begin() as connection:
        role.admit(connection, name)
    return name


@contextmanager
def connected(*, current: bool = True) -> Iterator[Database]:
    """The database itself; refused if its schema is not the one we know, unless that is the point."""
    with reachable(settings()) as url:
        database = Database(url, pool_size=2)
        try:
            if current:
                require_current(database)
            yield database
        finally:
            database.close()


def require_current(database: Database) -> None:
    """Raise WrongSchema unless the schema is the one that this release knows."""
    with database.autocommit() as connection:
        migrate.status(connection).require_current()
