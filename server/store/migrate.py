"""The version of the schema: which one the code knows, which one a database has, and the way there."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Connection, Engine, text

from server.definition.folder import migrations
from server.settings import CannotStart

# Any number will do, so long as it is always this one.
_LOCK = 7_302_011


class WrongSchema(CannotStart):
    """The database has another schema than this program knows; the message says what to do."""


@dataclass(frozen=True)
class Status:
    """`found` is None in an empty database; `known` are the revisions of this program, oldest first."""

    found: str | None
    known: tuple[str, ...]

    @property
    def newest(self) -> str:
        return self.known[-1]

    @property
    def is_current(self) -> bool:
        return self.found == self.newest

    def require_current(self) -> None:
        """Raise WrongSchema unless it is."""
        if self.is_current:
            return
        if self.found is None:
            raise WrongSchema(
                f"The database has no schema yet, and this release needs {self.newest}. "
                "Run: childrecord database migrate"
            )
        if self.found in self.known:
            raise WrongSchema(
                f"The database has schema {self.found}, older than {self.newest}, which this release needs. "
                "Run: childrecord database migrate"
            )
        raise WrongSchema(
            f"The database has schema {self.found}, newer than {self.newest}, the newest this release knows. "
            "Install the release that made it, or a later one."
        )


@cache
def known() -> tuple[str, ...]:
    """The revisions of this program, oldest first: read off the files, as Alembic is slow to load."""
    return tuple(sorted(path.name[:4] for path in (migrations() / "versions").glob("[0-9]*_*.py")))


def status(connection: Connection) -> Status:
    """What the database has, and what the program knows."""
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return Status(None, known())
    return Status(connection.scalar(text("SELECT version_num FROM alembic_version")), known())


Say = Callable[[str], None]
Key = Callable[[], bytes]


def _silent(told: str) -> None:
    """Nobody is there to be told."""


def _no_key() -> bytes:
    raise CannotStart("What is in the database can only be brought over with the index key.")


def migrate(engine: Engine, say: Say = _silent, key: Key = _no_key) -> Status:
    """Bring the schema to the newest revision; whoever comes second waits. The status it found.

    `say` is told of what takes long; `key`: that of the index, asked for where there is something to hash.
    """
    with engine.connect() as connection:
        if (already := status(connection)).is_current:
            return already
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
        connection.commit()
        try:
            before = status(connection)
            if before.found is not None and before.found not in before.known:
                before.require_current()
            # A migration waits for a lock only briefly: whoever queues behind it would wait as well.
            connection.execute(text("SET lock_timeout = '5s'"))
            connection.commit()
            _upgrade(connection, say, key)
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
            connection.commit()
            # The session's settings must not go back to the pool.
            connection.invalidate()
    return before


def _upgrade(connection: Connection, say: Say, key: Key) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations()).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["say"], config.attributes["key"] = say, key
    command.upgrade(config, "head")
