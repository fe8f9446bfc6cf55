"""The process beside the web workers that tells: it numbers events, sends them, and raises alerts.

No request waits for any of it. Each part is a thread of its own, and what goes wrong in one is written to the
log and begun again after a pause; where several machines serve one database, one of them tells and the others
stand by.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event, Thread

from server import clock
from server.child.alert import engine
from server.fhir.issue import FhirError, Unavailable
from server.record.door import Door
from server.settings import Settings
from server.store import outbox, subscriptions, wake
from server.store.database import Database
from server.store.leader import Leader
from server.store.subscriptions import OFF
from server.subscription import lifecycle
from server.subscription.dispatch import READER, Dispatcher, Worked
from server.subscription.sending import Senders

_log = logging.getLogger(__name__)

POLL = 0.05
"""Seconds after which the outbox is looked at, though nobody said that there is anything in it."""

GATHER = 0.006
"""Seconds between two looks while there is something: what is written meanwhile is one batch."""

TICK = 1.0
SWEEP = 60.0
LEAD = 1.0
PAUSE = 1.0
"""Seconds after a fault."""


class Teller:
    """One a machine."""

    def __init__(self, door: Door, found: Settings, own: Database) -> None:
        self._door, self._settings = door, found
        self._leader = Leader(own)
        self._stopped = Event()
        self._news = Event()
        self._dispatcher = Dispatcher(door)
        self._watch = outbox.Watch(door.database, READER)
        self._senders = Senders(door, found)

    def run(self) -> None:
        """Tell, from the moment that no other does until told to stop or until another may."""
        while not self._stopped.is_set():
            try:
                if self._leader.take():
                    break
            except FhirError:
                # The database is away.
                pass
            self._stopped.wait(LEAD)
        if not self._stopped.is_set():
            self._tell()
        self._leader.leave()

    def stop(self) -> None:
        """End when what is at hand is done."""
        self._stopped.set()
        self._news.set()

    def _tell(self) -> None:
        self._senders.start()
        parts = {"dispatch": self._dispatch, "alert": self._alert, "tick": self._tick, "sweep": self._sweep}
        threads = [
            Thread(target=self._always, args=(name, part), name=name, daemon=True)
            for name, part in parts.items()
        ]
        for each in threads:
            each.start()
        # Whoever lost the lock may not be the only one that tells.
        while not self._stopped.wait(LEAD) and self._leader.leads():
            pass
        self.stop()
        self._senders.stop()
        for each in threads:
            each.join(5)

    def _always(self, name: str, part: Callable[[], None]) -> None:
        failed = False
        while not self._stopped.is_set():
            try:
                part()
                failed = False
            except Unavailable as error:
                # The database is away: told once, and not for every try.
                if not failed:
                    _log.warning("%s waits: %s", name, error)
                failed = True
                self._stopped.wait(PAUSE)
            except Exception:
                _log.exception("unforeseen in the teller: %s", name)
                self._stopped.wait(PAUSE)

    def _dispatch(self) -> None:
        if not (wake.wait(POLL) or self._watch.sees()):
            return
        self._watch.read()
        worked = self._dispatcher.work()
        while self._went_on(worked):
            worked = self._dispatcher.work()

    def _went_on(self, worked: Worked) -> bool:
        """Let those know who have something to do now; whether there may be more."""
        if worked.told:
            self._senders.wake(worked.told)
        if worked.rows:
            self._news.set()
        if worked.rows and not worked.more:
            self._stopped.wait(GATHER)
        return bool(worked.rows or worked.more) and not self._stopped.is_set()

    def _alert(self) -> None:
        self._news.wait(TICK)
        self._news.clear()
        while not self._stopped.is_set() and engine.work(self._door):
            pass

    def _tick(self) -> None:
        engine.tick(self._door, clock.now())
        self._stopped.wait(TICK)

    def _sweep(self) -> None:
        at = clock.now()
        end(self._door, at)
        kept = at - timedelta(days=self._settings.replay_days)
        with self._door.database.autocommit() as connection:
            subscriptions.prune(connection, kept)
            outbox.prune(connection, at - timedelta(days=1))
        self._stopped.wait(SWEEP)


def end(door: Door, at: datetime) -> None:
    """Switch off what was to end by now."""
    with door.database.autocommit() as connection:
        over = [each for each in subscriptions.live(connection) if each.ends and each.ends <= at]
    for each in over:
        lifecycle.become(door, each.id, OFF, "It has come to the end that it was given.")
