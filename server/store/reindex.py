"""The work of indexing resources anew: rows of `job`, each of which knows how far it has come.

Nobody owns a job. Whoever has time holds its row, does the next piece, writes down how far it came, and lets
go, all in one transaction: who is killed leaves it as it was before, and who comes second takes another.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, delete, insert, select, update

from server import clock
from server.fhir import Json
from server.store import tables as t
from server.store.indexing import Place

KIND = "reindex"
WAITING, RUNNING, DONE = "waiting", "running", "done"

EVERYTHING = ""
"""In the place of the id of a SearchParameter: the whole index."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is left of a job, and how much is done.

    `of`: the id of the SearchParameter; `version`: that of the index when it is done; `types`: the numbers of
    those that are left, the first of them begun; `after`: where in it; `left`: (child, rid) in the first that
    somebody was writing; `since`: when it was first seen; `known`: whether every
    write knows of it by now; `total`: None before it is counted.
    """

    of: str
    types: tuple[int, ...]
    version: int | None = None
    after: Place | None = None
    left: tuple[tuple[int, int], ...] = ()
    since: datetime | None = None
    known: bool = False
    total: int | None = None
    done: int = 0

    @property
    def percent(self) -> int:
        """How much is done; never all of it, as long as it goes on."""
        return min(99, 100 * self.done // self.total) if self.total else 0


@dataclass(frozen=True, slots=True)
class Job:
    id: str
    status: str
    work: Work
    created: datetime
    updated: datetime

    @property
    def percent(self) -> int:
        return 100 if self.status == DONE else self.work.percent


_OURS = t.job.c.kind == KIND


def leave(connection: Connection, of: str, types: Iterable[int], version: int | None = None) -> str:
    """Leave the types to be indexed anew, with what is left of the job before; the job's id."""
    before = [job for job in every(connection, lock=True) if job.work.of == of]
    rest = {number for job in before if job.status != DONE for number in job.work.types}
    forget(connection, of)
    work = Work(of, tuple(sorted({*types, *rest})), version)
    id_, at = clock.new_id(), clock.now()
    line = {"id": id_, "kind": KIND, "status": WAITING, "created": at, "updated": at}
    connection.execute(insert(t.job).values(**line, detail=_detail(work)))
    return id_


def forget(connection: Connection, of: str) -> None:
    """Drop the jobs of a SearchParameter."""
    connection.execute(delete(t.job).where(_OURS, t.job.c.detail["of"].astext == of))


def every(connection: Connection, *, lock: bool = False) -> list[Job]:
    """All that there are, the newest last."""
    found: Select[Any] = select(t.job).where(_OURS).order_by(t.job.c.created, t.job.c.id)
    return [_job(row) for row in connection.execute(found.with_for_update() if lock else found)]


def take(connection: Connection) -> Job | None:
    """The oldest that is not done and nobody works at, held until the transaction ends."""
    found = select(t.job).where(_OURS, t.job.c.status != DONE).order_by(t.job.c.created, t.job.c.id)
    row = connection.execute(found.limit(1).with_for_update(skip_locked=True)).first()
    return _job(row) if row else None


def keep(connection: Connection, job: Job, work: Work, *, done: bool = False) -> None:
    """Write down how far it came."""
    own = update(t.job).where(t.job.c.id == job.id)
    values = {"status": DONE if done else RUNNING, "updated": clock.now(), "detail": _detail(work)}
    connection.execute(own.values(**values))


def next_type(work: Work) -> Work:
    """The first type is done."""
    return replace(work, types=work.types[1:], after=None, left=())


def moved(work: Work, after: Place, left: Sequence[tuple[int, int]], done: int) -> Work:
    """So many more are done."""
    return replace(work, after=after, left=tuple(left), done=work.done + done)


def _detail(work: Work) -> Json:
    found: Json = msgspec.to_builtins(work)
    return found


def _job(row: Any) -> Job:
    return Job(row.id, row.status, msgspec.convert(row.detail, Work), row.created, row.updated)
