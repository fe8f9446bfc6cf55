"""The rows that a search begins from and passes: by driver, along an index, in the caller's sight."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    FromClause,
    Select,
    and_,
    any_,
    bindparam,
    cast,
    literal,
    literal_column,
    not_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.definition.library import library
from server.search import drive
from server.search.drive import Driver
from server.search.order import Key, Position, index_order, steps
from server.search.view import CallerView
from server.store import tables as t

Filter = Callable[[FromClause], ColumnElement[bool]]


@dataclass(frozen=True)
class Rows:
    """`criteria`: those beside the one that the driver answers. `near`: conditions on a child alone, asked
    before a row is fetched; `sighted`: that it is in the caller's sight is one of them, `gathered`: for which
    all that are have been gathered. `spans`: how many limits the dates have. `prefix`: of the names of all
    parameters."""

    type: str
    view: CallerView
    criteria: tuple[Filter, ...]
    near: tuple[Filter, ...] = ()
    sighted: bool = False
    gathered: bool = False
    spans: int = 0
    prefix: str = ""

    def row(self, name: str = "r") -> FromClause:
        """The partition of the type."""
        return t.partition(self.type).alias(f"{self.prefix}{name}")

    @property
    def number(self) -> int:
        return library().type_number(self.type)

    def own(self, row: FromClause) -> ColumnElement[bool]:
        """A partition may hold several types."""
        return row.c.type == literal_column(str(self.number))

    def filters(self, row: FromClause, *, home_seen: bool = False) -> list[ColumnElement[bool]]:
        """Everything that a row must satisfy, the caller's view included (`home_seen` as there)."""
        seen = self.view.visible(row, home_seen=home_seen)
        return [self.own(row), *(meets(row) for meets in self.criteria), seen]

    def asked(self, driver: Driver, budget: int | None = None) -> bool:
        """Whether `source` has asked that the child is in sight."""
        if driver.kind == "sight":
            return True
        return self.sighted and not (driver.kind == "child" or (driver.kind == "walk" and budget is None))

    def begun(self, driver: Driver, row: FromClause) -> list[ColumnElement[bool]]:
        return [row.c.child == drive.child(self.prefix)] if driver.kind == "child" else []

    def source(self, driver: Driver, row: FromClause, budget: int | None = None) -> FromClause:
        """The rows a driver begins from, fenced, and joined with the resources."""
        if driver.kind == "sight":
            seen = self.seen().offset(literal_column("0")).subquery("d")
            return seen.join(row, row.c.child == seen.c.child)
        if driver.kind == "child" or (driver.kind == "walk" and budget is None):
            return row
        begun = self._begun(driver)
        # A LIMIT is a fence too.
        fenced = begun.offset(literal_column("0")) if budget is None else begun.limit(most(budget))
        d: FromClause = fenced.subquery("d")
        if self.near:
            nearby = select(d).where(*(near(d) for near in self.near))
            d = nearby.offset(literal_column("0")).subquery("n")
        return self._join(d, row)

    def _begun(self, driver: Driver) -> Select[Any]:
        """(child, rid) of the rows a driver begins from."""
        match driver.kind:
            case "facet":
                own = t.facet.c.h == bindparam(f"{self.prefix}d_0")
                return select(t.facet.c.child, t.facet.c.rid).where(own)
            case "prefix":
                return self._matching_strings()
            case "walk":
                w = self.row("walked")
                return select(w.c.child, w.c.rid).where(self.own(w))
        return drive.places(self.type, driver, self.prefix)

    def _join(self, d: FromClause, row: FromClause) -> FromClause:
        return d.join(row, and_(row.c.child == d.c.child, row.c.rid == d.c.rid))

    def _walked(self, key: Key, begin: Position | None, *columns: str, undated: bool = False) -> Select[Any]:
        """The rows of the type along the index of a date; or, by rid, those without, which are at its end."""
        row = self.row("w")
        column = row.c[column_of(key)]
        if undated:
            walk = select(*(row.c[name] for name in columns), column.label("key0"))
            walk = walk.where(self.own(row), column.is_(None), *beyond(row.c.rid, key, begin))
            return walk.order_by(*index_order(column, row.c.rid, key))
        spans = self._spans(row.c.date_low) if key.column == "date_low" else []
        walk = select(*(row.c[name] for name in columns), column.label("key0"))
        walk = walk.where(self.own(row), *steps(column, row.c.rid, key, begin), *spans)
        return walk.order_by(*index_order(column, row.c.rid, key))

    def _listed(self, key: Key, begin: Position | None, hash_: ColumnElement[bool]) -> Select[Any]:
        """The rows of a facet, newest or oldest first."""
        f = t.facet
        walk = select(f.c.child, f.c.rid, f.c.at.label("key0"))
        walk = walk.where(hash_, *steps(f.c.at, f.c.rid, key, begin), *self._spans(f.c.at))
        return walk.order_by(*index_order(f.c.at, f.c.rid, key))

    def _spans(self, column: ColumnElement[Any]) -> list[ColumnElement[bool]]:
        """The dates outside of which nothing can match."""
        return [
            and_(
                column >= bindparam(f"{self.prefix}span_low{at}"),
                column < bindparam(f"{self.prefix}span_high{at}"),
            )
            for at in range(self.spans)
        ]

    def _matching_strings(self) -> Select[Any]:
        """(child, rid) of what has a string that matches, once."""
        s, p = t.string_index, t.string_index.alias("p")
        same = and_(p.c.child == s.c.child, p.c.rid == s.c.rid, p.c.param == s.c.param)
        earlier = select(literal(1)).where(same, p.c.folded >= self._lowest, p.c.folded < s.c.folded)
        first = ~earlier.offset(literal_column("0")).correlate(s).exists()
        return select(s.c.child, s.c.rid).where(self._begins(s), first)

    def _begins(self, s: FromClause) -> ColumnElement[bool]:
        high: BindParameter[str] = bindparam(f"{self.prefix}d_1")
        within = and_(s.c.folded >= self._lowest, s.c.folded < high)
        return and_(self.own(s), s.c.param == self._parameter, within)

    @property
    def _lowest(self) -> BindParameter[str]:
        return bindparam(f"{self.prefix}d_0")

    @property
    def _parameter(self) -> BindParameter[int]:
        return bindparam(f"{self.prefix}d_param")

    def seen(self) -> Select[Any]:
        """The children in the caller's sight."""
        return self.view.eyes.children(self.view.children)


def in_sight_of(view: CallerView, *, gathered: bool) -> tuple[Filter, ...]:
    """What can be asked of a child before a row of it is fetched: where all that is seen is of children in
    sight.

    `gathered`: those are few enough to be gathered first; else each is asked for.
    """
    eyes, of = view.eyes, view.children

    def among(row: FromClause) -> ColumnElement[bool]:
        found: ColumnElement[bool] = row.c.child.in_(eyes.children(of)).is_(true())
        return found

    def asked(row: FromClause) -> ColumnElement[bool]:
        return eyes.sees(row.c.child, of)

    return (among if gathered else asked,)


def shown(view: CallerView) -> Filter:
    """The row is not withheld."""
    return lambda row: not_(view.withheld(row))


def children(name: str) -> Filter:
    """The row's home is one of these children."""
    return lambda row: row.c.child == any_(cast(bindparam(name), ARRAY(BigInteger)))


def column_of(key: Key) -> str:
    assert key.column is not None
    return key.column


def beyond(rid: ColumnElement[int], key: Key, begin: Position | None) -> list[ColumnElement[bool]]:
    """From where on rows that have no key are read."""
    last: ColumnElement[int] = bindparam("p_rid")
    return [] if begin is None else [rid < last if key.down else rid > last]


def most(budget: int | None) -> ColumnElement[Any]:
    assert budget is not None
    return literal_column(str(budget))
