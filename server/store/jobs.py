"""Work that a transaction leaves to be done after it, kept until it is done, whoever is killed meanwhile."""

from collections.abc import Iterator

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from server import clock
from server.store import tables as t
from server.store import writing
from server.store.database import Database, Prepared

_RESTRICT = "restrict"
_PAUSE = 0.005
_TRIES = 1000

_done = Prepared(delete(t.job).where(t.job.c.id == bindparam("done")))


def leave_restriction(connection: Connection, child: int) -> str:
    """A child was labelled: what was being written about it at that moment has to follow. The job's id."""
    id_, at = clock.new_id(), clock.now()
    line = {"id": id_, "kind": _RESTRICT, "status": "left", "created": at, "updated": at}
    connection.execute(insert(t.job).values(**line, detail={"child": child}))
    return id_


def restrict_rest(database: Database, id_: str, child: int) -> None:
    """Let the label reach what other transactions wrote while it was set: they had read the one before.

    It waits for those that were running, which are over in milliseconds. A longer one leaves it to the next
    start.
    """
    with database.autocommit() as connection:
        running = connection.execute(select(func.pg_snapshot_xmax(func.pg_current_snapshot()))).scalar_one()
        for _ in range(_TRIES):
            oldest = func.pg_snapshot_xmin(func.pg_current_snapshot())
            if connection.execute(select(oldest)).scalar_one() >= running:
                break
            connection.execute(select(func.pg_sleep(_PAUSE)))
        else:
            return
        writing.restrict_as_labelled(connection, child)
        _done(connection, done=id_)


def left(database: Database) -> Iterator[tuple[str, int]]:
    """(job, child) of every restriction that an earlier process did not bring to its end."""
    with database.autocommit() as connection:
        rows = connection.execute(select(t.job.c.id, t.job.c.detail).where(t.job.c.kind == _RESTRICT)).all()
    yield from ((id_, detail["child"]) for id_, detail in rows)
