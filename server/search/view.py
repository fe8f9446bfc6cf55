"""What a caller may see of one type, as SQL: the one place where need to know becomes a condition.

A view is made of alternatives; a row that satisfies one is seen. It is a value: equal views share their SQL.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    SmallInteger,
    and_,
    any_,
    case,
    false,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.search.context import Behind, shown
from server.search.decision import agreed
from server.search.hidden import WITHHELD, bit
from server.search.registry import ask, where
from server.search.restriction import ALL, WHEREABOUTS, has, kept_back, restrictable, shared
from server.search.sight import FAMILY, NOBODY, Children, Eyes, Who, common
from server.search.types import Condition, Context
from server.store import tables as t
from server.store.row import SEALED

ASKING = frozenset({"Task"})
"""The types by which the server asks people about several children."""

_OURSELVES = 0


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to see a row: every part must hold.

    `conditions`: criteria that the row decides. `children`: whose it is. `whole`: content, not only
    existence; `hidden` and `read_only`: paths of elements. `own`: the agency wrote it. `agreed`: the family
    agreed to the agency's service. `unseals`: what is sealed too.
    """

    conditions: tuple[Condition, ...] = ()
    children: Children = field(default_factory=Children)
    whole: bool = True
    hidden: tuple[str, ...] = ()
    read_only: tuple[str, ...] = ()
    own: bool = False
    agreed: bool = False
    unseals: bool = False

    @property
    def everything(self) -> bool:
        """Whether nothing but a restriction can hide a row."""
        return self.children.all and not (self.conditions or self.own or self.agreed)


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
    patients: "CallerView | None" = None
    """Of a type by which the server asks about several children: which Patients the caller may see."""
    purpose: str | None = None
    """What for, if the caller says so: a decision not to share may be for some purposes alone."""
    person: str = ""
    """Who asks for the agency, or by way of it: as `Eyes` says it."""
    who: Who | None = field(default=None, repr=False, compare=False)
    """Which person that is: a value that the SQL is given, and no part of it."""
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Every statement is kept under its view: worked out once, and not for every request.
        parts = (
            self.type, self.agency, self.alternatives, self.directory, self.behind, self.patients,
            self.purpose, self.person,
        )  # fmt: skip
        object.__setattr__(self, "_hash", hash(parts))

    def __hash__(self) -> int:
        return self._hash

    @property
    def everything(self) -> bool:
        """Whether nothing but a restriction on the child can hide a row."""
        return self.behind is None and any(a.everything for a in self.alternatives)

    @property
    def eyes(self) -> Eyes:
        """Who looks."""
        return Eyes(self.agency, self.person)

    @property
    def values(self) -> Mapping[str, Any]:
        """What every statement of the view has to be given."""
        return self.who.values if self.who else NOBODY

    @property
    def children(self) -> Children:
        """Whose all rows are that are seen, at least."""
        return common(a.children for a in self.alternatives)

    @property
    def involved_only(self) -> bool:
        """Whether every row seen is of a child in the caller's sight (as what is of no child is in its
        author's)."""
        return not self.directory and not self.children.all

    def visible(self, row: FromClause, *, home_seen: bool = False) -> ColumnElement[bool]:
        """True for rows whose existence may be known. `home_seen`: that the home is one of `children` has
        been asked already."""
        seen = and_(self._any(row, self.alternatives, home_seen), self._not_absent(row))
        if self.behind is None:
            return seen
        # What names nothing is its author's, and not a family's, nor of the child that an app was opened for.
        author = None if self.person == FAMILY or self.children.one else self.agency
        return and_(seen, shown(row, self.type, author, partial(_whole_of_any, behind=self.behind)))

    def of_children(self, row: FromClause) -> ColumnElement[bool]:
        """True for what is kept of a child of whom the caller sees everything, as far as no restriction hides
        it: of a view that asks of nothing but children."""
        assert not any(a.conditions or a.own or a.agreed for a in self.alternatives)
        return self._any(row, self.alternatives)

    def whole(self, row: FromClause) -> ColumnElement[bool]:
        """True for rows whose content may be shown."""
        full = tuple(a for a in self.alternatives if a.whole)
        return true() if full == self.alternatives else self._any(row, full)

    def only_whole(self) -> "CallerView":
        """The same caller, asking about what only content shows."""
        whole = tuple(a for a in self.alternatives if a.whole)
        return self if len(whole) == len(self.alternatives) else replace(self, alternatives=whole)

    def seen_by(self, who: Who) -> "CallerView":
        """The same, of this user."""
        mine = copy(self)
        object.__setattr__(mine, "who", who)
        return mine

    @property
    def hidden(self) -> frozenset[str]:
        """The elements that one right or another hides."""
        return frozenset(path for a in self.alternatives for path in a.hidden)

    def showing(self, paths: Iterable[str]) -> "CallerView":
        """The same caller, asking about what only who is shown these elements may ask about."""
        asked = self.hidden.intersection(paths)
        if not asked:
            return self
        showing = tuple(a for a in self.alternatives if asked.isdisjoint(a.hidden))
        return replace(self, alternatives=showing)

    def part(self, row: FromClause) -> ColumnElement[int]:
        """What of a row is not shown, as the bits of a number."""
        withheld: ColumnElement[int] = case((self.withheld(row), literal(WITHHELD)), else_=literal(0))
        return self._kept(row, withheld, {path: _whole_without(path) for path in self.hidden})

    def fixed(self, row: FromClause) -> ColumnElement[int]:
        """What of a row may not be changed, as the bits of a number."""
        paths = {path for a in self.alternatives for path in a.read_only}
        return self._kept(row, literal(0), {path: _changing(path) for path in paths})

    def _kept(
        self, row: FromClause, bits: ColumnElement[int], unless: Mapping[str, Callable[[Alternative], bool]]
    ) -> ColumnElement[int]:
        """And each element for which there is no right of another kind."""
        for path, is_open in sorted(unless.items()):
            opening = tuple(filter(is_open, self.alternatives))
            shut: ColumnElement[int] = literal(bit(path), BigInteger)
            bits = bits.op("|")(case((self._any(row, opening), literal(0, BigInteger)), else_=shut))
        return bits

    def withheld(self, row: FromClause) -> ColumnElement[bool]:
        """True for rows of a restricted child whose whereabouts may not be shown."""
        return and_(restrictable(row), self._kept_back(row, WHEREABOUTS))

    def _not_absent(self, row: FromClause) -> ColumnElement[bool]:
        unsealing = tuple(a for a in self.alternatives if a.unseals)
        sealed = and_(has(row, SEALED), or_(~self._any(row, unsealing), self._asks_of_unseen(row)))
        return ~and_(restrictable(row), or_(self._kept_back(row, ALL), sealed))

    def _asks_of_unseen(self, row: FromClause) -> ColumnElement[bool]:
        """True for what the server asks about a child whose Patient may not be seen, home or other."""
        if self.patients is None:
            return false()
        patient = t.resource_patient.alias("asked_of")
        unseen = ~self.patients.visible(patient)
        other, speaks = _others(row)
        home = and_(patient.c.child == row.c.child, patient.c.rid == row.c.child)
        another = and_(speaks, patient.c.child == other, patient.c.rid == other)
        asked = (select(literal(1)).where(which, unseen).exists() for which in (home, another))
        return and_(row.c.author == literal(_OURSELVES), or_(*asked))

    def _kept_back(self, row: FromClause, bits: int) -> ColumnElement[bool]:
        return kept_back(row, bits, self.eyes, self.purpose)

    def _any(
        self, row: FromClause, alternatives: tuple[Alternative, ...], home_seen: bool = False
    ) -> ColumnElement[bool]:
        if any(a.everything for a in alternatives):
            return true()
        ways: dict[Children, list[ColumnElement[bool]]] = {}
        for a in alternatives:
            # One question about the child for all alternatives that ask it alike.
            ways.setdefault(a.children, []).append(self._content(row, a))
        return or_(
            false(),
            *(and_(or_(*contents), self._child(row, of, home_seen)) for of, contents in ways.items()),
        )

    def _content(self, row: FromClause, a: Alternative) -> ColumnElement[bool]:
        own = row.c.author == literal(self.agency) if a.own else true()
        service = agreed(row, self.eyes) if a.agreed else true()
        return and_(own, *(holds(row, condition, self.context) for condition in a.conditions), service)

    def _child(self, row: FromClause, of: Children, home_seen: bool = False) -> ColumnElement[bool]:
        if of.all:
            return true()
        other, speaks = _others(row)
        unseen = select(literal(1)).where(speaks, ~self.eyes.sees(other, of)).exists()
        others_seen = or_(~shared(row), ~unseen)
        if self.directory:
            return others_seen
        rest = of.beyond(self.children) if home_seen else of
        return and_(self.eyes.sees(row.c.child, rest), others_seen)


def holds(row: FromClause, condition: Condition, context: Context) -> ColumnElement[bool]:
    """The criterion of a scope or a right, as a condition on a row or on a version that was.

    Of a former version only its codes and references are kept beside it: what they do not decide hides it.
    """
    if "sorts" in row.c or _of_itself(condition, context):
        return where(row, condition, context)
    return false()


def _of_itself(condition: Condition, context: Context) -> bool:
    """Whether what is kept of every version decides it."""
    if condition.parameter.code in ("_id", "_lastUpdated"):
        return True
    return condition.parameter.type in _TOKENS and ask(condition, context).shape[0] == "carries"


_TOKENS = ("token", "reference", "uri")


def _whole_without(path: str) -> Callable[[Alternative], bool]:
    return lambda a: a.whole and path not in a.hidden


def _changing(path: str) -> Callable[[Alternative], bool]:
    return lambda a: path not in a.read_only


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
    ways: dict[tuple[Children, bool], dict[Alternative, tuple[CallerView, list[int]]]] = {}
    for view, types in behind:
        for a in view.alternatives:
            if a.whole and not a.hidden:
                asked = ways.setdefault((a.children, view.directory), {})
                asked.setdefault(a, (view, []))[1].extend(types)
    if not ways:
        return false()
    one, _ = behind[0]
    contents = {
        key: or_(*(and_(_of_type(row, types), view._content(row, a)) for a, (view, types) in asked.items()))
        for key, asked in ways.items()
    }
    seen = (
        and_(content, replace(one, directory=directory)._child(row, of))
        for (of, directory), content in contents.items()
    )
    return and_(or_(*seen), ~and_(restrictable(row), _restricted(row, one, behind)))


def _restricted(row: FromClause, one: CallerView, behind: Behind) -> ColumnElement[bool]:
    """True for rows of which something is withheld, or that are sealed."""
    unsealed = (
        and_(_of_type(row, types), view._any(row, tuple(a for a in view.alternatives if a.unseals)))
        for view, types in behind
        if any(a.unseals for a in view.alternatives)
    )
    sealed = and_(has(row, SEALED), ~or_(false(), *unsealed))
    return or_(one._kept_back(row, WHEREABOUTS | ALL), sealed)


def _of_type(row: FromClause, types: Iterable[int]) -> ColumnElement[bool]:
    return row.c.type == any_(literal(list(types), ARRAY(SmallInteger)))


def _others(row: FromClause) -> tuple[ColumnElement[int], ColumnElement[bool]]:
    """A further child that the row speaks of, and that it does: a version of history keeps them itself."""
    if "others" in row.c:
        each = func.unnest(row.c.others).table_valued("other", name="o").render_derived()
        return each.c.other, each.c.other.is_not(None)
    o = t.about.alias("o")
    return o.c.other, and_(o.c.child == row.c.child, o.c.rid == row.c.rid)
