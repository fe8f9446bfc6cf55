"""The order of a result, and where in it a page begins: keysets, never offsets.

https://hl7.org/fhir/R4/search.html#sort
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, bindparam, or_, select

from server.definition.searchparameter import SearchParameter
from server.search.query import SortKey
from server.search.types.date import MAIN
from server.store.tables import date_index, string_index

Position = list[Any]
"""The values of the sort keys of a row, then its rid; JSON-able: instants are ISO texts."""


@dataclass(frozen=True, slots=True)
class Key:
    """One sort key. `column`: it is a column of the resource with an index of its own in this order."""

    parameter: SearchParameter
    descending: bool

    @property
    def column(self) -> str | None:
        """The column that holds it, where one does."""
        if self.parameter.code == "_lastUpdated":
            return "last_updated"
        return "date_low" if (self.parameter.code, self.parameter.type) == (MAIN, "date") else None

    def value(self, row: FromClause) -> ColumnElement[Any]:
        """The lowest value of a row, or the highest where the order is descending; null where it has none."""
        column = self.column or ("id" if self.parameter.code == "_id" else None)
        if column:
            found: ColumnElement[Any] = row.c[column]
            return found
        match self.parameter.type:
            case "string":
                return self._beside(row, string_index, "folded")
            case "date":
                return self._beside(row, date_index, "low")
        kept = row.c.sorts[self.parameter.code]
        ends: ColumnElement[Any] = kept[-1 if self.descending else 0].astext
        return ends

    def _beside(self, row: FromClause, table: Any, column: str) -> ColumnElement[Any]:
        end = table.c.highest if self.descending else table.c.lowest
        own = (table.c.child == row.c.child, table.c.rid == row.c.rid, table.c.param == self.parameter.number)
        return select(table.c[column]).where(*own, end).correlate(row).limit(1).scalar_subquery()


def keys(sort: Sequence[SortKey]) -> tuple[Key, ...]:
    """The keys of a search's `_sort`."""
    return tuple(Key(key.parameter, key.descending) for key in sort)


def ordering(
    columns: Sequence[ColumnElement[Any]], wanted: Sequence[Key], rid: ColumnElement[int]
) -> list[Any]:
    """`ORDER BY`: what is missing comes last, and the rid breaks every tie."""
    parts: list[Any] = []
    for column, key in zip(columns, wanted, strict=True):
        parts.append((column.desc() if key.descending else column.asc()).nulls_last())
    descending = bool(wanted) and wanted[0].descending
    return [*parts, rid.desc() if descending else rid.asc()]


def after(
    position: Position, columns: Sequence[ColumnElement[Any]], wanted: Sequence[Key], rid: ColumnElement[int]
) -> ColumnElement[bool]:
    """What comes after a row in the order of `ordering`. Its SQL depends on which values are null;
    parameters as
    in `values`."""
    ways: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    for at, (column, key) in enumerate(zip(columns, wanted, strict=True)):
        if position[at] is None:
            equal.append(column.is_(None))
            continue
        value: ColumnElement[Any] = bindparam(f"p_{at}")
        further = column < value if key.descending else column > value
        ways.append(and_(*equal, or_(further, column.is_(None))))
        equal.append(column == value)
    descending = bool(wanted) and wanted[0].descending
    last: ColumnElement[Any] = bindparam("p_rid")
    ways.append(and_(*equal, rid < last if descending else rid > last))
    return or_(*ways)


def values(position: Position | None, wanted: Sequence[Key]) -> dict[str, Any]:
    """The parameters of `after`."""
    if position is None:
        return {}
    given = {
        f"p_{at}": restored(key, position[at]) for at, key in enumerate(wanted) if position[at] is not None
    }
    return {**given, "p_rid": position[-1]}


def nulls(position: Position | None) -> tuple[bool, ...] | None:
    """What of a position its SQL depends on."""
    return None if position is None else tuple(value is None for value in position)


def restored(key: Key, text: Any) -> Any:
    """The value of a key as it was before it went into a position."""
    return datetime.fromisoformat(text) if key.parameter.type == "date" and text is not None else text


def position(row_keys: Sequence[Any], rid: int) -> Position:
    """What `after` begins from."""
    return [*(value.isoformat() if isinstance(value, datetime) else value for value in row_keys), rid]
