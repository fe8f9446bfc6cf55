"""The definitions that were added while the server runs: looked up again at most once a second.

So what one process is told, the others know a second later, and nobody has to listen for it.
"""

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

from server import clock
from server.definition import added
from server.definition.added import NONE, WHOLE, Added
from server.definition.library import Library, shipped
from server.definition.overlay import KINDS, Text, overlay
from server.fhir.issue import Unavailable
from server.search import admit
from server.search.complete import FINDING
from server.store import definitions, parameters, reindex
from server.store.database import Database
from server.store.parameters import Kept, State

EVERY = 1.0
"""Seconds for which what was looked up holds; a write rests on nothing older (`record.reindex`)."""


OURSELVES = 0
"""The author of what ships with the server."""


class Parameters:
    """One a process: the search parameters, and the library that has the other definitions in it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._due = 0.0
        self._state: State | None = None
        self._kept: Sequence[Kept] = ()
        self._added = NONE
        self._texts: Sequence[Text] = ()
        self._library: Library | None = None

    def hold(self, connection: Any) -> None:
        """Let the request at hand see them as they are now, or were a second ago."""
        if clock.monotonic() >= self._due:
            with self._lock:
                if clock.monotonic() >= self._due:
                    self._look(connection)
        added.hold(self._added, self._library)

    def hold_of(self, database: Database) -> None:
        """The same, for what is no request of the record; as they were when last seen, if it is away."""
        if clock.monotonic() >= self._due:
            try:
                with database.autocommit() as connection:
                    self.hold(connection)
            except Unavailable:
                pass
        added.hold(self._added, self._library)

    def look(self, connection: Any) -> State:
        """Let what is at hand see them as they are."""
        with self._lock:
            found = self._look(connection)
        added.hold(self._added, self._library)
        return found

    def texts(self, connection: Any) -> Sequence[Text]:
        """The definitions that were added, as the connection sees them."""
        return definitions.every(connection, _types(), OURSELVES, self._texts)

    def forget(self) -> None:
        """Something changed: the next request looks again."""
        self._due = 0.0

    def _look(self, connection: Any) -> State:
        due = clock.monotonic() + EVERY
        state = parameters.state(connection)
        if self._state is None or state.definitions != self._state.definitions:
            self._texts = self.texts(connection)
            self._library = library_of(self._texts)
        if self._state is None or (state.mark, state.index) != (self._state.mark, self._state.index):
            self._kept = parameters.every(connection)
            self._added = _added(self._kept, state)
        self._state = state
        if self._added.incomplete or self._added.outdated:
            self._added.progress.update(_progress(connection, self._kept))
        self._due = due
        return state


def library_of(texts: Sequence[Text]) -> Library | None:
    """The library that has these definitions beside what ships; None if there are none."""
    return shipped().beside(overlay(texts)) if texts else None


def _types() -> Mapping[int, str]:
    return {shipped().type_number(kind): kind for kind in KINDS}


def _added(kept: Sequence[Kept], state: State) -> Added:
    return Added(
        admit.parameters([each.definition for each in kept]),
        frozenset(each.definition["url"] for each in kept if not each.complete),
        outdated=state.index is not None and state.index < FINDING,
    )


def _progress(connection: Any, kept: Sequence[Kept]) -> dict[str, int]:
    names = {reindex.EVERYTHING: WHOLE, **{each.id: each.definition["url"] for each in kept}}
    jobs = reindex.every(connection)
    return {names[job.work.of]: job.percent for job in jobs if job.work.of in names}
