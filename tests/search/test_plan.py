"""Every kind of query is answered along an index, and reads a known number of rows for each that it shows.

The families, the callers and the children are those of `bench/size`.
"""

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from server import clock
from server.access.scope import parse
from server.fhir import json
from server.fhir.exchange import FhirRequest
from server.fhir.issue import Invalid, NotFound, TooCostly
from server.interaction import opening
from server.interaction.router import respond
from server.record.door import Door
from server.search import slow
from server.search.explain import Step, nodes, read
from server.store.database import Database

sys.path.insert(0, str(Path(__file__).parents[2] / "bench" / "size"))

import families
import generated
import grow
import measure
from population import PER_CHILD

MOST = 60_000
"""Rows that a family may read: a walk's budget, and every row of the children in a small sight."""

MADE_UP = 100_000
"""Rows that any query may read."""

ANYWAY = 500
"""Rows that may be read however few are shown: those of a few children."""

GENERATED, IN_A_SOAK = 80, 2_000

CASES = [(family, caller) for family in families.FAMILIES for caller in family.callers]


@dataclass(frozen=True)
class Size:
    """A record of so many children."""

    door: Door
    children: int


@pytest.fixture(scope="module")
def grown(new_database, is_soak, tmp_path_factory) -> Iterator[Size]:
    """A record of some children: ten thousand of them under --soak."""
    children, folder = 10_000 if is_soak else 32, tmp_path_factory.mktemp("grown")
    with new_database() as url:
        if is_soak:
            grow.grow(url, folder, children)
        else:
            grow.organizations(grow.opened(url, folder), 0)
            grow.children_of(url, folder, range(0, children, grow.CHILDREN_AT_ONCE))
        opened = grow.opened(url, folder)
        with opened.database.autocommit() as connection:
            connection.exec_driver_sql("VACUUM (ANALYZE)")
        yield Size(opened, children)
        opened.database.close()


@pytest.mark.soak
@pytest.mark.parametrize(("family", "caller"), CASES, ids=lambda each: getattr(each, "name", each))
def test_a_family_reads_along_indexes_and_no_more_than_it_says(grown, family, caller, monkeypatch):
    steps: list[Step] = []
    monkeypatch.setattr(slow, "timed", _watched(steps))
    order = random.Random(family.url)
    known = [n for n in measure.CHILDREN if n < grown.children]
    shown = _asked(grown, caller, family.url.format(n=order.choice(known), name=order.choice(measure.NAMES)))
    rows = _rows_read(grown, steps)
    assert rows <= MOST
    if caller in ("service-all", "everyone"):
        assert rows <= family.reads * (shown + 1) + ANYWAY


@pytest.mark.soak
def test_no_query_reads_more_than_its_budget(grown, is_soak, monkeypatch):
    steps: list[Step] = []
    monkeypatch.setattr(slow, "timed", _watched(steps))
    order = random.Random(IN_A_SOAK)
    for _ in range(IN_A_SOAK if is_soak else GENERATED):
        query, caller = generated.query(order, measure.NAMES), order.choice(families.ALL)
        steps.clear()
        _asked(grown, caller, query)
        assert _rows_read(grown, steps) <= min(MADE_UP, 4 * grown.children * PER_CHILD), (caller, query)


def _rows_read(grown: Size, steps: list[Step]) -> int:
    """Rows that statements read, none of which reads a table from end to end."""
    with _undone(grown.door.database) as connection:
        plans = [
            step.statement.explained(connection, **{**step.values, **_renewed(step)})[0]["Plan"]
            for step in steps
        ]
    every = [node for plan in plans for node in nodes(plan)]
    assert [n["Relation Name"] for n in every if n["Node Type"] == "Seq Scan"] == []
    return sum(map(read, every))


def _asked(grown: Size, caller: str, url: str) -> int:
    """How many entries the page had."""
    path, _, query = url.partition("?")
    access = opening.access(grown.door, "plan", caller, (parse("system/*.cruds"),))
    try:
        answer = respond(FhirRequest("GET", path, tuple(parse_qsl(query))), grown.door, access)
    except (NotFound, Invalid, TooCostly):
        return 0
    return len(json.decode(answer.body).get("entry", ()))


def _watched(steps: list[Step]) -> Any:
    """`slow.timed`, as it keeps what is done."""

    def timed(connection: Any, query: Any, step: Step, most: float) -> list[tuple[Any, ...]]:
        steps.append(step)
        return step.statement(connection, **step.values)

    return timed


def _renewed(step: Step) -> dict[str, str]:
    return {"audit_id": clock.new_id()} if "audit_id" in step.values else {}


@contextmanager
def _undone(database: Database) -> Iterator[Any]:
    with database.transaction() as transaction, transaction.undone() as inner:
        yield inner.connection
