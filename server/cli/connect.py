"""The database that a command works on."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from server.settings import Settings, settings
from server.store import embedded, migrate
from server.store.database import Database


@contextmanager
def reachable(found: Settings) -> Iterator[str]:
    """Its URL: the operator's PostgreSQL, or the embedded one, running for as long as it is needed."""
    given = nullcontext(found.database_url)
    with given if found.database_url else embedded.running(found.data) as url:
        yield url


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
