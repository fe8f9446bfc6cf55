"""The way to PostgreSQL: a pool of connections, transactions, statements prepared once a session."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from queue import Empty, LifoQueue
from typing import Any, TypeVar

import psycopg2
from psycopg2.extensions import TRANSACTION_STATUS_IDLE, TRANSACTION_STATUS_INTRANS
from sqlalchemy import Connection as Connection
from sqlalchemy import Engine, create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from sqlalchemy.sql import Executable

from server.fhir.issue import Contended, FhirError, Lost, TooCostly, Unavailable

T = TypeVar("T")

_DIALECT = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]

UNIQUE_VIOLATION, QUERY_CANCELED, DEADLOCK, SERIALIZATION, LOCKED = (
    "23505",
    "57014",
    "40P01",
    "40001",
    "55P03",
)
_SHUTDOWN = "57P"


class Database:
    """One pool. `begin` is a transaction: returning commits, raising rolls back."""

    def __init__(
        self, url: str, *, pool_size: int = 8, statement_timeout: float = 30.0, prepare: bool = True
    ) -> None:
        options = (
            f"-c statement_timeout={int(statement_timeout * 1000)} -c jit=off -c timezone=UTC "
            # To wait for another writer is no fault of the query: it ends earlier, and is told otherwise.
            f"-c lock_timeout={int(statement_timeout * 800)} "
            # Only what leaves the planner one sensible plan is prepared: planning again buys nothing.
            "-c plan_cache_mode=force_generic_plan -c idle_in_transaction_session_timeout=60000 "
            # Every statement is an index and nested loops from there: a table read whole is always a wrong
            # guess.
            "-c enable_hashjoin=off -c enable_mergejoin=off -c enable_seqscan=off "
            # Rows are looked up by their own key, each once: to remember them is for nothing.
            "-c enable_memoize=off"
        )
        # Autocommit is what a connection of the pool is set to for good: to change it and back costs every
        # read
        # two round trips. A transaction is begun and ended by its own words.
        engine = create_engine(
            _driver(url),
            poolclass=NullPool,
            connect_args={"options": options},
            isolation_level="AUTOCOMMIT",
        ).execution_options(prepare=prepare)
        self._pool, self._beside = Pool(engine, pool_size), Pool(engine, _BESIDE)
        self.engine: Engine = engine.execution_options(isolation_level="READ COMMITTED")

    @contextmanager
    def transaction(self) -> Iterator["Transaction"]:
        """A transaction that begins when it is first needed: what is one statement needs none."""
        with self.autocommit() as connection:
            transaction = Transaction(connection)
            try:
                yield transaction
                transaction.commit()
            except BaseException:
                transaction.undo()
                raise
        for act in transaction.afterwards:
            act()

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction that has begun."""
        with self.transaction() as transaction:
            transaction.begin()
            yield transaction.connection

    @contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """A connection on which every statement is its own transaction: the cheaper way to run one."""
        with self._connected(self._pool) as connection, self._translated():
            yield connection

    @contextmanager
    def aside(self) -> Iterator[Connection]:
        """The same, for who holds a connection already and asks something that is no part of what it does
        there. They are others: were all of one pool held by those who wait for a second, none would go on."""
        with self._connected(self._beside) as connection, self._translated():
            yield connection

    @contextmanager
    def _connected(self, pool: "Pool") -> Iterator[Connection]:
        try:
            connection = pool.take()
        except Empty:
            raise Unavailable(
                "More is asked at once than this server can do. Nothing was stored: try again in a moment."
            ) from None
        except DBAPIError as error:
            raise Unavailable(
                "The database cannot be reached at the moment. Nothing was stored: try again."
            ) from error
        try:
            yield connection
        finally:
            pool.give_back(connection)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, psycopg2.Error) as error:
            refusal = _refusal(error)
            if refusal is None:
                raise
            if isinstance(refusal, Lost):
                # The other connections are as dead as this one.
                self.close()
            raise refusal from error

    def close(self) -> None:
        """End every connection that nobody uses."""
        self._pool.close()
        self._beside.close()


_BESIDE = 2
"""Connections for what is asked aside."""

_PATIENCE = 30.0
"""Seconds that a request waits for a connection."""


class Pool:
    """Connections that stay open, at most as many as it has places: the one used last is used next.

    SQLAlchemy's own wraps a connection anew whenever it is taken, which costs a request more than all that
    the server itself does with it.
    """

    def __init__(self, engine: Engine, size: int) -> None:
        self._engine = engine
        self._places: LifoQueue[Connection | None] = LifoQueue()
        for _ in range(size):
            self._places.put(None)

    def take(self) -> Connection:
        """A connection for nobody else until it is given back.

        Raises:
            Empty: others kept all of them for too long. DBAPIError: there is no database.
        """
        found = self._places.get(timeout=_PATIENCE)
        if found is not None:
            return found
        try:
            return self._engine.connect()
        except BaseException:
            self._places.put(None)
            raise

    def give_back(self, connection: Connection) -> None:
        """Whatever became of it: it is kept only if it is as it was."""
        if _is_clean(connection):
            self._places.put(connection)
        else:
            _end(connection)
            self._places.put(None)

    def close(self) -> None:
        """End those that nobody uses; others are opened when they are needed."""
        free = []
        with suppress(Empty):
            while True:
                free.append(self._places.get_nowait())
        for connection in free:
            if connection is not None:
                _end(connection)
            self._places.put(None)


def _is_clean(connection: Connection) -> bool:
    """Whether the next request finds nothing of this one's."""
    if connection.invalidated or connection.closed:
        return False
    if connection.in_transaction():
        # What SQLAlchemy calls so of a connection on which every statement is its own: there is none.
        connection.rollback()
    dbapi: Any = connection.connection.dbapi_connection
    return not dbapi.closed and dbapi.get_transaction_status() == TRANSACTION_STATUS_IDLE


def _end(connection: Connection) -> None:
    with suppress(DBAPIError, psycopg2.Error):
        connection.invalidate()
    connection.close()


MOST_PREPARED = 500
"""Statements that a session keeps; then it begins anew, so that the server's memory has a limit."""


class Taken(Exception):
    """What was to be inserted exists already."""


class Prepared:
    """A statement that each session parses and plans once; values bound at construction are defaults."""

    def __init__(self, statement: Executable) -> None:
        compiled = statement.compile(dialect=_DIALECT)  # type: ignore[attr-defined]
        self.sql: str = str(compiled)
        self._defaults: Mapping[str, Any] = compiled.params
        self._order: tuple[str, ...] = tuple(compiled.positiontup or ())
        self.name = "s" + blake2b(self.sql.encode(), digest_size=8).hexdigest()
        marks = ", ".join(["%s"] * len(self._order))
        self._execute = f"EXECUTE {self.name} ({marks})" if marks else f"EXECUTE {self.name}"

    def given(self, values: Mapping[str, Any]) -> "Prepared":
        """The same statement, with values that it is given wherever it is run."""
        if not values:
            return self
        bound = copy(self)
        bound._defaults = {**self._defaults, **values}
        return bound

    def explained(self, connection: Connection, **values: Any) -> tuple[Any, list[tuple[str, Any]]]:
        """The plan by which it was carried out once more (`EXPLAIN ANALYZE`), and its parameters in order.

        What it writes, it writes.
        """
        parameters = self._given(values)
        named = {f"p{number}": value for number, value in enumerate(parameters, 1)}
        cursor = connection.connection.cursor()
        try:
            sql = _literal(self.sql, len(parameters))
            cursor.execute(f"EXPLAIN (ANALYZE, SUMMARY, FORMAT JSON) {sql}", named)
            return cursor.fetchall()[0][0][0], list(zip(self._order, parameters, strict=True))
        finally:
            cursor.close()

    def _given(self, values: Mapping[str, Any]) -> list[Any]:
        given = {**self._defaults, **values} if self._defaults else values
        return [given[name] for name in self._order]

    def __call__(self, connection: Connection, **values: Any) -> list[tuple[Any, ...]]:
        """The rows. Driver errors come through as psycopg2 raises them."""
        proxied = connection.connection
        parameters = self._given(values)
        cursor = proxied.cursor()
        try:
            if connection.get_execution_options().get("prepare", True):
                known = proxied.info.setdefault("prepared", set())
                if self.name not in known:
                    if len(known) >= MOST_PREPARED:
                        cursor.execute("DEALLOCATE ALL")
                        known.clear()
                    cursor.execute(f"PREPARE {self.name} AS {self.sql}")
                    known.add(self.name)
                cursor.execute(self._execute, parameters)
            else:
                named = {f"p{number}": value for number, value in enumerate(parameters, 1)}
                cursor.execute(_literal(self.sql, len(parameters)), named)
            return list(cursor.fetchall()) if cursor.description else []
        finally:
            cursor.close()


@dataclass(slots=True)
class Transaction:
    """Returning commits, raising rolls back."""

    connection: Connection
    afterwards: list[Callable[[], None]] = field(default_factory=list)
    """What is to be done once it is committed."""
    held: datetime | None = None
    """The stamp of what it writes, once it is held against who reads history (`store.horizon`)."""
    _begun: bool = False

    @property
    def begun(self) -> bool:
        """Whether it is more than the statement at hand."""
        return self._begun

    def to_hold(self, stamp: datetime) -> datetime | None:
        """The stamp that its next write has to hold: none if it holds one that is as early."""
        if self.held is not None and self.held <= stamp:
            return None
        # What is a transaction of one statement holds it no longer than that.
        self.held = stamp if self._begun else None
        return stamp

    def begin(self) -> None:
        """From here on all statements or none."""
        if not self._begun:
            self._say("BEGIN")
            self._begun = True

    def commit(self) -> None:
        """Make it so."""
        if self._begun:
            self._say("COMMIT")

    def undo(self) -> None:
        """Roll back; a connection that cannot even do that is given up, and the database does it alone."""
        if self._begun and not self.connection.invalidated:
            try:
                self._say("ROLLBACK")
            except psycopg2.Error:
                self.connection.invalidate()

    @contextmanager
    def undone(self) -> Iterator["Transaction"]:
        """A transaction inside this one, of which nothing is left, however it ends."""
        self.begin()
        self._say("SAVEPOINT trial")
        try:
            yield Transaction(self.connection, held=self.held, _begun=True)
        finally:
            if not self.connection.invalidated:
                self._say("ROLLBACK TO SAVEPOINT trial")

    def _say(self, command: str) -> None:
        with self.connection.connection.dbapi_connection.cursor() as cursor:  # type: ignore[union-attr]
            cursor.execute(command)


_TRIED: Mapping[int, tuple[str, str]] = {
    TRANSACTION_STATUS_IDLE: ("BEGIN", "ROLLBACK"),
    TRANSACTION_STATUS_INTRANS: ("SAVEPOINT tried", "ROLLBACK TO SAVEPOINT tried"),
}


def tried(connection: Connection, act: Callable[[], T]) -> T | None:
    """What an act comes to of which nothing is kept, in a transaction or outside one; None: it fails."""
    dbapi: Any = connection.connection.dbapi_connection
    words = _TRIED.get(dbapi.info.transaction_status)
    if words is None:
        return None
    cursor = dbapi.cursor()
    try:
        cursor.execute(words[0])
        try:
            return act()
        finally:
            cursor.execute(words[1])
    except psycopg2.Error:
        return None
    finally:
        cursor.close()


def violates_unique(error: BaseException) -> bool:
    """Whether a statement failed because what it inserts exists already."""
    return _state(error) == UNIQUE_VIOLATION


def _state(error: BaseException) -> str | None:
    original = getattr(error, "orig", error)
    return getattr(original, "pgcode", None)


def _driver(url: str) -> str:
    return url.replace("postgres://", "postgresql://", 1).replace(
        "postgresql://", "postgresql+psycopg2://", 1
    )


def _literal(sql: str, count: int) -> str:
    """The same SQL for a session that must not keep prepared statements (a pooler in transaction mode)."""
    text = sql.replace("%", "%%")
    for number in range(count, 0, -1):
        text = text.replace(f"${number}", f"%(p{number})s")
    return text


def _refusal(error: DBAPIError | psycopg2.Error) -> FhirError | None:
    state = _state(error)
    if state == QUERY_CANCELED:
        return TooCostly(
            "The request took longer than this server lets one run. Name a child (patient=…), add a code "
            "or a date range, or ask for fewer results."
        )
    if state in (DEADLOCK, SERIALIZATION, LOCKED):
        return Contended("Other writes were in the way. Nothing was stored: send the request again.")
    original = getattr(error, "orig", error)
    if _lost(original, state):
        return Lost(
            "The database went away. Whether this was stored is not known: look before you send it again."
        )
    if isinstance(original, psycopg2.OperationalError):
        return Unavailable("The database cannot do this at the moment. Nothing was stored: try again.")
    return None


def _lost(original: BaseException, state: str | None) -> bool:
    """Whether it is the connection that failed. Sometimes the driver only says that there is no answer."""
    if state is not None:
        return state.startswith(_SHUTDOWN)
    known = isinstance(original, psycopg2.OperationalError | psycopg2.InterfaceError)
    return known or type(original) is psycopg2.DatabaseError
