"""Everything about one child, of all types, in one statement: each type by the caller's own view of it.

What is at home with the child comes along the primary key; what is at home elsewhere and is in the child's
compartment all the same (a performer, a sender, a member of a group) comes by way of `about`. Pages go on by
type and row number, which no later change of a resource moves.

https://hl7.org/fhir/R4/compartmentdefinition-patient.html
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    SmallInteger,
    Text,
    and_,
    any_,
    bindparam,
    case,
    cast,
    false,
    literal,
    not_,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server import clock
from server.definition.compartment import child_parameter, patient_parameters
from server.definition.library import library
from server.search.hash import Hasher
from server.search.hidden import WITHHELD
from server.search.view import CallerView, alike
from server.store import audit, recordset, resources
from server.store import tables as t
from server.store.database import Prepared
from server.store.resources import of_view
from server.store.row import Entry, Stored

_OURSELVES = 0
"""The author of what the server itself makes."""

_RID, _WIDTH = 2, 9
_KEPT = 512


@dataclass(frozen=True, slots=True)
class Views:
    """What a caller may see of several types; equal ones share their SQL.

    `of`: the view of each type, and whether rows of restricted children are left out altogether.
    """

    of: tuple[tuple[CallerView, bool], ...]
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash(self.of))

    def __hash__(self) -> int:
        return self._hash

    @property
    def type(self) -> str:
        """None of them alone."""
        return "Resource"

    def visible(self, row: FromClause) -> ColumnElement[bool]:
        """True for rows whose existence may be known."""
        return or_(false(), *(and_(own, view.visible(row), *rest) for own, view, rest in self._each(row)))

    def whole(self, row: FromClause) -> ColumnElement[bool]:
        """True for rows whose content may be shown."""
        return case(*((own, view.whole(row)) for own, view, _ in self._each(row)), else_=false())

    @property
    def values(self) -> Mapping[str, Any]:
        """One caller has one view of each type."""
        return self.of[0][0].values

    def part(self, row: FromClause) -> ColumnElement[int]:
        """What of a row is not shown. Where no element is hidden, that is asked of the child and the caller,
        alike for all types."""
        if not any(view.hidden for view, _ in self.of):
            return self.of[0][0].part(row)
        return case(*((own, view.part(row)) for own, view, _ in self._each(row)), else_=literal(WITHHELD))

    def _each(
        self, row: FromClause
    ) -> Iterator[tuple[ColumnElement[bool], CallerView, list[ColumnElement[bool]]]]:
        """Types that are seen alike are asked about together."""
        for hides in (False, True):
            views = {library().type_number(view.type): view for view, hidden in self.of if hidden is hides}
            for view, numbers in alike(views):
                own = row.c.type == any_(_types(numbers))
                yield own, view, [not_(view.withheld(row))] if hides else []


@dataclass(frozen=True, slots=True)
class Halves:
    """Types that are seen only with something else (`CallerView.behind`) make SQL of another size, and few
    children have any: they are asked for in a statement of their own, and only where there are some."""

    plain: Views
    behind: Views
    numbers: tuple[int, ...]
    """Of the types that are behind something."""

    @classmethod
    def of(cls, views: Iterable[tuple[CallerView, bool]]) -> "Halves":
        """Each view, and whether rows of restricted children are left out altogether."""
        halves: tuple[list[tuple[CallerView, bool]], list[tuple[CallerView, bool]]] = ([], [])
        for each in views:
            halves[each[0].behind is not None].append(each)
        plain, behind = (Views(tuple(half)) for half in halves)
        return cls(plain, behind, tuple(library().type_number(view.type) for view, _ in behind.of))

    def __bool__(self) -> bool:
        return bool(self.plain.of or self.behind.of)


@dataclass(frozen=True, slots=True)
class Wanted:
    """`named`: the types that were asked for by name, of which even what the server itself makes is brought.
    `period`: care outside of it is left out. `since`: so is what was not changed after it."""

    named: tuple[str, ...]
    period: tuple[datetime, datetime]
    since: datetime


Position = tuple[int, int]
"""(number of the type, rid) of the last row of a page."""

FIRST: Position = (0, 0)


@cache
def is_of_children(type_: str) -> bool:
    """Whether a resource of the type can be about a child."""
    return child_parameter(type_) is not None or bool(patient_parameters(type_))


@dataclass(frozen=True)
class Everything:
    """What is known of one child, for one caller."""

    connection: Connection
    views: Halves
    hasher: Hasher

    def page(
        self, patient: Stored, wanted: Wanted, after: Position, limit: int, entry: Entry
    ) -> tuple[list[Stored], Position | None]:
        """At most `limit` rows about the child but this Patient of it, and where the next page begins."""
        given = {
            "child": patient.child,
            "patient": patient.rid,
            "named": [library().type_number(each) for each in wanted.named],
            "low": wanted.period[0],
            "high": wanted.period[1],
            "since": wanted.since,
            "p_type": after[0],
            "p_rid": after[1],
            "count": limit + 1,
            "shown": limit,
        }
        found = []
        for views, spoken_of in self._asked(patient.child):
            line = audit.parameters(entry.again(clock.new_id()))
            hashes = {"hashes": self._hashes(views, patient.id)} if spoken_of else {}
            found += _page(views, spoken_of)(self.connection, **hashes, **given, **line)
        rows = sorted(found, key=lambda row: (row[_WIDTH], row[_RID]))
        shown = rows[:limit]
        following = (shown[-1][_WIDTH], shown[-1][_RID]) if len(rows) > limit else None
        return [_stored(row) for row in shown], following

    def _asked(self, child: int) -> Iterator[tuple[Views, bool]]:
        """The views to ask by; and whether anything at home elsewhere speaks of the child at all."""
        plain, behind = self.views.plain, self.views.behind
        [(spoken_of, has_any)] = _near(self.connection, child=child, types=list(self.views.numbers))
        if plain.of:
            yield plain, spoken_of
        if behind.of and (has_any or spoken_of):
            yield behind, spoken_of

    def _hashes(self, views: Views, id_: str) -> list[int]:
        """By what a resource of each type says that it is in the compartment of a Patient."""
        text, types = f"Patient/{id_}", (view.type for view, _ in views.of)
        return [self.hasher.token(type_, code, text) for type_ in types for code in patient_parameters(type_)]


def referred(
    connection: Connection, views: Views, places: Sequence[tuple[str, str]], entry: Entry
) -> list[Stored]:
    """Those of the resources (type, id) that may be seen, each once."""
    keys = ({"type": library().type_number(type_), "id": id_} for type_, id_ in places)
    rows = _many(views)(connection, wanted=recordset.text(keys), **audit.parameters(entry))
    return [_stored(row) for row in rows]


def _stored(row: tuple[Any, ...]) -> Stored:
    return resources.stored(library().type_name(row[_WIDTH]), row[:_WIDTH])


_speaks: ColumnElement[bool] = (
    select(literal(1)).where(t.about.c.other == cast(bindparam("child"), BigInteger)).exists()
)
_has: ColumnElement[bool] = (
    select(literal(1))
    .where(
        t.presence.c.child == cast(bindparam("child"), BigInteger),
        t.presence.c.type == any_(cast(bindparam("types"), ARRAY(SmallInteger))),
    )
    .exists()
)
_near = Prepared(select(_speaks, _has))
"""Whether anything at home elsewhere speaks of the child; whether it has, or had, any of the types."""


def _source(views: Views) -> FromClause:
    """The one partition in which all the types are, or else all partitions."""
    partitions = {t.partition(view.type) for view, _ in views.of}
    return partitions.pop() if len(partitions) == 1 else t.resource


@of_view(maxsize=_KEPT)
def _page(views: Views, spoken_of: bool) -> Prepared:
    parts = [_home(views), *([_elsewhere(views)] if spoken_of else [])]
    every = union_all(*parts).subquery("every")
    found = select(every).order_by(every.c.type, every.c.rid).limit(bindparam("count")).cte("page")
    found = found.prefix_with("MATERIALIZED")
    lines = audit.of_found(found, shown=bindparam("shown"), several=True)
    return Prepared(select(found).order_by(found.c.type, found.c.rid).add_cte(*lines))


def _home(views: Views) -> Any:
    """What is at home with the child, in the order of the primary key."""
    row = _source(views).alias("r")
    chosen = _chosen(row, views).select_from(row).where(row.c.child == _number("child"))
    return _begun(chosen, row).where(row.c.rid != _number("patient")).subquery("home").select()


def _elsewhere(views: Views) -> Any:
    """What is at home with another child, or with none, and is in the compartment too."""
    row, about = _source(views).alias("e"), t.about.alias("a")
    types = [library().type_number(view.type) for view, _ in views.of if patient_parameters(view.type)]
    source = about.join(row, and_(*recordset.same(about, row, "child", "rid")))
    chosen = (
        _chosen(row, views)
        .select_from(source)
        .where(
            about.c.other == _number("child"),
            row.c.type == any_(_types(types)),
            row.c.tok.overlap(cast(bindparam("hashes"), ARRAY(BigInteger))).is_(True),
        )
    )
    return _begun(chosen, row).subquery("elsewhere").select()


def _chosen(row: FromClause, views: Views) -> Select[Any]:
    named = row.c.type == any_(cast(bindparam("named"), ARRAY(SmallInteger)))
    care = and_(row.c.date_high > bindparam("low"), row.c.date_low < bindparam("high"))
    return select(*resources.columns(row, views), row.c.type).where(
        or_(row.c.author != literal(_OURSELVES), named),
        or_(row.c.date_low.is_(None), care),
        row.c.last_updated > bindparam("since"),
        views.visible(row),
    )


def _begun(chosen: Select[Any], row: FromClause) -> Select[Any]:
    """The rows after the last of the page before."""
    after = tuple_(row.c.type, row.c.rid) > tuple_(
        cast(bindparam("p_type"), SmallInteger), cast(bindparam("p_rid"), BigInteger)
    )
    return chosen.where(after).order_by(row.c.type, row.c.rid).limit(bindparam("count"))


def _types(numbers: Sequence[int]) -> ColumnElement[Any]:
    return cast(literal(list(numbers), ARRAY(SmallInteger)), ARRAY(SmallInteger))


def _number(name: str) -> ColumnElement[int]:
    return cast(bindparam(name), BigInteger)


@of_view(maxsize=_KEPT)
def _many(views: Views) -> Prepared:
    row, place = _source(views).alias("r"), t.locator.alias("l")
    wanted = recordset.recordset("wanted", {"type": SmallInteger(), "id": Text()})
    source = wanted.join(place, and_(*recordset.same(place, wanted, "type", "id"))).join(
        row, and_(*recordset.same(place, row, "child", "type", "rid"))
    )
    found = select(*resources.columns(row, views), row.c.type).select_from(source).where(views.visible(row))
    kept = found.cte("found").prefix_with("MATERIALIZED")
    return Prepared(select(kept).add_cte(*audit.of_found(kept, several=True)))
