"""What a resource is sorted by where no index has it, in one text: parameters of the same keys share them.

Two lines for each list of keys: the codes of the parameters that have it, each between tabs, and the keys
themselves, lowest first, each behind `=`. So no key looks like a code.
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
    column,
    func,
    literal,
    literal_column,
    select,
)

_PLAIN = str.maketrans("\n\t", "  ")
_FIRST, _LAST, _SECOND = (literal_column(number, Integer()) for number in ("1", "-1", "2"))
_LINE, _TAB, _NONE = (literal_column(text, Text()) for text in ("E'\\n'", "E'\\t'", "''"))


def packed(keys: Mapping[str, Sequence[str]]) -> str:
    """The keys by the code of their parameter, lowest first."""
    codes: dict[str, str] = {}
    for code, ends in keys.items():
        told = "\t".join([f"={key.translate(_PLAIN)}" for key in ends])
        codes[told] = f"{codes.get(told, '')}\t{code}"
    return "".join([f"{those}\t\n{told}\n" for told, those in codes.items()])


def present(row: FromClause, code: str) -> ColumnElement[bool]:
    """Whether the resource has it at all."""
    return func.strpos(row.c.sorts, _mark(code)) > literal_column("0")


def end(row: FromClause, code: str, *, highest: bool) -> ColumnElement[str]:
    """The lowest key of a parameter, or the highest; null where there is none."""
    return _key(func.split_part(_keys(row, code), _TAB, _LAST if highest else _FIRST, type_=Text()))


def some(
    row: FromClause, code: str, meets: Callable[[ColumnElement[str]], ColumnElement[bool]]
) -> ColumnElement[bool]:
    """Whether one of the keys that are kept of a parameter is such."""
    each = func.unnest(func.string_to_array(_keys(row, code), _TAB))
    told = each.table_valued(column("told", Text()), name="key_told").render_derived()
    found: Select[Any] = select(literal_column("1")).select_from(told).where(meets(_key(told.c.told)))
    return found.correlate(row).exists()


def _keys(row: FromClause, code: str) -> ColumnElement[str]:
    """The line below the one that names the parameter."""
    after: ColumnElement[str] = func.split_part(row.c.sorts, _mark(code), _SECOND, type_=Text())
    return func.split_part(after, _LINE, _SECOND, type_=Text())


def _key(told: ColumnElement[str]) -> ColumnElement[str]:
    return case((told != _NONE, func.substr(told, _SECOND, type_=Text())))


def _mark(code: str) -> ColumnElement[Any]:
    return literal(f"\t{code}\t", Text())
