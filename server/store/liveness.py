"""Whether anybody's access has ended since: what those look at who trust a checked token for a moment.

A mark in memory that the processes of one machine share changes at once; the count in the database, at which
each process looks once a second, tells the other machines and the command line's acts.
"""

import mmap

from sqlalchemy import cast, func, literal_column, select, text
from sqlalchemy.dialects.postgresql import REGCLASS

from server import clock
from server.store.database import Database, Prepared

LOOK = 1.0
"""Seconds between two looks at the count."""

_BYTES = 16

# Made when this is imported, which is before workers are forked: they share it.
_shared = mmap.mmap(-1, _BYTES)

_count = Prepared(
    select(func.coalesce(func.pg_sequence_last_value(cast(literal_column("'ended'"), REGCLASS)), 0))
)


def ended(database: Database) -> None:
    """Somebody's access has ended: a client, an account, a session, a grant, a token. Call it when the
    transaction that ended it is committed; who looks again before that would find nothing changed."""
    with database.autocommit() as connection:
        connection.execute(text("SELECT nextval('ended')"))
    move()


def move() -> None:
    """Let the processes of this machine look again."""
    # Random, and not one more: of two that write at once neither is lost.
    _shared[:] = bytes.fromhex(clock.new_secret())[:_BYTES]


class Liveness:
    """One a process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looked = -LOOK
        self._seen = 0

    def mark(self) -> tuple[bytes, int]:
        """What is checked after this was taken may be trusted for as long as it stays the same."""
        at = clock.monotonic()
        if at - self._looked >= LOOK:
            self._looked = at
            with self._database.autocommit() as connection:
                [(self._seen,)] = _count(connection)
        return _shared[:], self._seen
