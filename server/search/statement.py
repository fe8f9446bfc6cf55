"""The SQL of a search: a driver's rows, the other criteria and the caller's view as filters, an order.

Everything here depends on the shape of a search alone, never on its values: each statement is built once. A
walk is fenced (OFFSET 0, LIMIT inside), so that the planner is left one sensible plan.
"""

from collections.abc import Callable, Mapping, Sequence
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
    func,
    lateral,
    literal,
    literal_column,
    not_,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on

from server.definition.library import library
from server.search import drive
from server.search.drive import Driver
from server.search.order import Key, Position, after, index_order, ordering, steps
from server.search.view import INVOLVED, CallerView, current
from server.store import resources
from server.store import tables as t

Filter = Callable[[FromClause], ColumnElement[bool]]


@dataclass(frozen=True)
class Statement:
    """`criteria`: those beside the one that the driver answers. `near`: conditions on a child alone, asked
    before a row is fetched. `spans`: how many limits the dates have. `prefix`: of the names of all
    parameters."""

    type: str
    view: CallerView
    criteria: tuple[Filter, ...]
    near: tuple[Filter, ...] = ()
    spans: int = 0
    prefix: str = ""

    # ---- pages ---------------------------------------------------------------------------------------------

    def page(
        self,
        how: str,
        driver: Driver,
        keys: Sequence[Key],
        begin: Position | None,
        limit: int,
        budget: int | None = None,
    ) -> Select[Any]:
        """At most `limit` rows: the columns of a version, then `key0`, `key1`, … `budget`: of a window."""
        build: Mapping[str, Callable[[], Select[Any]]] = {
            "sorted": lambda: self._sorted(driver, keys, begin),
            "along": lambda: self._along(keys[0], begin),
            "absent": lambda: self._absent(driver, keys[0], begin),
            "window": lambda: self._window(driver, keys[0], begin, budget),
            "undated": lambda: self._window(driver, keys[0], begin, budget, undated=True),
            "merged": lambda: self._merged(driver, keys[0], begin, limit),
            "each": lambda: self._each(keys[0], begin, limit),
            "fringe": lambda: self._along_fringe(driver, keys[0], begin, budget),
            "strings": lambda: self._strings(driver, keys[0], begin, budget),
        }
        return build[how]().limit(literal_column(str(limit)))

    def _sorted(self, driver: Driver, keys: Sequence[Key], begin: Position | None) -> Select[Any]:
        """All that match are found, then sorted: for few, or for an order that no index has."""
        row = self.row()
        values = [key.value(row).label(f"key{at}") for at, key in enumerate(keys)]
        found = select(*resources.columns(row, self.view), *values).select_from(self.source(driver, row))
        found = found.where(*self.begun(driver, row), *self.filters(row))
        inner = found.offset(literal_column("0")).subquery("q")
        columns = [inner.c[f"key{at}"] for at in range(len(keys))]
        statement = select(inner).order_by(*ordering(columns, keys, inner.c.rid))
        return statement if begin is None else statement.where(after(begin, columns, keys, inner.c.rid))

    def _along(self, key: Key, begin: Position | None) -> Select[Any]:
        """Rows of one child, in the order of an index that begins with it."""
        row = self.row()
        column = row.c[_column(key)]
        found = select(*resources.columns(row, self.view), column.label("key0"))
        found = found.where(
            row.c.child == drive.child(self.prefix),
            *steps(column, row.c.rid, key, begin),
            *self.filters(row),
        )
        return found.order_by(*index_order(column, row.c.rid, key))

    def _window(
        self, driver: Driver, key: Key, begin: Position | None, budget: int | None, *, undated: bool = False
    ) -> Select[Any]:
        """What matches among the next rows of a walk, as many as its budget."""
        if driver.kind == "facet":
            walk = self._listed(key, begin, t.facet.c.h == bindparam(f"{self.prefix}d_0"))
            return self._joined(walk.limit(_most(budget)), key, self._too(driver))
        if self.near:
            walk = self._walked(key, begin, "child", "rid", undated=undated)
            return self._joined(walk.limit(_most(budget)), key, undated=undated)
        return self._read(key, begin, budget, undated=undated)

    def _too(self, driver: Driver) -> Sequence[Filter]:
        """What the index of facets tells of the other hashes that a row must have: all that it has are listed
        at the same moment."""
        count = driver.shape[1] if isinstance(driver.shape, tuple) else 0
        return [self._has_too(f"{self.prefix}d_too{at}", f"too{at}") for at in range(count)]

    def _has_too(self, name: str, alias: str) -> Filter:
        f = t.facet.alias(alias)

        def meets(w: FromClause) -> ColumnElement[bool]:
            same = and_(f.c.at == w.c.key0, f.c.rid == w.c.rid, f.c.child == w.c.child)
            one = select(literal(1)).where(f.c.h == bindparam(name), same)
            return one.offset(literal_column("0")).correlate(w).exists()

        return meets

    def _read(self, key: Key, begin: Position | None, budget: int | None, *, undated: bool) -> Select[Any]:
        """A walk along the resources themselves, where nothing is to be asked of the child first."""
        walked = self._walked(key, begin, *(c.name for c in self.row().c), undated=undated)
        row = walked.limit(_most(budget)).subquery("r")
        found = select(*resources.columns(row, self.view), row.c.key0).where(*self.filters(row))
        return found.order_by(*index_order(row.c.key0, row.c.rid, key))

    def _joined(
        self,
        walk: Select[Any],
        key: Key,
        too: Sequence[Filter] = (),
        *,
        undated: bool = False,
        asked: bool = False,
    ) -> Select[Any]:
        """The resources of rows (child, rid, key0) that come in order already. `too`: what is asked of those
        rows beside; `asked`: the child will do."""
        d, row = walk.subquery("d") if asked else self._nearby(walk, key, too), self.row()
        dated = key.column == "date_low" and not undated
        has_key = [row.c.date_low.is_not(None)] if dated else []
        found = select(*resources.columns(row, self.view), d.c.key0).select_from(self._join(d, row))
        found = found.where(*has_key, *self.filters(row))
        return found.order_by(*index_order(d.c.key0, d.c.rid, key))

    def _nearby(self, walk: Select[Any], key: Key, too: Sequence[Filter] = ()) -> FromClause:
        """The rows of a walk whose child will do, in its order."""
        w, filters = walk.subquery("w"), (*self.near, *too)
        if not filters:
            return w
        asked = select(w).where(*(meets(w) for meets in filters))
        return asked.order_by(*index_order(w.c.key0, w.c.rid, key)).offset(literal_column("0")).subquery("d")

    def _merged(self, driver: Driver, key: Key, begin: Position | None, limit: int) -> Select[Any]:
        """The first of each hash, or of each child, that the driver names; each resource once."""
        parent = self._parents()
        # By name, as it is spoken of deeper inside than a subquery of SQLAlchemy can.
        this = literal_column("parent.one", BigInteger)
        if driver.shape == "facets":
            walk = self._listed(key, begin, t.facet.c.h == this)
            one = self._joined(walk.offset(literal_column("0")), key)
        else:
            one = self._of_child(this, key, begin)
        each = lateral(one.limit(literal_column(str(limit)))).alias("each")
        found = select(each).select_from(parent.join(each, true()))
        if driver.shape == "facets":
            found = found.ext(distinct_on(each.c.key0, each.c.rid))
        return found.order_by(*index_order(each.c.key0, each.c.rid, key))

    def _along_fringe(
        self, driver: Driver, key: Key, begin: Position | None, budget: int | None
    ) -> Select[Any]:
        """What matches among the next few of each child in sight, or of each hash: as far as those are known
        to be next."""
        fringe, last = self._fringe(driver, key, begin, budget)
        here, there = tuple_(fringe.c.key0, fringe.c.rid), tuple_(last.c.key0, last.c.rid)
        known = or_(last.c.rid.is_(None), here >= there if key.down else here <= there)
        # What has several of the hashes comes once.
        columns = (fringe.c.child, fringe.c.rid, fringe.c.key0)
        d = select(*columns).distinct().select_from(fringe.outerjoin(last, true())).where(known)
        ordered = d.order_by(*index_order(fringe.c.key0, fringe.c.rid, key))
        return self._joined(ordered.offset(literal_column("0")), key, asked=driver.kind == "walk")

    def _fringe(
        self, driver: Driver, key: Key, begin: Position | None, budget: int | None
    ) -> tuple[FromClause, FromClause]:
        """The next few of each child in sight, or of each hash; and up to where nothing can be missing."""
        if driver.shape == "facets":
            f, parent = t.facet, self._parents()
            this = literal_column("parent.one", BigInteger)
            order_by = index_order(f.c.at, f.c.rid, key)
            nth = func.row_number().over(order_by=order_by).label("nth")
            listed = self._listed(key, begin, f.c.h == this).add_columns(nth).limit(_most(budget))
            each = lateral(listed).alias("few")
            return self._cut(select(each).select_from(parent.join(each, true())), key, budget)
        seen, row = self._seen_with_any(), self.row("w")
        column = row.c[_column(key)]
        order_by = index_order(column, row.c.rid, key)
        nth = func.row_number().over(order_by=order_by).label("nth")
        one = select(row.c.child, row.c.rid, column.label("key0"), nth)
        # Where the partition says the type, the index has all that is asked.
        own = [] if self.type in t.HOT else [self.own(row)]
        one = one.where(row.c.child == seen.c.child, *own, *steps(column, row.c.rid, key, begin))
        few = lateral(one.order_by(*order_by).limit(_most(budget)).correlate(seen)).alias("few")
        return self._cut(select(few).select_from(seen.join(few, true())), key, budget)

    def _parents(self) -> FromClause:
        """The hashes, or the children, that a driver names."""
        given = drive.array(f"{self.prefix}d_0", BigInteger)
        return select(func.unnest(given).label("one")).distinct().subquery("parent")

    def _cut(self, found: Select[Any], key: Key, budget: int | None) -> tuple[FromClause, FromClause]:
        """The next few of each; and the first of the rows after which one of them may have more."""
        fringe = found.cte("fringe").prefix_with("MATERIALIZED")
        cut = select(fringe.c.key0, fringe.c.rid).where(fringe.c.nth == _most(budget))
        ended = cut.order_by(*index_order(fringe.c.key0, fringe.c.rid, key)).limit(literal_column("1"))
        return fringe, ended.subquery("ended")

    def _seen_with_any(self) -> FromClause:
        """The children in sight that have anything of the type."""
        here = t.presence.alias("here")
        some = self.seen().subquery("seen")
        present = and_(here.c.child == some.c.child, here.c.type == literal_column(str(self.number)))
        return select(some.c.child).where(select(literal(1)).where(present).exists()).subquery("c")

    def _each(self, key: Key, begin: Position | None, limit: int) -> Select[Any]:
        """The first of each child in sight that has any, merged."""
        seen = self._seen_with_any()
        one = self._of_child(seen.c.child, key, begin)
        each = lateral(one.limit(literal_column(str(limit))).correlate(seen)).alias("each")
        found = select(each).select_from(seen.join(each, true()))
        return found.order_by(*index_order(each.c.key0, each.c.rid, key))

    def _of_child(self, child: ColumnElement[int], key: Key, begin: Position | None) -> Select[Any]:
        row = self.row()
        column = key.value(row)
        one = select(*resources.columns(row, self.view), column.label("key0"))
        one = one.where(row.c.child == child, *steps(column, row.c.rid, key, begin), *self.filters(row))
        return one.order_by(*index_order(column, row.c.rid, key))

    def _absent(self, driver: Driver, key: Key, begin: Position | None) -> Select[Any]:
        """Rows without the date they are sorted by, by rid."""
        row = self.row()
        found = select(*resources.columns(row, self.view), row.c[_column(key)].label("key0"))
        found = found.select_from(self.source(driver, row)).where(row.c[_column(key)].is_(None))
        beyond = _beyond(row.c.rid, key, begin)
        found = found.where(*self.begun(driver, row), *beyond, *self.filters(row))
        return found.order_by(row.c.rid.desc() if key.down else row.c.rid.asc())

    def _strings(self, driver: Driver, key: Key, begin: Position | None, budget: int | None) -> Select[Any]:
        """By the first of a resource's matching strings, so that each comes once."""
        if driver.shape == "seen":
            seen, s = self.seen().subquery("seen"), t.string_index
            walk = self._strings_walked(key, begin, seen.join(s, s.c.child == seen.c.child))
            d: FromClause = walk.offset(literal_column("0")).subquery("d")
        else:
            d = self._nearby(self._strings_walked(key, begin, t.string_index).limit(_most(budget)), key)
        row, p = self.row(), t.string_index.alias("p")
        same = and_(p.c.child == d.c.child, p.c.rid == d.c.rid, p.c.param == self._parameter)
        earlier = select(literal(1)).where(same, p.c.folded >= self._lowest, p.c.folded < d.c.key0)
        first = ~earlier.offset(literal_column("0")).correlate(d).exists()
        found = select(*resources.columns(row, self.view), d.c.key0).select_from(self._join(d, row))
        return found.where(first, *self.filters(row)).order_by(*index_order(d.c.key0, d.c.rid, key))

    def _strings_walked(self, key: Key, begin: Position | None, source: FromClause) -> Select[Any]:
        """The strings that match, in their order."""
        s = t.string_index
        walk = select(s.c.child, s.c.rid, s.c.folded.label("key0")).select_from(source)
        walk = walk.where(self._begins(s), *steps(s.c.folded, s.c.rid, key, begin))
        return walk.order_by(*index_order(s.c.folded, s.c.rid, key))

    # ---- beside the page -----------------------------------------------------------------------------------

    def end(self, how: str, driver: Driver, key: Key, begin: Position | None, budget: int) -> Select[Any]:
        """Where a window ends: the last row of its budget, if there are as many."""
        if how == "fringe":
            _, last = self._fringe(driver, key, begin, budget)
            return select(last.c.key0, last.c.rid)
        if how == "strings":
            walk = self._strings_walked(key, begin, t.string_index)
        elif driver.kind == "facet":
            walk = self._listed(key, begin, t.facet.c.h == bindparam(f"{self.prefix}d_0"))
        else:
            walk = self._walked(key, begin, "rid", undated=how == "undated")
        inner = walk.offset(literal_column(str(budget - 1))).limit(literal_column("1")).subquery("w")
        return select(inner.c.key0, inner.c.rid)

    def exceeding(self, driver: Driver, budget: int) -> Select[Any]:
        """A row, if a driver has more than its budget."""
        return self._begun(driver).offset(literal_column(str(budget))).limit(literal_column("1"))

    def matching(self, driver: Driver, limit: int | None) -> Select[Any]:
        """A row for each match, to be counted."""
        row = self.row()
        found = select(literal(1)).select_from(self.source(driver, row))
        found = found.where(*self.begun(driver, row), *self.filters(row))
        return found.limit(None if limit is None else literal_column(str(limit)))

    def places(self, driver: Driver, limit: int, budget: int, *columns: str) -> Select[Any]:
        """Some columns of what matches, in no order, among the first `budget` rows of a walk."""
        row = self.row()
        source = self.source(driver, row, budget)
        found = select(*(row.c[name] for name in columns)).select_from(source)
        return found.where(*self.begun(driver, row), *self.filters(row)).limit(literal_column(str(limit)))

    def counted_children(self, limit: int) -> Select[Any]:
        """How many children are in the caller's sight, counted to `limit`."""
        some = self.seen().limit(literal_column(str(limit))).subquery()
        return select(func.count()).select_from(some)

    def seen(self) -> Select[Any]:
        """The children in the caller's sight."""
        s = t.sight.alias("s")
        mine = s.c.principal == literal(self.view.agency)
        return select(s.c.child).where(mine, current(s, INVOLVED, self.view.months_after)).distinct()

    # ---- parts ---------------------------------------------------------------------------------------------

    def row(self, name: str = "r") -> FromClause:
        """The partition of the type."""
        return t.partition(self.type).alias(f"{self.prefix}{name}")

    @property
    def number(self) -> int:
        return library().type_number(self.type)

    def own(self, row: FromClause) -> ColumnElement[bool]:
        """A partition may hold several types."""
        return row.c.type == literal_column(str(self.number))

    def filters(self, row: FromClause) -> list[ColumnElement[bool]]:
        """Everything that a row must satisfy, the caller's view included."""
        return [self.own(row), *(meets(row) for meets in self.criteria), self.view.visible(row)]

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
        fenced = begun.offset(literal_column("0")) if budget is None else begun.limit(_most(budget))
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
        column = row.c[_column(key)]
        if undated:
            walk = select(*(row.c[name] for name in columns), column.label("key0"))
            walk = walk.where(self.own(row), column.is_(None), *_beyond(row.c.rid, key, begin))
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


def in_sight_of(view: CallerView, *, gathered: bool) -> tuple[Filter, ...]:
    """What can be asked of a child before a row of it is fetched: where all that is seen is of children in
    sight.

    `gathered`: those are few enough to be gathered first; else each is asked for.
    """
    s = t.sight.alias("near")
    line = and_(s.c.principal == literal(view.agency), current(s, INVOLVED, view.months_after))

    def among(row: FromClause) -> ColumnElement[bool]:
        found: ColumnElement[bool] = row.c.child.in_(select(s.c.child).where(line)).is_(true())
        return found

    def asked(row: FromClause) -> ColumnElement[bool]:
        one = select(literal(1)).where(line, s.c.child == row.c.child)
        return one.offset(literal_column("0")).correlate(row).exists()

    return (among if gathered else asked,)


def shown(view: CallerView) -> Filter:
    """The row is not withheld."""
    return lambda row: not_(view.withheld(row))


def children(name: str) -> Filter:
    """The row's home is one of these children."""
    return lambda row: row.c.child == any_(cast(bindparam(name), ARRAY(BigInteger)))


def _column(key: Key) -> str:
    assert key.column is not None
    return key.column


def _beyond(rid: ColumnElement[int], key: Key, begin: Position | None) -> list[ColumnElement[bool]]:
    """From where on rows that have no key are read."""
    last: ColumnElement[int] = bindparam("p_rid")
    return [] if begin is None else [rid < last if key.down else rid > last]


def _most(budget: int | None) -> ColumnElement[Any]:
    assert budget is not None
    return literal_column(str(budget))
