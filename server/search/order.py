"""The order of a result, and where in it a page begins: keysets, never offsets.

https://hl7.org/fhir/R4/search.html#sort
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, bindparam, collate, func, or_, select, tuple_

from server.definition.library import library
from server.definition.searchparameter import SearchParameter
from server.search import score
from server.search.element import combination
from server.search.query import SortKey
from server.search.types.date import MAIN
from server.store import sortkey
from server.store.tables import date_index, number_index, string_index

Position = list[Any]
"""A row of the result, JSON-able: which way from it (`>` or `<`) and in which order if the query names none,
the values of its sort keys (instants are ISO texts), its rid."""

AT = "at"
"""The order in which a hash is listed: by date, and what has none by its last change."""

_FORWARD, _BACK = ">", "<"


@dataclass(frozen=True, slots=True)
class Key:
    """One sort key; without a parameter, `AT`. `back`: the page before is read, from its end to its start."""

    parameter: SearchParameter | None
    descending: bool
    back: bool = False
    ranked: tuple[score.Part, ...] = ()

    @property
    def down(self) -> bool:
        """Whether its values fall in the order of reading."""
        return self.descending != self.back

    @property
    def column(self) -> str | None:
        """What holds it, where an index can be walked in its order."""
        if self.parameter is None:
            return AT
        if self.parameter.code == "_lastUpdated":
            return "last_updated"
        return "date_low" if (self.parameter.code, self.parameter.type) == (MAIN, "date") else None

    @property
    def stringed(self) -> bool:
        """Whether the index of strings has its values, one for each row that has any."""
        found = self.parameter
        return found is not None and found.type == "string" and not self.ranked and not combination(found)

    @property
    def always(self) -> bool:
        """Whether every row has it."""
        return self.column in (AT, "last_updated")

    def listed(self, type_: str) -> bool:
        """Whether the facets of a type are in its order."""
        return self.column in (AT, "date_low") or (self.column == "last_updated" and not has_date(type_))

    def value(self, row: FromClause) -> ColumnElement[Any]:
        """The lowest value of a row, or the highest where the order is descending; null where it has none."""
        if self.parameter is None:
            return func.coalesce(row.c.date_low, row.c.last_updated)
        if self.ranked:
            return score.value(row, self.ranked)
        if self.column:
            found: ColumnElement[Any] = row.c[self.column]
            return found
        if self.parameter.code == "_id":
            return collate(row.c.id, "C")
        parts = combination(self.parameter) or (self.parameter,)
        values = [self._end(row, part) for part in parts]
        if len(values) == 1:
            return values[0]
        return func.greatest(*values) if self.descending else func.least(*values)

    def _end(self, row: FromClause, parameter: SearchParameter) -> ColumnElement[Any]:
        match parameter.type:
            case "string":
                return self._beside(row, parameter, string_index, "folded")
            case "date":
                return self._beside(row, parameter, date_index, "low")
            case "number" | "quantity":
                return self._measured(row, parameter)
        # By code point, as where pages of several types become one.
        return collate(sortkey.end(row, parameter.code, highest=self.descending), "C")

    def _measured(self, row: FromClause, parameter: SearchParameter) -> ColumnElement[Any]:
        """In base units: kilograms and pounds come in one order."""
        n = number_index.c
        end = func.max(func.coalesce(n.high, n.low)) if self.descending else func.min(n.low)
        own = (n.child == row.c.child, n.rid == row.c.rid, n.param == parameter.number)
        return select(end).where(*own).correlate(row).scalar_subquery()

    def _beside(
        self, row: FromClause, parameter: SearchParameter, table: Any, column: str
    ) -> ColumnElement[Any]:
        end = table.c.highest if self.descending else table.c.lowest
        own = (table.c.child == row.c.child, table.c.rid == row.c.rid, table.c.param == parameter.number)
        return select(table.c[column]).where(*own, end).correlate(row).limit(1).scalar_subquery()


def has_date(type_: str) -> bool:
    """Whether resources of a type can have a date of their own."""
    parameter = library().shipped(type_).get(MAIN)
    return parameter is not None and parameter.type == "date"


def keys(sort: Sequence[SortKey]) -> tuple[Key, ...]:
    """The keys of a search's `_sort`."""
    return tuple(Key(key.parameter, key.descending, ranked=key.ranked) for key in sort)


def newest(type_: str, code: str) -> tuple[Key, ...]:
    """The order of a search that names none: by `AT`, or by a parameter."""
    return (Key(None if code == AT else library().search_parameters(type_)[code], descending=True),)


def turned(wanted: Sequence[Key], after: Position | None) -> tuple[Key, ...]:
    """The keys in the direction in which the position is left."""
    return tuple(replace(key, back=after is not None and goes_back(after)) for key in wanted)


def ordering(
    columns: Sequence[ColumnElement[Any]], wanted: Sequence[Key], rid: ColumnElement[int]
) -> list[Any]:
    """`ORDER BY`: what is missing comes last, and the rid breaks every tie."""
    parts: list[Any] = []
    for column, key in zip(columns, wanted, strict=True):
        by = column.desc() if key.down else column.asc()
        parts.append(by.nulls_first() if key.back else by.nulls_last())
    return [*parts, rid.desc() if wanted[0].down else rid.asc()]


def index_order(column: ColumnElement[Any], rid: ColumnElement[int], key: Key) -> list[Any]:
    """`ORDER BY` along an index, either way."""
    return [column.desc(), rid.desc()] if key.down else [column.asc(), rid.asc()]


def steps(
    column: ColumnElement[Any], rid: ColumnElement[int], key: Key, after: Position | None
) -> list[ColumnElement[bool]]:
    """From where on an index is walked."""
    if after is None:
        return [column.is_not(None)]
    here, there = tuple_(column, rid), tuple_(bindparam("p_0"), bindparam("p_rid"))
    return [here < there if key.down else here > there]


def after(
    position: Position, columns: Sequence[ColumnElement[Any]], wanted: Sequence[Key], rid: ColumnElement[int]
) -> ColumnElement[bool]:
    """What comes after a row in the order of `ordering`. Its SQL depends on which values are null;
    parameters as in `values`."""
    ways: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    for at, (column, key) in enumerate(zip(columns, wanted, strict=True)):
        if position[at + 1] is None:
            if key.back:
                ways.append(and_(*equal, column.is_not(None)))
            equal.append(column.is_(None))
            continue
        value: ColumnElement[Any] = bindparam(f"p_{at}")
        further = column < value if key.down else column > value
        ways.append(and_(*equal, further if key.back else or_(further, column.is_(None))))
        equal.append(column == value)
    last: ColumnElement[Any] = bindparam("p_rid")
    ways.append(and_(*equal, rid < last if wanted[0].down else rid > last))
    return or_(*ways)


def values(position: Position | None, wanted: Sequence[Key]) -> dict[str, Any]:
    """The parameters of `after` and of `steps`."""
    if position is None:
        return {}
    given = {
        f"p_{at}": restored(key, position[at + 1])
        for at, key in enumerate(wanted)
        if position[at + 1] is not None
    }
    return {**given, "p_rid": position[-1]}


def nulls(position: Position | None) -> tuple[bool, ...] | None:
    """What of a position its SQL depends on."""
    return None if position is None else tuple(value is None for value in position[1:])


def restored(key: Key, text: Any) -> Any:
    """The value of a key as it was before it went into a position."""
    is_instant = key.parameter is None or key.parameter.type == "date"
    return datetime.fromisoformat(text) if is_instant and text is not None else text


def position(row_keys: Sequence[Any], rid: int, by: str = "") -> Position:
    """What the page after a row begins from; `by`: the order, if the query names none."""
    told = (_told(value) for value in row_keys)
    return [_FORWARD + by, *told, rid]


def _told(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case Decimal():
            return str(value)
    return value


def backwards(position: Position) -> Position:
    """What the page before a row ends with."""
    return [_BACK + position[0][1:], *position[1:]]


def forwards(position: Position) -> Position:
    """What the page after a row begins from."""
    return [_FORWARD + position[0][1:], *position[1:]]


def goes_back(position: Position) -> bool:
    """Whether the page before is meant."""
    return bool(position[0].startswith(_BACK))


def named(position: Position | None) -> str:
    """The order that a search had chosen when it came to this position; "": its own."""
    return "" if position is None else position[0][1:]
