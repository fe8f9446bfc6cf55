"""What a caller may see of one type, as SQL: the one place where need to know becomes a condition.

A view is made of alternatives; a row that satisfies one is seen. It is a value: equal views share their SQL.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Interval,
    SmallInteger,
    and_,
    any_,
    cast,
    false,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.search.context import Behind, shown
from server.search.registry import where
from server.search.types import Condition, Context
from server.store import tables as t

TRACED, INVOLVED, NAMED = 1, 2, 3
"""Degrees of `store.sight`: knows that the child exists; works with the child; named for a restricted
child."""

RESTRICTED, VERY_RESTRICTED = 1, 2
"""Values of `restriction`: label R (whereabouts withheld), label V (absent to all but the named)."""

_MONTH = timedelta(days=30.4375)


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to see a row: every part must hold.

    `conditions`: criteria that its tokens alone decide. `involved`: the agency works with the child, or
    did until
    `months_after` months ago. `whole`: content, not only existence. `own`: the agency wrote it.
    """

    conditions: tuple[Condition, ...] = ()
    involved: bool = True
    months_after: int = 0
    whole: bool = True
    own: bool = False


@dataclass(frozen=True, slots=True)
class CallerView:
    """The rows of a type that an agency sees. No alternative: none."""

    type: str
    agency: int
    alternatives: tuple[Alternative, ...]
    context: Context
    directory: bool = False
    """True: resources of this type belong to no child, though they may speak of some."""
    behind: Behind | None = None
    """Of a type that is seen with something else: what the caller may read of that."""
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Every statement is kept under its view: worked out once, and not for every request.
        parts = (self.type, self.agency, self.alternatives, self.directory, self.behind)
        object.__setattr__(self, "_hash", hash(parts))

    def __hash__(self) -> int:
        return self._hash

    @property
    def everything(self) -> bool:
        """Whether nothing but a restriction on the child can hide a row."""
        return self.behind is None and any(
            not (a.conditions or a.involved or a.own) for a in self.alternatives
        )

    @property
    def involved_only(self) -> bool:
        """Whether every row seen is of a child in the agency's sight (as what is of no child is in its
        author's)."""
        return not self.directory and all(a.involved for a in self.alternatives)

    @property
    def months_after(self) -> int:
        """The longest time for which past involvement counts."""
        return max((a.months_after for a in self.alternatives), default=0)

    def visible(self, row: FromClause, *, home_seen: bool = False) -> ColumnElement[bool]:
        """True for rows whose existence may be known. `home_seen`: that the home is in sight, or was within
        `months_after`, has been asked already."""
        seen = and_(self._any(row, self.alternatives, home_seen), self._not_absent(row))
        if self.behind is None:
            return seen
        return and_(seen, shown(row, self.type, self.agency, partial(_whole_of_any, behind=self.behind)))

    def whole(self, row: FromClause) -> ColumnElement[bool]:
        """True for rows whose content may be shown."""
        full = tuple(a for a in self.alternatives if a.whole)
        return true() if full == self.alternatives else self._any(row, full)

    def only_whole(self) -> "CallerView":
        """The same caller, asking about what only content shows."""
        whole = tuple(a for a in self.alternatives if a.whole)
        return self if len(whole) == len(self.alternatives) else replace(self, alternatives=whole)

    def withheld(self, row: FromClause) -> ColumnElement[bool]:
        """True for rows of a restricted child whose whereabouts may not be shown."""
        return self._restricted(row, RESTRICTED)

    def _not_absent(self, row: FromClause) -> ColumnElement[bool]:
        return ~self._restricted(row, VERY_RESTRICTED)

    def _restricted(self, row: FromClause, label: int) -> ColumnElement[bool]:
        """True for rows about a child, home or other, who is labelled so, where the agency is not named."""
        return self._labelled(row, lambda restriction: restriction == literal(label))

    def _labelled(self, row: FromClause, label: Callable[[Any], ColumnElement[bool]]) -> ColumnElement[bool]:
        patient = t.resource_patient.alias("p")
        other, speaks = _others(row)
        labelled = and_(patient.c.child == other, patient.c.rid == other, label(patient.c.restriction))
        others = select(literal(1)).where(speaks, labelled, ~in_sight(other, self.agency, NAMED, 0)).exists()
        home = and_(label(row.c.restriction), ~in_sight(row.c.child, self.agency, NAMED, 0))
        return or_(home, and_(_shared(row), others))

    def _any(
        self, row: FromClause, alternatives: tuple[Alternative, ...], home_seen: bool = False
    ) -> ColumnElement[bool]:
        if any(not (a.conditions or a.involved or a.own) for a in alternatives):
            return true()
        ways: dict[tuple[bool, int], list[ColumnElement[bool]]] = {}
        for a in alternatives:
            # One question about the child for all alternatives that ask it alike.
            ways.setdefault((a.involved, a.months_after), []).append(self._content(row, a))

        def asked(months: int) -> bool:
            return home_seen and months == self.months_after

        return or_(
            false(),
            *(
                and_(or_(*contents), self._child(row, months, asked(months)) if involved else true())
                for (involved, months), contents in ways.items()
            ),
        )

    def _content(self, row: FromClause, a: Alternative) -> ColumnElement[bool]:
        own = row.c.author == literal(self.agency) if a.own else true()
        return and_(own, *(where(row, condition, self.context) for condition in a.conditions))

    def _child(self, row: FromClause, months: int, home_seen: bool = False) -> ColumnElement[bool]:
        other, speaks = _others(row)
        unseen = select(literal(1)).where(speaks, ~in_sight(other, self.agency, INVOLVED, months)).exists()
        others_seen = or_(~_shared(row), ~unseen)
        if self.directory or home_seen:
            return others_seen
        return and_(in_sight(row.c.child, self.agency, INVOLVED, months), others_seen)


def alike(views: Mapping[int, CallerView]) -> Behind:
    """The types, by number, that are seen alike, with the view of the first: one condition for them all."""
    groups: dict[Hashable, tuple[CallerView, list[int]]] = {}
    for number, view in views.items():
        plain = view.behind is None and not any(a.conditions for a in view.alternatives)
        key = (view.alternatives, view.directory) if plain else view
        groups.setdefault(key, (view, []))[1].append(number)
    return tuple((view, tuple(numbers)) for view, numbers in groups.values())


def _whole_of_any(row: FromClause, behind: Behind) -> ColumnElement[bool]:
    """True for rows of any of these types that the caller is shown the whole of, and nothing is withheld of.

    In as few questions as there are: they are asked for each row that is seen with another.
    """
    ways: dict[tuple[bool, bool, int], dict[Alternative, tuple[CallerView, list[int]]]] = {}
    for view, types in behind:
        for a in view.alternatives:
            if a.whole:
                asked = ways.setdefault((a.involved, view.directory, a.months_after), {})
                asked.setdefault(a, (view, []))[1].extend(types)
    if not ways:
        return false()
    one, _ = behind[0]
    contents = {
        key: or_(*(and_(_of_type(row, types), view._content(row, a)) for a, (view, types) in asked.items()))
        for key, asked in ways.items()
    }
    seen = (
        and_(content, replace(one, directory=directory)._child(row, months) if involved else true())
        for (involved, directory, months), content in contents.items()
    )
    return and_(or_(*seen), ~one._labelled(row, lambda restriction: restriction > literal(0)))


def _of_type(row: FromClause, types: Iterable[int]) -> ColumnElement[bool]:
    return row.c.type == any_(literal(list(types), ARRAY(SmallInteger)))


def _shared(row: FromClause) -> ColumnElement[bool]:
    """The row speaks of further children."""
    return func.cardinality(row.c.others) > literal(0) if "others" in row.c else row.c.shared


def _others(row: FromClause) -> tuple[ColumnElement[int], ColumnElement[bool]]:
    """A further child that the row speaks of, and that it does: a version of history keeps them itself."""
    if "others" in row.c:
        each = func.unnest(row.c.others).table_valued("other", name="o").render_derived()
        return each.c.other, each.c.other.is_not(None)
    o = t.about.alias("o")
    return o.c.other, and_(o.c.child == row.c.child, o.c.rid == row.c.rid)


def in_sight(child: ColumnElement[int], agency: int, degree: int, months: int) -> ColumnElement[bool]:
    """The child is in the agency's sight now, or was until so many months ago."""
    s = t.sight.alias("s")
    # OFFSET 0 keeps it a question asked of each row found, never a join that the planner may turn round.
    return (
        select(literal(1))
        .where(s.c.child == child, s.c.principal == literal(agency), current(s, degree, months))
        .offset(literal(0))
        .exists()
    )


def current(s: FromClause, degree: int, months: int) -> ColumnElement[bool]:
    """A line of `sight` that holds at this moment (or did until so many months ago)."""
    until = func.now() - cast(literal(_MONTH * months, Interval), Interval) if months else func.now()
    return and_(s.c.degree >= literal(degree), s.c.valid_from <= func.now(), s.c.valid_until > until)
