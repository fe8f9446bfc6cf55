"""Rows beside the resources by which a search may begin where they are few: words, and numbers of a unit."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, bindparam, cast, func, literal, literal_column, select, union
from sqlalchemy.dialects.postgresql import TSQUERY

from server.definition.library import library
from server.search.registry import span
from server.search.types import Condition, Context
from server.search.types.fulltext import CONTENT, TEXT
from server.store import tables as t
from server.store.database import Prepared

WORDS = {"_text": TEXT, "_content": CONTENT}

Shape = tuple[str, ...]
Given = Callable[[str], Any]
"""The parameter of a name."""


class Beginning(NamedTuple):
    """`answers`: the criterion that its rows satisfy already, `most`: how many they are."""

    shape: Shape
    values: Mapping[str, Any]
    most: int
    answers: Condition | None = None


def beginning(
    connection: Connection, type_: str, plain: list[Condition], context: Context, most: int
) -> Beginning | None:
    """The first that has no more than `most` rows."""
    for shape, values, answers in (*_words(plain), *_numbers(plain, context)):
        found = int(_counted(type_, shape, most)(connection, **values)[0][0])
        if found <= most:
            return Beginning(shape, values, found, answers)
    return None


def places(type_: str, shape: Shape, given: Given) -> Select[Any]:
    """(child, rid) of the rows, each once."""
    number = literal(library().type_number(type_))
    if shape[0] == "words":
        w = t.text_index
        says = w.c.words.op("@@")(cast(given("d_0"), TSQUERY))
        return select(w.c.child, w.c.rid).where(w.c.type == number, says)
    n, ends = t.number_index, shape[1:]
    own = and_(n.c.type == number, n.c.param == given("d_param"), n.c.unit == given("d_unit"))
    sides = {"low": n.c.low >= given("d_low"), "high": n.c.low <= given("d_high")}
    begin = select(n.c.child, n.c.rid).where(own, *(sides[end] for end in ends))
    if "high" in ends:
        return begin.distinct()
    # Open above: a range that begins before may end within.
    end = select(n.c.child, n.c.rid).where(own, n.c.high >= given("d_low"), n.c.high.is_not(None))
    both = union(begin, end).subquery("both")
    return select(both.c.child, both.c.rid)


def _words(plain: list[Condition]) -> Iterator[tuple[Shape, dict[str, Any], Condition | None]]:
    for condition in plain:
        if condition.parameter.code in WORDS:
            yield ("words",), {"d_0": WORDS[condition.parameter.code].said(condition)}, condition


def _numbers(
    plain: list[Condition], context: Context
) -> Iterator[tuple[Shape, dict[str, Any], Condition | None]]:
    for condition in plain:
        within = span(condition, context)
        if within is not None:
            ends = {"low": within.low, "high": within.high}
            known = {end: value for end, value in ends.items() if value is not None}
            given: dict[str, Any] = {f"d_{end}": value for end, value in known.items()}
            given |= {"d_param": condition.parameter.number, "d_unit": within.unit}
            yield ("numbers", *known), given, None


@cache
def _counted(type_: str, shape: Shape, most: int) -> Prepared:
    some = places(type_, shape, bindparam).limit(literal_column(str(most + 1))).subquery()
    return Prepared(select(func.count()).select_from(some))
