"""The log of slow statements: the query in its own terms, without what it asked for, and how it went.

The plan is had by doing the statement once more, of which nothing is kept. What was told a while ago is
not told again, so that what is slow is not made slower.
"""

import logging
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from server import clock
from server.search import explain
from server.search.chain import parameters
from server.search.explain import Step
from server.search.query import Query
from server.store.database import tried

_AGAIN = 600.0
"""Seconds until the same plan may be told again."""

_KEPT = 1000
"""Statements of which it is remembered when their plan was told."""

_log = logging.getLogger(__name__)
_told: dict[str, float] = {}


def timed(connection: Connection, query: Query, step: Step, most: float) -> list[tuple[Any, ...]]:
    """The rows of a statement, which is told of if it took more than `most` seconds; 0: never."""
    begun = clock.monotonic()
    try:
        return step.statement(connection, **step.values)
    finally:
        seconds = clock.monotonic() - begun
        if most and seconds > most:
            _log.warning(
                "A statement of %s took %.0f ms. %s", asked(query), seconds * 1000, _plan(connection, step)
            )


def asked(query: Query) -> str:
    """The query without its values: `Observation?code=…&date=…&_sort=-date`."""
    conditions = [f"{c.parameter.code}{':' + c.modifier if c.modifier else ''}=…" for c in query.conditions]
    joins = [f"{'+'.join(sorted(parameters(join)))}=…" for join in query.joins]
    keys = ",".join(f"{'-' * key.descending}{key.parameter.code}" for key in query.sort)
    parts = "&".join((*conditions, *joins, *([f"_sort={keys}"] if keys else [])))
    return f"{query.type}?{parts}"


def _plan(connection: Connection, step: Step) -> str:
    """How it went, if that can be found out now."""
    at, name = clock.monotonic(), step.statement.name
    if at - _told.get(name, -_AGAIN) < _AGAIN:
        return f"The plan of {name} was told before."
    if len(_told) >= _KEPT:
        _told.clear()
    _told[name] = at
    again = {"audit_id": clock.new_id()} if "audit_id" in step.values else {}
    told = tried(
        connection,
        lambda: explain.told(connection, replace(step, values={**step.values, **again}), values=False),
    )
    return f"The plan of {name} cannot be told: it was cancelled." if told is None else f"{name}\n{told}"
