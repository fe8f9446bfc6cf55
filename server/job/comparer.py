"""Compares children beside the requests: one thread of each process, one child at a time.

What was left to be done is done within a second, unless very much is written at once. Nobody waits
for it: how long a write takes must not tell whom the child resembles.
"""

import logging
from datetime import timedelta
from threading import Event, Thread

from server import clock
from server.fhir.issue import Contended, Unavailable
from server.interaction.opening import access, as_agency
from server.record import comparing
from server.record.door import Door
from server.record.person import user_of
from server.record.record import Record
from server.store import accounts, comparison
from server.store.comparison import Comparison
from server.store.database import Transaction

_log = logging.getLogger(__name__)

POLL = 0.5
"""Seconds between two looks for what is to be compared."""

_SHARE = 0.5
"""Seconds of rest for each second of work."""

_LATER = timedelta(minutes=5)
"""When to try again what failed."""


class Comparer:
    """One a process."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="compare", daemon=True)

    def start(self) -> None:
        """Begin to look for work."""
        self._thread.start()

    def stop(self) -> None:
        """End when the child at hand is compared."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            began = clock.monotonic()
            try:
                rest = _SHARE * (clock.monotonic() - began) if self.work() else POLL
            except (Contended, Unavailable):
                # Others were in the way, or the database is away: nothing is lost.
                rest = POLL
            except Exception:
                _log.exception("unforeseen while comparing children")
                rest = POLL
            self._stopped.wait(rest)

    def work(self) -> bool:
        """Compare one child; False: there is none to be compared."""
        taken: Comparison | None = None
        try:
            with self._door.database.transaction() as transaction:
                transaction.begin()
                # Of an agency that is not served any more nobody knows what it may be told.
                known = sorted(self._door.agencies)
                taken = comparison.take(transaction.connection, known, clock.now())
                if taken is not None:
                    comparing.compare(self._record(transaction, taken), taken)
        except (Contended, Unavailable):
            raise
        except Exception:
            if taken is not None:
                with self._door.database.autocommit() as connection:
                    comparison.put_off(connection, taken, _LATER)
            raise
        return taken is not None

    def _record(self, transaction: Transaction, taken: Comparison) -> Record:
        """The record, as who wrote of the child or looked for it opens it."""
        caller = as_agency(self._door, taken.agency, taken.client)
        person = accounts.find(transaction.connection, taken.account) if taken.account else None
        if person is not None and person.agency == taken.agency:
            caller = access(self._door, taken.client, taken.agency, caller.scopes, user=user_of(person))
        return Record(self._door, transaction, caller)
