"""One process of all machines does a thing, and the others stand by: a lock that ends with a session."""

from contextlib import ExitStack, suppress

from sqlalchemy import Connection, func, select

from server.fhir.issue import Unavailable
from server.store.database import Database, Prepared

_LOCK = 8_450_300
"""Any number will do, so long as it is always this one."""

_take = Prepared(select(func.pg_try_advisory_lock(_LOCK)))
_is_there = Prepared(select(1))


class Leader:
    """Who holds the lock leads, for as long as its connection lives."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held = ExitStack()
        self._connection: Connection | None = None

    def take(self) -> bool:
        """Whether this process leads from now on.

        Raises:
            Unavailable: the database is away.
        """
        if self._connection is None:
            self._connection = self._held.enter_context(self._database.autocommit())
        try:
            return bool(_take(self._connection)[0][0])
        except Exception:
            self.leave()
            raise

    def leads(self) -> bool:
        """Whether it still does; if not, it must do nothing more."""
        if self._connection is None:
            return False
        try:
            return bool(_is_there(self._connection))
        except Exception:
            self.leave()
            return False

    def leave(self) -> None:
        """Let another lead."""
        held, self._held, self._connection = self._held, ExitStack(), None
        with suppress(Unavailable):
            held.close()
        # A lock of a connection that went back to its pool would stay.
        self._database.close()
