"""The commit horizon: the instant up to which every version that there will ever be can be seen already.

A version is stamped before it is committed, and a client that reads on from the newest stamp it has seen must
not miss one that was stamped earlier and is committed later. So a writer and a reader each do two things, in
an order in which neither can miss the other:

- the writer *holds* its stamp (a shared lock, whose key is the stamp, until it has committed or rolled back),
  and then looks how far history has been read: if as far as its stamp, it writes nothing;
- the reader says how far it reads, and then looks which stamps are held: it waits a moment for those that are
  not later, and ends before the first that is left.

`docs/decision/0010-the-commit-horizon.md` has the proof.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2.errors
from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Integer,
    Select,
    bindparam,
    case,
    cast,
    column,
    func,
    literal_column,
    select,
    table,
)

from server import clock
from server.fhir.issue import Contended
from server.store.database import Prepared, Transaction

TICK = timedelta(milliseconds=1)
"""Stamps are as precise as that, and so is the horizon."""

PATIENCE = 0.3
"""Seconds that a reader waits for writers; then it ends ahead of them."""

_PAUSE = 0.004
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WIDTH: ColumnElement[int] = literal_column("31")
_LOW: ColumnElement[int] = literal_column(str(2**31 - 1))
_READERS = 8_450_010
"""The lock under which the horizon is moved. Any number will do, so long as it is always this one."""

_horizon: ColumnElement[Any] = literal_column("'horizon'::regclass")


def _read() -> ColumnElement[int]:
    """How far history has been read: what stands there now, whenever the statement began."""
    return func.coalesce(func.pg_sequence_last_value(_horizon), 0)


def _locked(stamp: ColumnElement[int]) -> ColumnElement[Any]:
    """A lock of two numbers, of 31 bits each: locks of one number have other uses."""
    high, low = cast(stamp.op(">>")(_WIDTH), Integer), cast(stamp.op("&")(_LOW), Integer)
    return func.pg_advisory_xact_lock_shared(high, low)


# ---- writers -----------------------------------------------------------------------------------------------

_stamp = cast(bindparam("hold_stamp"), BigInteger)
_held = select(_locked(_stamp).label("locked")).cte("held").prefix_with("MATERIALIZED")


def held() -> Select[Any]:
    """Holds the stamp of the statement that it is part of, which fails if it comes too late (`overtaken`).

    SQL has no other way to refuse a statement than an error: it divides by zero.
    """
    # It cannot look before it holds: what looks has what holds as its input.
    is_ahead = case((_held.c.locked.is_not(None), _stamp > _read()))
    return select(literal_column("1", Integer) // cast(is_ahead, Integer)).select_from(_held)


def parameters(stamp: datetime) -> dict[str, Any]:
    """The values for `held`."""
    return {"hold_stamp": _milliseconds(stamp)}


@contextmanager
def overtaken() -> Iterator[None]:
    """Raises Contended for a statement that came too late: history was read past its stamp."""
    try:
        yield
    except psycopg2.errors.DivisionByZero as error:
        raise Contended("History was read meanwhile. Nothing was stored: send the request again.") from error


_now = cast(bindparam("now"), BigInteger)
_next = select(func.greatest(_now, _read() + 1).label("stamp")).cte("next").prefix_with("MATERIALIZED")
_taken = (
    select(_next.c.stamp, _locked(_next.c.stamp).label("locked")).cte("taken").prefix_with("MATERIALIZED")
)
_take = Prepared(select(_taken.c.stamp, case((_taken.c.locked.is_not(None), _taken.c.stamp > _read()))))


def hold(transaction: Transaction) -> datetime:
    """A stamp for all that the transaction will write, held from now on, however long it takes."""
    transaction.begin()
    while True:
        [(stamp, is_ahead)] = _take(transaction.connection, now=_milliseconds(clock.now()))
        if is_ahead:
            transaction.held = _instant(stamp)
            return transaction.held


# ---- readers -----------------------------------------------------------------------------------------------

_alone = select(
    func.pg_advisory_xact_lock(_READERS).label("locked"),
    # A horizon need not be durable before the answer that goes as far: its account is committed later.
    case(
        (
            cast(bindparam("by_itself"), Boolean),
            func.set_config("synchronous_commit", "off", True),
        )
    ).label("quick"),
)
_mover = _alone.cte("mover").prefix_with("MATERIALIZED")
_move = Prepared(
    select(func.setval(_horizon, func.greatest(_read(), cast(bindparam("to"), BigInteger)))).where(
        _mover.c.locked.is_not(None)
    )
)

_locks = table(
    "pg_locks", *map(column, ("locktype", "database", "classid", "objid", "objsubid", "pid", "granted"))
)
_at = cast(_locks.c.classid, BigInteger).op("<<")(_WIDTH).op("|")(cast(_locks.c.objid, BigInteger))


def _earliest() -> Select[Any]:
    oid: ColumnElement[int] = literal_column("oid")
    mine = select(oid).select_from(table("pg_database"))
    here = mine.where(literal_column("datname") == func.current_database()).scalar_subquery()
    return select(func.min(_at)).where(
        _locks.c.locktype == "advisory",
        _locks.c.objsubid == 2,
        _locks.c.database == here,
        _locks.c.pid.is_distinct_from(func.pg_backend_pid()),
        _at <= cast(bindparam("to"), BigInteger),
    )


_in_flight = Prepared(_earliest())
_sleep = Prepared(select(func.pg_sleep(_PAUSE)))


def reached(transaction: Transaction, patience: float = PATIENCE) -> datetime:
    """Nothing that is not committed now will ever be stamped at this instant or before it."""
    connection, to = transaction.connection, _milliseconds(clock.now())
    _move(connection, to=to, by_itself=not transaction.begun)
    waiting_until = clock.monotonic() + patience
    while True:
        # What it no longer finds held is committed, and the next statement sees it.
        [(first,)] = _in_flight(connection, to=to)
        if first is None:
            return _instant(to)
        if clock.monotonic() >= waiting_until:
            return _instant(first) - TICK
        _sleep(connection)


def _milliseconds(at: datetime) -> int:
    return (at - _EPOCH) // TICK


def _instant(milliseconds: int) -> datetime:
    return _EPOCH + milliseconds * TICK
