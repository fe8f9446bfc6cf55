"""How many there are: children in the record and in a caller's sight, rows of a type.

These numbers decide how a search is read, never what it finds, so they are asked for only now and then.
"""

from collections.abc import Callable, Hashable
from typing import NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Pool, text

from server import clock
from server.store import tables as t
from server.store.database import Prepared

IN_SIGHT = 10_001
"""Children in sight are counted no further."""

_EVERY = 10.0
"""Seconds for which a number is good enough."""

_MOST = 10_000
"""Numbers that are remembered; then all are asked for again."""

_UNKNOWN = 100
"""Rows of a type that a child has, until the tables have been analysed."""

_Known = dict[Hashable, tuple[float, int]]
_known: "WeakKeyDictionary[Pool, _Known]" = WeakKeyDictionary()


class Census(NamedTuple):
    """`children`: in the record; `rows`: of the type, for each of them; `seen`: children in sight, counted to
    `IN_SIGHT`."""

    children: int
    rows: int
    seen: int

    @property
    def reading_each(self) -> int:
        """Rows that are read if every child in sight is asked."""
        return self.seen * self.rows

    def walk(self, limit: int) -> int:
        """Rows of a walk until so many are of a child in sight."""
        return limit * self.children // max(self.seen, 1)

    def budget(self, fetched: int) -> int:
        """Rows of a walk of which so many are of a child in sight."""
        return fetched * max(self.children, 1) // max(min(self.seen, self.children), 1)


def census(connection: Connection, type_: str, agency: Hashable, seen: Callable[[], Prepared]) -> Census:
    """The numbers for a caller who sees what `seen` counts."""
    children = lasting(connection, "Patient", lambda: _estimated(connection, "Patient"))
    own = lasting(connection, t.partition(type_).name, lambda: _estimated(connection, type_))
    rows = max(own // children, 1) if children and own else _UNKNOWN
    in_sight = lasting(connection, agency, lambda: int(seen()(connection)[0][0]))
    return Census(children, 1 if type_ == "Patient" else rows, in_sight)


def lasting(connection: Connection, what: Hashable, ask: Callable[[], int]) -> int:
    """A number as it was when it was last asked for, a few seconds ago at most."""
    known = _known.setdefault(connection.engine.pool, {})
    at = clock.monotonic()
    found = known.get(what)
    if found is None or at - found[0] > _EVERY:
        if len(known) >= _MOST:
            known.clear()
        found = known[what] = (at, ask())
    return found[1]


def _estimated(connection: Connection, type_: str) -> int:
    """As autovacuum last counted them; 0: it has not."""
    found = _rows(connection, name=t.partition(type_).name)
    return max(int(found[0][0]), 0) if found else 0


_rows = Prepared(text("SELECT reltuples FROM pg_class WHERE oid = to_regclass(:name)"))
