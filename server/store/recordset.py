"""Sets of rows that travel as one JSON parameter: one round trip and one plan, for one row as for
thousands."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import (
    CTE,
    JSON,
    BindParameter,
    ColumnElement,
    FromClause,
    Select,
    Table,
    bindparam,
    cast,
    column,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.types import TypeEngine

_encoder = msgspec.json.Encoder()


def text(rows: Iterable[Mapping[str, Any]]) -> str:
    """The value of a recordset's parameter: rows are dicts by column name."""
    return _encoder.encode(list(rows)).decode()


def binary(content: bytes) -> str:
    """Bytes as they stand in a row."""
    return f"\\x{content.hex()}"


def recordset(name: str, columns: Mapping[str, TypeEngine[Any]]) -> FromClause:
    """The parameter `name` as a table."""
    given: BindParameter[Any] = bindparam(name)
    return (
        func.json_to_recordset(cast(given, JSON))
        .table_valued(*(column(key, type_) for key, type_ in columns.items()), name=f"{name}_rows")
        .render_derived(with_types=True)
    )


def insertion(table: Table, *, exists: str = "error", leave: tuple[str, ...] = ()) -> CTE:
    """`INSERT` of the rows in the parameter named as the table; what `exists`: "error", "keep" or
    "replace"."""
    columns = {c.name: c.type for c in table.columns if c.name not in leave}
    rows = recordset(table.name, columns)
    # In the order of the key: two writers of the same rows then queue instead of locking each other out.
    ordered: Select[Any] = select(*rows.c).order_by(*(rows.c[key.name] for key in table.primary_key))
    statement = insert(table).from_select(list(columns), ordered)
    if exists == "keep":
        statement = statement.on_conflict_do_nothing()
    elif exists == "replace":
        given = statement.excluded
        values = {name: given[name] for name in columns if name not in table.primary_key}
        statement = statement.on_conflict_do_update(constraint=table.primary_key, set_=values)
    return statement.cte(f"{table.name}_in")


def same(left: FromClause, right: FromClause, *columns: str) -> list[ColumnElement[bool]]:
    """Equality of the columns by which rows of one child meet."""
    return [left.c[name] == right.c[name] for name in columns]
