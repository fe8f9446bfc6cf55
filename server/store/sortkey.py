"""What a resource is sorted by where no index has it, in one text: most of it points into the body.

The key of a token, a reference or a uri nearly always stands in the body as it is, up to the end of a string.
A line for each parameter that is there: its code, and behind tabs its keys, lowest first. `@7` is what stands
in the body from the seventh character on, `=7` is 7.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Text,
    case,
    cast,
    column,
    func,
    literal,
    literal_column,
    select,
)

_PLAIN = str.maketrans("\n\t", "  ")
_FIRST, _LAST, _SECOND = (literal_column(number, Integer()) for number in ("1", "-1", "2"))
_LINE, _TAB, _QUOTE, _POINTS, _NONE = (
    literal_column(text, Text()) for text in ("E'\\n'", "E'\\t'", "'\"'", "'@'", "''")
)


def packed(keys: Mapping[str, Sequence[str]], body: str) -> str:
    """The keys by the code of their parameter, lowest first, of a resource with this body."""
    return "".join(f"\n{code}\t" + "\t".join(_end(key, body) for key in ends) for code, ends in keys.items())


def _end(key: str, body: str) -> str:
    if '"' not in key:
        at = body.find(f'{key}"') + 1
        if at and len(pointer := f"@{at}") <= len(key):
            return pointer
    return "=" + key.translate(_PLAIN)


def present(row: FromClause, code: str) -> ColumnElement[bool]:
    """Whether the resource has it at all."""
    return func.strpos(row.c.sorts, _mark(code)) > literal_column("0")


def end(row: FromClause, code: str, *, highest: bool) -> ColumnElement[str]:
    """The lowest key of a parameter, or the highest; null where there is none."""
    return _key(row, func.split_part(_line(row, code), _TAB, _LAST if highest else _FIRST))


def some(
    row: FromClause, code: str, meets: Callable[[ColumnElement[str]], ColumnElement[bool]]
) -> ColumnElement[bool]:
    """Whether one of the keys that are kept of a parameter is such."""
    each = func.unnest(func.string_to_array(_line(row, code), _TAB))
    told = each.table_valued(column("told", Text()), name="key_told").render_derived()
    found: Select[Any] = select(literal_column("1")).select_from(told).where(meets(_key(row, told.c.told)))
    return found.correlate(row).exists()


def _line(row: FromClause, code: str) -> ColumnElement[str]:
    after: ColumnElement[str] = func.split_part(row.c.sorts, _mark(code), _SECOND, type_=Text())
    return func.split_part(after, _LINE, _FIRST, type_=Text())


def _key(row: FromClause, told: ColumnElement[str]) -> ColumnElement[str]:
    rest: ColumnElement[str] = func.substr(told, _SECOND, type_=Text())
    pointed = func.split_part(func.substr(row.c.body, cast(rest, Integer)), _QUOTE, _FIRST, type_=Text())
    return case((func.starts_with(told, _POINTS), pointed), (told != _NONE, rest))


def _mark(code: str) -> ColumnElement[Any]:
    return literal(f"\n{code}\t", Text())
