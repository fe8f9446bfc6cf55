"""Resources inside of others: where they are, and which of them meet a query.

https://hl7.org/fhir/R4/search.html#contained

What contains a resource of a type is listed under a hash of its own. Whether what it contains meets the query
is asked of tables of that name that hold these resources and nothing else: so it is the same SQL.
"""

from collections.abc import Hashable, Sequence
from typing import Any

from sqlalchemy import CTE, BigInteger, ColumnElement, Connection, FromClause, Select, Table, not_, select

from server.search import drive, registry
from server.search.drive import Driver
from server.search.extract import contains
from server.search.join import Joined
from server.search.kept import kept
from server.search.order import Key
from server.search.types import Asked, Condition, Context
from server.search.view import CallerView
from server.store import recordset, writing
from server.store import tables as t
from server.store.database import Prepared
from server.store.row import Row

NAME = "o_"
"""How its parameters begin."""

_BESIDE = (t.string_index, t.date_index, t.number_index, t.text_index, t.identifier, t.about)


def holding(contained: str, context: Context) -> Joined:
    """The condition that a resource contains one of a type."""
    hash_ = contains(context.hasher, context.type, contained)
    driver = Driver("facet", None, {"d_0": hash_})
    return Joined((NAME,), _meets, {f"{NAME}h": [hash_]}, driver)


def _meets(row: FromClause) -> ColumnElement[bool]:
    found: ColumnElement[bool] = row.c.tok.overlap(drive.array(f"{NAME}h", BigInteger)).is_(True)
    return found


def matching(
    connection: Connection,
    rows: Sequence[Row],
    conditions: Sequence[Condition],
    context: Context,
    view: CallerView | None = None,
    keys: tuple[Key, ...] = (),
    *,
    telling: bool = False,
) -> dict[int, tuple[Any, ...]]:
    """The rids of the rows, all of one type, that meet the criteria, and that a caller may see where one is
    named; each with what it is sorted by. `telling`: they tell of what may be withheld from the caller."""
    if not rows:
        return {}
    asked = [registry.ask(condition, context) for condition in conditions]
    criteria = tuple((c.parameter, c.modifier, one.shape) for c, one in zip(conditions, asked, strict=True))
    shape: Hashable = ("contained", context.type, criteria, view, keys, telling)
    statement = kept(shape, lambda: Prepared(_matching(conditions, asked, context, view, keys, telling)))
    values = {name: value for at, one in enumerate(asked) for name, value in one.named(f"c{at}").items()}
    given: dict[str, list[Any]] = {
        "resource": [writing.resource(row) for row in rows],
        "about": [
            {"child": row.child, "rid": row.rid, "other": other} for row in rows for other in row.others
        ],
        **writing.beside(rows),
    }
    texts = {name: recordset.text(some) for name, some in given.items()}
    seen = view.values if view else {}
    return {rid: tuple(told) for rid, *told in statement(connection, **values, **seen, **texts)}


def _matching(
    conditions: Sequence[Condition],
    asked: Sequence[Asked],
    context: Context,
    view: CallerView | None,
    keys: tuple[Key, ...],
    telling: bool,
) -> Select[Any]:
    row = recordset.recordset("resource", {c.name: c.type for c in t.resource.columns})
    pairs = enumerate(zip(conditions, asked, strict=True))
    meets = [registry.clause(row, condition, context, one, f"c{at}") for at, (condition, one) in pairs]
    if view is not None:
        meets.append(view.visible(row))
        if telling:
            meets.append(not_(view.withheld(row)))
    values = (key.value(row).label(f"k_{at}") for at, key in enumerate(keys))
    return select(row.c.rid, *values).where(*meets).add_cte(*map(_instead, _BESIDE))


def _instead(table: Table) -> CTE:
    """The rows that are given, under the name of a table: in this statement they are what it holds."""
    given = recordset.recordset(table.name, {c.name: c.type for c in table.columns})
    return select(*given.c).cte(table.name)
