"""Seals the audit within a second of its being written: one thread of each process, one sealer a lane."""

import logging
from pathlib import Path
from threading import Event, Thread

from server.fhir.issue import FhirError
from server.record.sealing.key import Key
from server.record.sealing.seal import CountedAnew, seal
from server.store.database import Database

_log = logging.getLogger(__name__)

POLL = 0.2
"""Seconds between two looks for what is not sealed yet."""

_TOLD = 300
"""Looks after which a fault that stays is told once more."""


class Sealer:
    """One a process. It has a connection of its own, and never waits for one behind requests."""

    def __init__(self, database: Database, key: Key, anchors: Path) -> None:
        self._database, self._key, self._anchors = database, key, anchors
        self._stopped = Event()
        self._failed = 0
        self._thread = Thread(target=self._run, name="seal", daemon=True)

    def start(self) -> None:
        """Begin to look for what is to be sealed."""
        self._thread.start()

    def stop(self) -> None:
        """End when the seal at hand is made."""
        self._stopped.set()
        self._thread.join()
        self._database.close()

    def _run(self) -> None:
        while not self._stopped.wait(POLL):
            try:
                seal(self._database, self._key, self._anchors)
            except (FhirError, OSError, CountedAnew) as error:
                # The database is away, or the file cannot be written: what is left is sealed afterwards.
                self._tell(error)
            except Exception:
                _log.exception("unforeseen while sealing the audit")
            else:
                self._failed = 0

    def _tell(self, error: Exception) -> None:
        if self._failed % _TOLD == 0:
            _log.error("the audit cannot be sealed: %s", error)
        self._failed += 1
