"""The totals of attendance, as far as a caller may see every mark that they are made of.

Where nothing but whose a mark is decides whether it is seen, the lines of `store.attendance` may be read
instead of the marks. Of all others the marks are asked for, under the condition that rules every read.
"""

from dataclasses import replace

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    and_,
    any_,
    bindparam,
    case,
    cast,
    false,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from server.search.registry import ask
from server.search.restriction import has
from server.search.types import Condition, Context
from server.search.view import Alternative, CallerView
from server.store import resources
from server.store import tables as t
from server.store.attendance import ASK
from server.store.database import Prepared
from server.store.row import OF_CHILD

CATEGORY = "category"


def of_whom(view: CallerView, tokens: frozenset[int]) -> CallerView | None:
    """The same caller, asking whose marks it sees; None: that depends on more than whose they are.

    `tokens`: those that the category of every plain mark is found by.
    """
    sure: dict[Alternative, None] = {}
    others: list[Alternative] = []
    for each in view.alternatives:
        verdicts = [_verdict(condition, view.context, tokens) for condition in each.conditions]
        if False in verdicts:
            continue
        if None in verdicts or each.own or each.agreed:
            others.append(each)
        else:
            sure[Alternative(children=each.children)] = None
    known = {each.children for each in sure}
    if any(each.children not in known for each in others):
        return None
    return replace(view, alternatives=tuple(sure))


def _verdict(condition: Condition, context: Context, tokens: frozenset[int]) -> bool | None:
    """Whether a plain mark meets a criterion; None: one does, and another does not."""
    if condition.parameter.code != CATEGORY or condition.modifier is not None:
        return None
    asked = ask(condition, context)
    if asked.shape[0] != "carries":
        return None
    return not tokens.isdisjoint(asked.values[0])


@resources.of_view()
def of_school(view: CallerView) -> Prepared:
    """Parameters: school, first, last. Columns: as `_lines` has them."""
    a = t.attendance.alias("a")
    return _lines(view, a, a.c.school == bindparam("school"))


@resources.of_view()
def of_children(view: CallerView) -> Prepared:
    """Parameters: children, first, last."""
    a = t.attendance.alias("a")
    return _lines(view, a, a.c.child == any_(cast(bindparam("children"), ARRAY(BigInteger))))


def _lines(view: CallerView, a: FromClause, asked: ColumnElement[bool]) -> Prepared:
    """By child and school: the first month and the last of its lines, their number, the months where one is
    missing between them, the marks together, whether they are to be asked for, and the id of the Patient.

    Of whom is not seen there is none; who is restricted is there to be asked for.
    """
    within = (a.c.month >= bindparam("first"), a.c.month <= bindparam("last"))
    first, last, number = func.min(a.c.month), func.max(a.c.month), func.count()
    months = case((number <= last - first, func.array_agg(aggregate_order_by(a.c.month, a.c.month))))
    marks = func.string_agg(a.c.marks, aggregate_order_by(literal(""), a.c.month))
    lines: Select[tuple[object, ...]] = (
        select(
            a.c.child, a.c.child.label("rid"), a.c.school, first.label("first"), months.label("months"),
            marks.label("marks"), false().label("shared"),
        )
        .where(asked, *within)
        .group_by(a.c.child, a.c.school)
    )  # fmt: skip
    # OFFSET 0: whether a child is seen is asked once, and not for each of its lines.
    line = lines.offset(literal(0)).subquery("line")
    p = t.resource_patient.alias("p")
    own = and_(p.c.child == line.c.child, p.c.rid == line.c.child)
    restricted = and_(p.c.restriction.is_not(None), has(p, OF_CHILD))
    apart = or_(func.strpos(line.c.marks, literal(ASK)) > literal(0), func.coalesce(restricted, false()))
    return Prepared(
        select(
            line.c.child,
            line.c.school,
            line.c.first,
            line.c.months,
            line.c.marks,
            apart.label("apart"),
            p.c.id,
        )
        .select_from(line.outerjoin(p, own))
        .where(or_(apart, view.of_children(line)))
    )


@resources.of_view()
def children_of_school(view: CallerView) -> Prepared:
    """Whoever has lines of a school, to be asked for one by one. Parameters: school, first, last."""
    a, p = t.attendance.alias("a"), t.resource_patient.alias("p")
    asked = (
        a.c.school == bindparam("school"), a.c.month >= bindparam("first"), a.c.month <= bindparam("last"),
    )  # fmt: skip
    line = select(a.c.child).where(*asked).distinct().subquery("line")
    own = and_(p.c.child == line.c.child, p.c.rid == line.c.child)
    return Prepared(select(line.c.child, p.c.id).select_from(line.outerjoin(p, own)).where(true()))
