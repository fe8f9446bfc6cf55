"""What happened in a child's life, in the order of one of two clocks, each type by the caller's view of it.

A page is walked along the index of a child's dates, or of its stamps, so that it costs what is on it. What
has no date that the index knows is brought whole; it is little, and whoever asks sorts it in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    FromClause,
    Interval,
    SmallInteger,
    and_,
    any_,
    bindparam,
    cast,
    false,
    literal,
    literal_column,
    not_,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.definition.compartment import patient_parameters
from server.definition.library import library
from server.fhir.period import HIGHEST
from server.search.everything import Views
from server.search.hash import Hasher
from server.store import history, recordset, resources
from server.store import tables as t
from server.store.database import Prepared
from server.store.resources import of_view
from server.store.row import Stored
from server.store.tables.metadata import INSTANT

OURSELVES = 0
"""The author of what the server itself makes."""

_KEPT = 256
_WIDTH = 9
_TICK = cast(literal_column("'1 microsecond'"), Interval)

Clock = Literal["began", "ended", "recorded"]
"""By what a walk goes: when it began, when it was over, when it was recorded as it stands."""


class Found(NamedTuple):
    """A row, and its time on the clock that was walked by. `kind`: the class of the resource; `tokens`: the
    hashes that it bears, where they were asked for."""

    row: Stored
    at: datetime | None
    kind: int
    tokens: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Walk:
    """What of a child is walked: of `types`, but for the classes `without` (and `only` some, if any are
    named), within `low` and `high`. Of the `named` types even what the server itself makes."""

    child: int
    types: Sequence[int]
    low: datetime
    high: datetime
    without: Sequence[int] = ()
    only: Sequence[int] = ()
    named: Sequence[int] = ()

    @property
    def values(self) -> dict[str, Any]:
        """What a statement is given."""
        return {
            "child": self.child, "types": list(self.types), "low": self.low, "high": self.high,
            "without": list(self.without), "only": list(self.only), "named": list(self.named),
            "any_kind": not self.only,
        }  # fmt: skip


def there(connection: Connection, child: int) -> tuple[bool, set[tuple[int, int]]]:
    """Whether anything at home elsewhere speaks of the child; and of which types and classes it has, or had,
    any."""
    [(spoken_of,)] = _speaks(connection, child=child)
    return bool(spoken_of), {(type_, kind) for type_, kind in _has(connection, child=child)}


def walked(
    connection: Connection,
    views: Views,
    clock: Clock,
    walk: Walk,
    after: tuple[datetime, int],
    count: int,
    *,
    newest_first: bool,
) -> list[Found]:
    """At most `count` rows in their order, after (time, rid)."""
    given = {**walk.values, "p_at": after[0], "p_rid": after[1], "count": count}
    return [_found(row) for row in _walked(views, clock, newest_first)(connection, **given)]


def loose(
    connection: Connection, views: Views, dated: Views, walk: Walk, no_date: Iterable[int]
) -> list[Found]:
    """What the index of dates does not know, or what its date may not be asked of: `dated` are the rows of
    which it may, `no_date` the types that the index knows nothing of."""
    rows = _loose(views, dated)(connection, **walk.values, no_date=list(no_date))
    return [_found(row) for row in rows]


def elsewhere(connection: Connection, views: Views, walk: Walk, hasher: Hasher, patient: str) -> list[Found]:
    """What is at home with another child, or with none, and is in this one's compartment."""
    said, types = f"Patient/{patient}", [view.type for view, _ in views.of]
    hashes = [hasher.token(type_, code, said) for type_ in types for code in patient_parameters(type_)]
    return [_found(row) for row in _elsewhere(views)(connection, **walk.values, hashes=hashes)]


def past(connection: Connection, views: Views, walk: Walk, at: datetime) -> list[Found]:
    """The versions that were the present ones at that time, as far as they, and those of today, are seen."""
    return [_found(row) for row in _past(views)(connection, **walk.values, at=at)]


def earlier(connection: Connection, views: Views, rows: Iterable[Stored], until: datetime) -> list[Stored]:
    """The versions before these, as far as they and the present ones are seen."""
    keys = [{"child": row.child, "type": library().type_number(row.type), "rid": row.rid,
             "version": row.version} for row in rows]  # fmt: skip
    if not keys:
        return []
    found = _earlier(views)(connection, wanted=recordset.text(keys), until=until)
    return [_found(row).row for row in found]


# ---- SQL ---------------------------------------------------------------------------------------------------


_speaks = Prepared(select(select(literal(1)).where(t.about.c.other == bindparam("child")).exists()))
_has = Prepared(select(t.presence.c.type, t.presence.c.kind).where(t.presence.c.child == bindparam("child")))


def _found(row: tuple[Any, ...]) -> Found:
    type_, at, kind, tokens = row[_WIDTH : _WIDTH + 4]
    stored = resources.stored(library().type_name(type_), row[:_WIDTH])
    return Found(stored, at, kind, tuple(tokens))


def _array(name: str) -> ColumnElement[Any]:
    return cast(bindparam(name), ARRAY(SmallInteger))


def _columns(row: FromClause, views: Views, at: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    return [*resources.columns(row, views), row.c.type, at.label("at"), row.c.kind, row.c.tok]


def _asked(row: FromClause) -> list[ColumnElement[bool]]:
    """Of these types and classes, and no work of our own that nobody asked for."""
    kinds = or_(cast(bindparam("any_kind"), Boolean), row.c.kind == any_(_array("only")))
    return [
        row.c.type == any_(_array("types")),
        not_(row.c.kind == any_(_array("without"))),
        kinds,
        or_(row.c.author != literal(OURSELVES), row.c.type == any_(_array("named"))),
    ]


def _time(row: FromClause, clock: Clock) -> ColumnElement[Any]:
    if clock == "ended":
        # The end of a day, a month or a year is its last instant.
        return row.c.date_high - _TICK
    return row.c.date_low if clock == "began" else row.c.last_updated


@of_view(maxsize=_KEPT)
def _walked(views: Views, clock: Clock, newest_first: bool) -> Prepared:
    row = _source(views).alias("r")
    at = _time(row, clock)
    here, there = tuple_(at, row.c.rid), tuple_(_instant("p_at"), cast(bindparam("p_rid"), BigInteger))
    edge = at <= _instant("p_at") if newest_first else at >= _instant("p_at")
    begun = [edge, here < there if newest_first else here > there]
    ended = [row.c.date_high < literal(HIGHEST)] if clock == "ended" else []
    order = (at.desc(), row.c.rid.desc()) if newest_first else (at, row.c.rid)
    found = select(*_columns(row, views, at)).where(
        row.c.child == bindparam("child"), at >= _instant("low"), at < _instant("high"),
        *begun, *ended, *_asked(row), views.visible(row),
    )  # fmt: skip
    return Prepared(found.order_by(*order).limit(bindparam("count")))


@of_view(maxsize=_KEPT)
def _loose(views: Views, dated: Views) -> Prepared:
    row = _source(views).alias("r")
    # The one question costs nothing where both views are the same.
    kept_back = false() if dated == views else not_(dated.visible(row))
    unknown = or_(row.c.type == any_(_array("no_date")), row.c.date_low.is_(None), kept_back)
    found = select(*_columns(row, views, cast(literal(None), INSTANT))).where(
        row.c.child == bindparam("child"), unknown, *_asked(row), views.visible(row)
    )
    return Prepared(found)


@of_view(maxsize=_KEPT)
def _elsewhere(views: Views) -> Prepared:
    row, about = _source(views).alias("e"), t.about.alias("a")
    source = about.join(row, and_(*recordset.same(about, row, "child", "rid")))
    found = select(*_columns(row, views, cast(literal(None), INSTANT))).select_from(source)
    said = row.c.tok.overlap(cast(bindparam("hashes"), ARRAY(BigInteger))).is_(True)
    return Prepared(found.where(about.c.other == bindparam("child"), said, *_asked(row), views.visible(row)))


@of_view(maxsize=_KEPT)
def _past(views: Views) -> Prepared:
    """Those of today that are old enough, and those that were replaced since."""
    now, was = _source(views).alias("r"), t.history.alias("h")
    none, at = cast(literal(None), INSTANT), _instant("at")
    still = select(*_columns(now, views, none)).where(
        now.c.child == bindparam("child"), now.c.last_updated <= at, *_asked(now), views.visible(now)
    )
    present = history.present(was, views)
    *plain, whole, withheld = resources.columns(was, views)
    both = (
        and_(whole, present.c.whole).label("whole"),
        withheld.op("|")(present.c.withheld).label("withheld"),
    )
    gone = (
        select(*plain, *both, was.c.type, none.label("at"), was.c.kind, was.c.tok)
        .select_from(was.join(present, literal(True)))
        .where(
            was.c.child == bindparam("child"), was.c.last_updated <= at, not_(was.c.deleted),
            history.replaced(was) > at, *_asked(was), views.visible(was), present.c.visible,
        )
    )  # fmt: skip
    return Prepared(still.union_all(gone))


@of_view(maxsize=_KEPT)
def _earlier(views: Views) -> Prepared:
    was = t.history.alias("h")
    kinds = {"child": BigInteger(), "type": SmallInteger(), "rid": BigInteger(), "version": BigInteger()}
    wanted = recordset.recordset("wanted", kinds)
    present = history.present(was, views)
    *plain, whole, withheld = resources.columns(was, views)
    both = (
        and_(whole, present.c.whole).label("whole"),
        withheld.op("|")(present.c.withheld).label("withheld"),
    )
    same = and_(*recordset.same(wanted, was, "child", "type", "rid"), was.c.version < wanted.c.version)
    found = (
        select(*plain, *both, was.c.type, cast(literal(None), INSTANT).label("at"), was.c.kind, was.c.tok)
        .select_from(wanted.join(was, same).join(present, literal(True)))
        .where(
            not_(was.c.deleted),
            was.c.last_updated <= _instant("until"),
            views.visible(was),
            present.c.visible,
        )
        .order_by(was.c.rid, was.c.version)
    )
    return Prepared(found)


def _instant(name: str) -> ColumnElement[Any]:
    return cast(bindparam(name), INSTANT)


def _source(views: Views) -> FromClause:
    """The one partition in which all the types are, or else all partitions."""
    partitions = {t.partition(view.type) for view, _ in views.of}
    return partitions.pop() if len(partitions) == 1 else t.resource
