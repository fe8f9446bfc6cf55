"""A code system brought into the tables in pieces: nobody sees any of it before all of it is there.

Each piece is a transaction of its own. One long one would hold up whoever reads what has happened since
(`outbox`).
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select, text, update

from server import clock
from server.fhir import Json
from server.settings import CannotStart
from server.store import tables as t
from server.store.concepts import Line
from server.store.database import Database

GRACE = 3.0
"""Seconds before what is replaced is taken away: the servers learn of it within one (`terminology.table`)."""

# Any number will do, so long as it is always this one.
_LOCK = 7_302_012
_PIECE = 20_000
"""Rows that are taken away at once."""

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})

_CONCEPT = ("system", "number", "inactive", "code", "display", "parents", "above", "detail", "words")
_GROUP = ("system", "property", "value", "members")

ConceptRow = tuple[Line, Iterable[str]]
"""A concept, and the folded words of its designations."""

GroupRow = tuple[str, str, Iterable[int]]
"""Property, value, members."""


@contextmanager
def alone(database: Database) -> Iterator[None]:
    """For as long as it lasts nobody else loads; what an earlier load left unfinished is taken away.

    Raises:
        CannotStart: somebody loads.
    """
    with database.autocommit() as connection:
        _unhurried(connection)
        if not connection.scalar(select(func.pg_try_advisory_lock(_LOCK))):
            raise CannotStart(
                "Another terminology is being loaded at this moment: try again when it is done."
            )
        try:
            for number in _unfinished(connection):
                _clear(connection, number)
            yield
        finally:
            connection.execute(select(func.pg_advisory_unlock(_LOCK)))
            # The session's settings must not go back to the pool.
            connection.invalidate()


def draft(database: Database, url: str, version: str, count: int, detail: Json) -> int:
    """Begin a code system that nobody sees yet; its number."""
    with database.begin() as connection:
        number: int = connection.execute(select(t.code_system_sequence.next_value())).scalar_one()
        head = {"number": number, "url": url, "version": version, "count": count, "detail": detail}
        connection.execute(insert(t.code_system).values(**head, ready=False, loaded=clock.now()))
    return number


def concepts(database: Database, system: int, rows: Iterable[ConceptRow]) -> None:
    """Add a piece."""
    _copy(database, "concept", _CONCEPT, (_concept(system, line, words) for line, words in rows))


def groups(database: Database, system: int, rows: Iterable[GroupRow]) -> None:
    """Add a piece."""
    _copy(database, "concept_group", _GROUP, (_group(system, *row) for row in rows))


def finish(database: Database, system: int) -> None:
    """Let it be seen, in the place of what was loaded before of the same version; that is then taken away."""
    with database.autocommit() as connection:
        _unhurried(connection)
        try:
            # Words are found fastest when none of them waits to be put into the index.
            connection.execute(text("SELECT gin_clean_pending_list('concept_words')"))
            for table in ("concept", "concept_group"):
                connection.execute(text(f"VACUUM (ANALYZE) {table}"))
        finally:
            connection.invalidate()
    with database.begin() as connection:
        new = select(t.code_system.c.url, t.code_system.c.version).where(t.code_system.c.number == system)
        url, version = connection.execute(new).one()
        same = (t.code_system.c.url == url, t.code_system.c.version == version)
        connection.execute(update(t.code_system).where(*same).values(ready=t.code_system.c.number == system))
        own = update(t.code_system).where(t.code_system.c.number == system)
        connection.execute(own.values(loaded=clock.now()))
    _clear_all(database)


def remove(database: Database, url: str, version: str | None) -> int:
    """Take away a version of a code system, or all; how many there were."""
    wanted = [t.code_system.c.url == url, t.code_system.c.ready]
    if version is not None:
        wanted.append(t.code_system.c.version == version)
    with database.autocommit() as connection:
        hidden = update(t.code_system).where(*wanted).values(ready=False).returning(t.code_system.c.number)
        found = list(connection.execute(hidden).scalars())
    _clear_all(database)
    return len(found)


def _unhurried(connection: Connection) -> None:
    connection.execute(text("SET statement_timeout = 0"))


def _unfinished(connection: Connection) -> list[int]:
    return list(connection.execute(select(t.code_system.c.number).where(~t.code_system.c.ready)).scalars())


def _clear_all(database: Database) -> None:
    """Take away what nobody sees any more, once everybody knows that."""
    with database.autocommit() as connection:
        _unhurried(connection)
        try:
            gone = _unfinished(connection)
            if gone:
                Event().wait(GRACE)
            for number in gone:
                _clear(connection, number)
        finally:
            connection.invalidate()


def _clear(connection: Connection, system: int) -> None:
    """Its rows in pieces, and its head last: who is killed in between leaves it to be cleared."""
    while highest := _rest(connection, system):
        piece = t.concept.c.number.between(highest - _PIECE, highest)
        connection.execute(delete(t.concept).where(t.concept.c.system == system, piece))
    while rows := connection.execute(_some_groups(system)).all():
        first, last = rows[0], rows[-1]
        key = func.row(t.concept_group.c.property, t.concept_group.c.value)
        between = key.between(func.row(*first), func.row(*last))
        connection.execute(delete(t.concept_group).where(t.concept_group.c.system == system, between))
    connection.execute(delete(t.code_system).where(t.code_system.c.number == system))


def _rest(connection: Connection, system: int) -> int | None:
    highest = select(func.max(t.concept.c.number)).where(t.concept.c.system == system)
    found: int | None = connection.execute(highest).scalar_one()
    return found


def _some_groups(system: int) -> Select[Any]:
    key = (t.concept_group.c.property, t.concept_group.c.value)
    return select(*key).where(t.concept_group.c.system == system).order_by(*key).limit(_PIECE)


def _copy(database: Database, table: str, columns: Sequence[str], lines: Iterable[str]) -> None:
    """https://www.postgresql.org/docs/current/sql-copy.html"""
    file = io.StringIO("".join(lines))
    with database.begin() as connection:
        cursor: Any = connection.connection.cursor()
        with cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN", file)


def _concept(system: int, line: Line, words: Iterable[str]) -> str:
    flag = "t" if line.inactive else "f"
    texts = (_escaped(line.code), _escaped(line.display), _array(line.parents), _array(line.above))
    # Folded words have no quotation marks, nor anything else that would have to be escaped.
    lexemes = " ".join(f"'{word}'" for word in words)
    return "\t".join((str(system), str(line.number), flag, *texts, _escaped(line.detail), lexemes)) + "\n"


def _group(system: int, property: str, value: str, members: Iterable[int]) -> str:
    return f"{system}\t{_escaped(property)}\t{_escaped(value)}\t{_array(members)}\n"


def _array(numbers: Iterable[int]) -> str:
    return "{" + ",".join(map(str, numbers)) + "}"


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)
