"""Answers the requests that were left to be answered later: one thread of each process, one at a time.

What a worker had begun when it was killed is taken up by another, and carried out again. A write has a key of
its own, so that it is stored once (`record.repeat`). What has killed three is declared failed.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import Event, Thread

from server import clock
from server.access.access import Access
from server.access.scope import parse
from server.fhir.exchange import FhirRequest, FhirResponse
from server.fhir.issue import FhirError, Unavailable
from server.interaction import answer, asynchronous
from server.interaction.opening import access
from server.interaction.router import answered
from server.record import repeat
from server.record.door import Door
from server.record.person import user_of
from server.record.record import Record
from server.store import accounts, clients
from server.store import asynchronous as store
from server.store.asynchronous import Job

_log = logging.getLogger(__name__)

POLL = 5.0
"""Seconds after which a worker looks for what others have left."""

BEAT = 10.0
STALE = timedelta(seconds=60)
"""A job of which nobody has said for so long that it is worked at is worked at by nobody."""

TRIES = 3

_INTERRUPTED = (
    f"The server was stopped {TRIES} times while it carried this out. What was stored is stored once."
)


class Worker:
    """One a process."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="asynchronous", daemon=True)

    def start(self) -> None:
        """Begin to look for work."""
        self._thread.start()

    def stop(self) -> None:
        """End when what is at hand is done."""
        self._stopped.set()
        self._door.woken.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._door.woken.clear()
            try:
                if not self.work():
                    self._door.woken.wait(POLL)
            except Unavailable:
                # The database is away; what was begun will be taken up.
                self._stopped.wait(POLL)
            except Exception:
                _log.exception("unforeseen in the worker")
                self._stopped.wait(POLL)

    def work(self) -> bool:
        """Answer one request; False: there is none."""
        at = clock.now()
        with self._door.database.autocommit() as connection:
            store.expire(connection, at - asynchronous.KEPT)
            job = store.take(connection, at, at - STALE)
        if job is None:
            return False
        if job.detail["agency"] not in self._door.agencies:
            with self._door.database.autocommit() as connection:
                store.drop(connection, job.id, job.detail["client"])
            return True
        self._do(job, asynchronous.request_of(job.detail))
        return True

    def _do(self, job: Job, request: FhirRequest) -> None:
        with self._beating(job.id):
            caller = self._access(job)
            response = self._answer(job, request, caller)
        try:
            self._keep(job, request, response, caller)
        except Unavailable:
            raise
        except Exception:
            # It would be carried out again and again, and never answered.
            self._keep(job, FhirRequest("GET", ""), _unforeseen(), caller)

    def _keep(self, job: Job, request: FhirRequest, response: FhirResponse, caller: Access) -> None:
        with self._door.database.transaction() as transaction:
            record = Record(self._door, transaction, caller)
            kept = asynchronous.answered(request, response, record)
            store.finish(transaction.connection, job.id, kept, clock.now())

    def _answer(self, job: Job, request: FhirRequest, caller: Access) -> FhirResponse:
        try:
            _refuse_what_kills(job)
            return answered(_marked(request, job.id), self._door, caller)
        except FhirError as error:
            return answer.refused(error)
        except Exception:
            return _unforeseen()

    def _access(self, job: Job) -> Access:
        """What the client may do now, which is nothing if it is not admitted any more."""
        detail = job.detail
        client, agency = str(detail.get("caller", detail["client"])), str(detail["agency"])
        account: str | None = detail.get("account")
        with self._door.database.autocommit() as connection:
            known = clients.find(connection, client)
            person = accounts.find(connection, account) if account else None
        admitted = known is not None and known.is_live and known.agency in ("", agency)
        if account:
            lives = person is not None and person.suspended is None and person.agency == agency
            admitted = admitted and lives
        scopes = (parse(text) for text in detail["scopes"]) if admitted else ()
        return access(
            self._door,
            client,
            agency,
            tuple(scope for scope in scopes if scope),
            user=user_of(person) if person else None,
            purpose=detail.get("purpose"),
            patient=detail.get("patient"),
        )

    @contextmanager
    def _beating(self, id_: str) -> Iterator[None]:
        """Say again and again that the job is worked at."""
        over = Event()

        def beat() -> None:
            while not over.wait(BEAT):
                try:
                    with self._door.database.autocommit() as connection:
                        store.beat(connection, id_, clock.now())
                except Unavailable:
                    continue

        thread = Thread(target=beat, name=f"asynchronous {id_}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _unforeseen() -> FhirResponse:
    """The answer to what ended in the error that is being handled."""
    reference = clock.new_id()
    _log.exception("unforeseen in the worker, reference %s", reference)
    return answer.refused(FhirError(f"Something unforeseen went wrong. Reference {reference}."))


def _refuse_what_kills(job: Job) -> None:
    if job.tries > TRIES:
        raise Unavailable(_INTERRUPTED)


def _marked(request: FhirRequest, id_: str) -> FhirRequest:
    """With a key, unless it has one: begun again, what was stored is not stored again."""
    return replace(request, headers={repeat.HEADER: f"{asynchronous.PATH} {id_}", **request.headers})
