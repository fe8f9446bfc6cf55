"""The outbox read: by each reader every row once, in the order in which each resource was written.

A reader's position is a snapshot, so that a row which is committed late is read late, and none is missed and
none waited for. The rows between the position and what is committed now are a set that nothing joins any
more; it is read page by page in the order of their stamps. Within it no version comes before the one it
replaces: that was committed when this was written. A page and what is made of it are one transaction.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    DateTime,
    Integer,
    Text,
    bindparam,
    cast,
    delete,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from server import clock
from server.fhir.period import LOWEST
from server.store import tables as t
from server.store.database import Database, Prepared, Transaction
from server.store.snapshot import Snapshot

_log = logging.getLogger(__name__)

_LOCK = 8_450_200
"""Added to what a reader's name comes to. Any number will do, so long as it is always this one."""

Place = tuple[datetime, int, int]
"""(stamp, rid, version): where a row stands."""

_FIRST: Place = (LOWEST, -1, 0)


@dataclass(frozen=True, slots=True)
class Told:
    """A version that was written: a row of the outbox. `author`: who acted."""

    child: int
    rid: int
    version: int
    type: int
    interaction: str
    author: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """What a reader has to read next, in a transaction that ends with it. `more`: there is more after it."""

    transaction: Transaction
    rows: tuple[Told, ...]
    more: bool

    @property
    def connection(self) -> Connection:
        """That of the transaction."""
        return self.transaction.connection


@dataclass(frozen=True, slots=True)
class _Position:
    """Everything that `read` sees; and of what `target` sees beside that, everything up to `after`."""

    read: Snapshot
    target: Snapshot | None
    after: Place


@contextmanager
def taken(database: Database, reader: str, limit: int = 1000) -> Iterator[Batch | None]:
    """What the reader has to read next; None: another process is reading for it.

    When the block ends well it is read, in the transaction of the block; when it raises, nothing has been.
    A reader that is new begins with what is committed from now on.
    """
    with database.transaction() as transaction:
        transaction.begin()
        connection = transaction.connection
        # A statement of its own: what is asked next sees what was written under the lock before.
        if not _lock(connection, reader=reader)[0][0]:
            yield None
            return
        position, now = _found(connection, reader)
        if now.until < position.read.until:
            position = _anew(connection, reader, now)
        rows, after, ended = _page(connection, position, now, limit)
        yield Batch(transaction, rows, more=not ended)
        if after != position:
            _keep(connection, reader, after)


@dataclass(slots=True)
class Watch:
    """Whether there may be anything for a reader, in one statement that writes and holds nothing."""

    database: Database
    reader: str
    _read: Snapshot | None = None

    def sees(self) -> bool:
        """Whether anything was written since it was last seen that nothing was."""
        with self.database.autocommit() as connection:
            if self._read is not None:
                found = _any(connection, since=self._read.until, late=list(self._read.running))
                return bool(found[0][0])
            position, _ = _found(connection, self.reader)
            # Half of a set that is read page by page is left.
            self._read = position.read if position.target is None else None
            return True

    def read(self) -> None:
        """Everything has been read: look at the position again."""
        self._read = None


def begin(connection: Connection, reader: str) -> None:
    """Let a reader begin with what is committed from now on, unless it has begun."""
    first = _Position(_current(connection), None, _FIRST)
    _begin(connection, **_values(reader, first))


def prune(connection: Connection, before: datetime) -> int:
    """Forget what every reader has read and was written before a time; how many rows that was."""
    positions = [Snapshot.parse(row[0]) for row in _positions(connection)]
    read = min((min(each.running, default=each.until) for each in positions), default=None)
    if read is None:
        return 0
    return len(_prune(connection, read=read, before=before))


def behind(connection: Connection) -> dict[str, int]:
    """By reader, how many rows it has not read yet."""
    found = {}
    for (reader,) in _readers(connection):
        position, now = _found(connection, reader)
        found[reader] = int(_count(connection, **_bounds(position.read, now))[0][0])
    return found


# ---- positions ---------------------------------------------------------------------------------------------

_text = cast(bindparam("reader"), Text)
_lock = Prepared(select(func.pg_try_advisory_xact_lock(func.hashtextextended(_text, _LOCK))))
_now = Prepared(select(cast(func.pg_current_snapshot(), Text)))
_CONSUMER = t.consumer.c
_look = Prepared(
    select(
        _CONSUMER.snapshot,
        _CONSUMER.target,
        _CONSUMER.after_at,
        _CONSUMER.after_rid,
        _CONSUMER.after_version,
        cast(func.pg_current_snapshot(), Text),
    ).where(_CONSUMER.name == bindparam("reader"))
)
_positions = Prepared(select(_CONSUMER.snapshot))
_readers = Prepared(select(_CONSUMER.name))


def _current(connection: Connection) -> Snapshot:
    return Snapshot.parse(_now(connection)[0][0])


def _found(connection: Connection, reader: str) -> tuple[_Position, Snapshot]:
    """Where a reader is, and what is committed."""
    found = _look(connection, reader=reader)
    if not found:
        begin(connection, reader)
        found = _look(connection, reader=reader)
    read, target, at, rid, version, now = found[0]
    place: Place = (at, rid, version) if target else _FIRST
    position = _Position(Snapshot.parse(read), Snapshot.parse(target) if target else None, place)
    return position, Snapshot.parse(now)


def _anew(connection: Connection, reader: str, now: Snapshot) -> _Position:
    """The database was put back into another cluster, which counts its transactions from its own beginning:
    what was not read there cannot be told from what was."""
    _log.error("the database counts its transactions anew: '%s' reads what is written from now on", reader)
    # Or they would seem to be new when the count comes to them.
    _drop(connection, until=now.until)
    position = _Position(now, None, _FIRST)
    _keep(connection, reader, position)
    return position


def _values(reader: str, position: _Position) -> dict[str, Any]:
    at, rid, version = position.after if position.target else (None, None, None)
    return {
        "reader": reader, "snapshot": str(position.read), "after_at": at, "after_rid": rid,
        "target": str(position.target) if position.target else None, "after_version": version,
        "now": clock.now(),
    }  # fmt: skip


_kept = {
    "snapshot": cast(bindparam("snapshot"), Text),
    "target": cast(bindparam("target"), Text),
    "after_at": cast(bindparam("after_at"), DateTime(timezone=True)),
    "after_rid": cast(bindparam("after_rid"), BigInteger),
    "after_version": cast(bindparam("after_version"), Integer),
    "at": cast(bindparam("now"), DateTime(timezone=True)),
}
_begin = Prepared(insert(t.consumer).values({"name": _text, **_kept}).on_conflict_do_nothing())
_move = Prepared(update(t.consumer).where(_CONSUMER.name == _text).values(_kept))


def _keep(connection: Connection, reader: str, position: _Position) -> None:
    _move(connection, **_values(reader, position))


# ---- rows --------------------------------------------------------------------------------------------------

_ROW = t.outbox.c
_COLUMNS = [_ROW[name] for name in Told.__slots__]
_since, _until = cast(bindparam("since"), BigInteger), cast(bindparam("until"), BigInteger)
_running = cast(bindparam("running"), ARRAY(BigInteger))
_late = cast(bindparam("late"), ARRAY(BigInteger))
_instant = DateTime(timezone=True)
_after = tuple_(
    cast(bindparam("after_at"), _instant),
    cast(bindparam("after_rid"), BigInteger),
    cast(bindparam("after_version"), Integer),
)
_between = (_ROW.xid < _until, _ROW.xid != func.all(_running))
# Each by its own range of the index.
_all = union_all(
    select(*_COLUMNS).where(*_between, _ROW.xid >= _since),
    select(*_COLUMNS).where(*_between, _ROW.xid == func.any(_late)),
).subquery("every")
_order = (_all.c.at, _all.c.rid, _all.c.version)
_next = Prepared(
    select(_all).where(tuple_(*_order) > _after).order_by(*_order).limit(cast(bindparam("count"), Integer))
)
_count = Prepared(select(func.count()).select_from(_all))
_new = select(literal_column("1")).where(or_(_ROW.xid >= _since, _ROW.xid == func.any(_late))).exists()
_any = Prepared(select(_new))
_prune = Prepared(
    delete(t.outbox)
    .where(_ROW.xid < cast(bindparam("read"), BigInteger), _ROW.at < cast(bindparam("before"), _instant))
    .returning(literal_column("1"))
)


_drop = Prepared(delete(t.outbox).where(_ROW.xid >= _until))


def _bounds(read: Snapshot, target: Snapshot) -> dict[str, Any]:
    return {
        "since": read.until, "late": list(read.running),
        "until": target.until, "running": list(target.running),
    }  # fmt: skip


def _page(
    connection: Connection, position: _Position, now: Snapshot, limit: int
) -> tuple[tuple[Told, ...], _Position, bool]:
    """The next rows, where the reader is after them, and whether it has come to the end of the set."""
    target = position.target or now
    at, rid, version = position.after if position.target else _FIRST
    found = _next(
        connection, **_bounds(position.read, target), after_at=at, after_rid=rid, after_version=version,
        count=limit + 1,
    )  # fmt: skip
    rows = tuple(Told(*row) for row in found[:limit])
    if len(found) > limit:
        last = rows[-1]
        place = (last.at, last.rid, last.version)
        return rows, replace(position, target=target, after=place), False
    if not rows and position.target is None:
        # Nothing new: a position that stays where it is costs no write.
        return (), position, True
    return rows, _Position(target, None, _FIRST), True
