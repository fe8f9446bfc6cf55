"""Indexes resources anew beside the requests: one thread of each process, at rest for half of the time."""

import logging
from threading import Event, Thread

from server import clock
from server.fhir.issue import Unavailable
from server.record import reindex
from server.record.door import Door

_log = logging.getLogger(__name__)

POLL = 1.0
"""Seconds after which a process looks for work that others have left."""

_SHARE = 1.0
"""Seconds of rest for each second of work."""


class Reindexer:
    """One a process."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="reindex", daemon=True)

    def start(self) -> None:
        """Begin to look for work."""
        self._thread.start()

    def stop(self) -> None:
        """End when the piece at hand is done."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._stopped.wait(self._turn())

    def _turn(self) -> float:
        """Do a piece of work; the seconds until the next."""
        began = clock.monotonic()
        try:
            if reindex.step(self._door) is None:
                return POLL
        except Unavailable:
            # Others were in the way, or the database is away: nothing of the piece is left.
            return POLL
        except Exception:
            _log.exception("unforeseen while indexing anew")
            return POLL
        return _SHARE * (clock.monotonic() - began)
