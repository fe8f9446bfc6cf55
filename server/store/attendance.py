"""The marks of a child at a school in a month, in one line: a letter for each session.

Whoever writes a mark writes its letter in the same statement, and waits for nobody but who writes about the
same child. A letter is put in its place, and never added to a number: what is written twice is there once.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Text,
    and_,
    any_,
    bindparam,
    case,
    cast,
    delete,
    func,
    literal,
    literal_column,
    select,
    union,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by, array, insert

from server.store import marks as marks_of_database
from server.store import recordset, resources
from server.store import tables as t
from server.store.database import Prepared
from server.store.resources import View
from server.store.row import Stored

PLACES = 62
"""Sessions of a month: two of each of 31 days."""

AS_IT_IS, NONE, ASK = " .!"
"""What is written: the place stays as it is; there is no mark there (any more); the marks themselves are to
be asked, from now on. What stands in a line and is no letter: there is no mark; there is no mark; ask."""

Letters = Mapping[int, str]
"""By place."""

Key = tuple[int, str, int]
"""(child, school, month)."""


class Line(NamedTuple):
    """What stands in the table."""

    child: int
    school: str
    month: int
    marks: str


def lines(letters: Mapping[Key, Letters]) -> list[dict[str, Any]]:
    """What is written, as rows of the table."""
    found = []
    for (child, school, month), given in letters.items():
        marks = [AS_IT_IS] * PLACES
        for place, letter in given.items():
            marks[place] = letter
        found.append({"child": child, "school": school, "month": month, "marks": "".join(marks)})
    return found


def _put() -> CTE:
    """The letters of the parameter `attendance` put in their places; what asks, stays."""
    a, key = t.attendance, ("child", "school", "month")
    given = recordset.recordset("attendance", {c.name: c.type for c in a.columns})
    rows = select(*given.c).order_by(*(given.c[name] for name in key))
    statement = insert(a).from_select([c.name for c in a.columns], rows)
    put = statement.excluded.marks
    from_first = func.ltrim(put)
    letter = func.rtrim(from_first)
    at: ColumnElement[int] = literal(PLACES + 1, Integer) - func.length(from_first)
    one = case(
        (_at(a.c.marks, at) == literal(ASK), a.c.marks),
        else_=func.substr(a.c.marks, literal(1), at - literal(1))
        .op("||")(letter)
        .op("||")(func.substr(a.c.marks, at + literal(1))),
    )
    alone = func.length(letter) == literal(1)
    marks = case((alone, one), else_=_merged())
    return statement.on_conflict_do_update(constraint=a.primary_key, set_={"marks": marks}).cte(
        "attendance_in"
    )


def _merged() -> Any:
    """Place for place, of the row at hand: by name, so that no other row of the table is looked at."""
    n = func.generate_series(literal(1), literal(PLACES)).table_valued("n").render_derived()
    was, put = (_at(literal_column(f"{row}.marks", Text), n.c.n) for row in ("attendance", "excluded"))
    letter = case(((put == literal(AS_IT_IS)) | (was == literal(ASK)), was), else_=put)
    together = func.string_agg(letter, aggregate_order_by(literal(""), n.c.n))
    return select(together).select_from(n).scalar_subquery()


def _at(marks: ColumnElement[str], place: ColumnElement[int]) -> ColumnElement[str]:
    found: ColumnElement[str] = func.substr(marks, place, literal(1))
    return found


SET = _put()
"""A part of the statement that writes resources (`store.writing`)."""

_write = Prepared(select(literal(1)).add_cte(SET))


def write(connection: Connection, letters: Mapping[Key, Letters]) -> None:
    """Letters in their places."""
    if letters:
        _write(connection, attendance=recordset.text(lines(letters)))


# ---- read and counted again --------------------------------------------------------------------------------

_a = t.attendance
_of = _a.c.child == any_(cast(bindparam("children"), ARRAY(BigInteger)))
_held = Prepared(
    select(_a.c.child, _a.c.school, _a.c.month, _a.c.marks)
    .where(_of)
    .order_by(_a.c.child, _a.c.school, _a.c.month)
    .with_for_update()
)
_months = (_a.c.month >= bindparam("first"), _a.c.month <= bindparam("last"))
_read = Prepared(
    select(_a.c.child, _a.c.school, _a.c.month, _a.c.marks)
    .where(_of, *_months)
    .order_by(_a.c.child, _a.c.month, _a.c.school)
)
_read_of_school = Prepared(
    select(_a.c.child, _a.c.school, _a.c.month, _a.c.marks)
    .where(_a.c.school == bindparam("school"), *_months)
    .order_by(_a.c.child, _a.c.month)
)
_lines = recordset.recordset("lines", {c.name: c.type for c in _a.columns})
_same = and_(*recordset.same(_a, _lines, "child", "school", "month"))
_drop = Prepared(delete(_a).where(_same))
_p = t.presence
_some = union(
    select(_a.c.child).where(_a.c.child > bindparam("after")),
    select(_p.c.child).where(_p.c.child > bindparam("after"), _p.c.type == bindparam("type")),
).subquery("some")
_next = Prepared(select(_some.c.child).order_by(_some.c.child).limit(bindparam("most")))


def hold(connection: Connection, children: Iterable[int]) -> list[Line]:
    """The lines of some children, held against writers until the transaction ends.

    What marks there are must be asked in a later statement: this one may have waited.
    """
    return [Line(*row) for row in _held(connection, children=sorted(children))]


def read(connection: Connection, children: Iterable[int], first: int, last: int) -> list[Line]:
    """The lines of some children from one month to another, by child and month."""
    rows = _read(connection, children=sorted(children), first=first, last=last)
    return [Line(*row) for row in rows]


def read_of_school(connection: Connection, school: str, first: int, last: int) -> list[Line]:
    """The lines of a school."""
    rows = _read_of_school(connection, school=school, first=first, last=last)
    return [Line(*row) for row in rows]


def drop(connection: Connection, some: Collection[Line]) -> None:
    """Take lines out."""
    if some:
        _drop(connection, lines=recordset.text(each._asdict() for each in some))


def children_after(connection: Connection, child: int, type_: int, most: int) -> list[int]:
    """The next children who have lines, or anything that could be counted, in the order of their numbers."""
    return [row[0] for row in _next(connection, after=child, type=type_, most=most)]


_FACT, _TO_BE_COUNTED, _COUNTED = "attendance", "to be counted", "counted"
_fact = Prepared(
    select(t.setting.c.name).where(t.setting.c.name == _FACT, t.setting.c.value == _TO_BE_COUNTED)
)


def is_to_be_counted(connection: Connection) -> bool:
    """Whether there were marks before there were lines, and nobody has counted them yet."""
    return bool(_fact(connection))


def all_counted(connection: Connection) -> None:
    """From now on there is a line for every mark."""
    marks_of_database.put(connection, _FACT, _COUNTED)


# ---- the marks themselves ----------------------------------------------------------------------------------

_r = t.resource.alias("r")
_children = cast(bindparam("children"), ARRAY(BigInteger))


def _marks(row: FromClause) -> tuple[ColumnElement[bool], ...]:
    """Rows of some children that carry the token of what is counted."""
    carries = row.c.tok.contains(array([cast(bindparam("token"), BigInteger)]))
    return row.c.child == any_(_children), row.c.type == bindparam("type"), carries


_whoever = Prepared(
    select(
        _r.c.id, _r.c.child, _r.c.rid, _r.c.version, _r.c.last_updated, _r.c.body, _r.c.author,
        _r.c.restriction, _r.c.shared,
    ).where(*_marks(_r))
)  # fmt: skip


def marks(
    connection: Connection, type_: str, number: int, children: Iterable[int], token: int
) -> Iterator[tuple[Stored, int, bool]]:
    """All that is counted of some children, whoever asks: with its restriction, and whether it speaks of
    several."""
    rows = _whoever(connection, children=sorted(children), type=number, token=token)
    for *row, restriction, shared in rows:
        yield resources.stored(type_, tuple(row)), restriction, shared


@resources.of_view()
def seen(view: View) -> Prepared:
    """What is counted of some children in a time, as far as the caller may see it. Parameters: children,
    type, token, low, high."""
    row = t.partition(view.type).alias("r")
    within = (row.c.date_low >= bindparam("low"), row.c.date_low < bindparam("high"))
    asked = (*_marks(row), *within, view.visible(row))
    return Prepared(select(*resources.columns(row, view)).where(*asked))
