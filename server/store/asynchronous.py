"""Requests that are answered later: each is a row of `job` until its answer is fetched, or is too old."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Integer,
    and_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from server import clock
from server.fhir import Json
from server.store import tables as t

KIND = "request"
WAITING, RUNNING, DONE = "waiting", "running", "done"

_OF_REQUESTS = t.job.c.kind == KIND
_COLUMNS = (t.job.c.id, t.job.c.status, t.job.c.detail, t.job.c.created, t.job.c.updated)


@dataclass(frozen=True, slots=True)
class Job:
    """`detail` holds the request and who asks, and once it is done the answer in their place."""

    id: str
    status: str
    detail: Json
    created: datetime
    updated: datetime

    @property
    def tries(self) -> int:
        """How often it was begun."""
        return int(self.detail.get("tries", 0))


def leave(connection: Connection, detail: Json, at: datetime) -> str:
    """Leave a request to be answered; the job's id."""
    id_ = clock.new_id()
    line = {"id": id_, "kind": KIND, "status": WAITING, "created": at, "updated": at, "detail": detail}
    connection.execute(insert(t.job).values(line))
    return id_


def find(connection: Connection, id_: str, client: str) -> Job | None:
    """A job, for the client that left it."""
    row = connection.execute(select(*_COLUMNS).where(*_own(id_, client))).first()
    return _job(row) if row else None


def open_jobs(connection: Connection, client: str) -> int:
    """How many requests of a client are not answered yet."""
    asked = (_OF_REQUESTS, _client() == client, t.job.c.status != DONE)
    return connection.execute(select(func.count()).select_from(t.job).where(*asked)).scalar_one()


def drop(connection: Connection, id_: str, client: str) -> bool:
    """Forget a job, whatever has become of it; False: there is none."""
    return bool(connection.execute(delete(t.job).where(*_own(id_, client))).rowcount)


def take(connection: Connection, at: datetime, stale: datetime) -> Job | None:
    """The oldest that waits, or that nobody works at any more; it is the caller's now."""
    left = or_(t.job.c.status == WAITING, and_(t.job.c.status == RUNNING, t.job.c.updated < stale))
    oldest = select(t.job.c.id).where(_OF_REQUESTS, left).order_by(t.job.c.created).limit(1)
    tries = func.coalesce(cast(t.job.c.detail["tries"].astext, Integer), 0) + 1
    taken = (
        update(t.job)
        .where(t.job.c.id == oldest.with_for_update(skip_locked=True).scalar_subquery())
        .values(
            status=RUNNING,
            updated=at,
            detail=func.jsonb_set(t.job.c.detail, "{tries}", func.to_jsonb(tries)),
        )
        .returning(*_COLUMNS)
    )
    row = connection.execute(taken).first()
    return _job(row) if row else None


def beat(connection: Connection, id_: str, at: datetime) -> None:
    """Say that it is still worked at."""
    running = (t.job.c.id == id_, t.job.c.status == RUNNING)
    connection.execute(update(t.job).where(*running).values(updated=at))


def finish(connection: Connection, id_: str, detail: Json, at: datetime) -> None:
    """Keep the answer; of a job that was dropped meanwhile nothing is kept."""
    done = update(t.job).where(t.job.c.id == id_, _OF_REQUESTS)
    connection.execute(done.values(status=DONE, detail=detail, updated=at))


def expire(connection: Connection, before: datetime) -> None:
    """Forget what was answered before then."""
    old = (_OF_REQUESTS, t.job.c.status == DONE, t.job.c.updated < bindparam("before"))
    connection.execute(delete(t.job).where(*old), {"before": before})


def _own(id_: str, client: str) -> tuple[Any, ...]:
    return t.job.c.id == id_, _OF_REQUESTS, _client() == client


def _client() -> Any:
    return t.job.c.detail["client"].astext


def _job(row: Any) -> Job:
    return Job(row.id, row.status, row.detail, row.created, row.updated)
