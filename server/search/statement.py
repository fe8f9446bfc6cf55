"""The SQL of a search: a driver's rows, the other criteria and the caller's view as filters, an order.

Everything here depends on the shape of a search alone, never on its values: each statement is built once. A
walk is fenced (OFFSET 0, LIMIT inside), so that the planner is left one sensible plan.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    and_,
    bindparam,
    func,
    lateral,
    literal,
    literal_column,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import distinct_on

from server.search import drive
from server.search.drive import Driver
from server.search.order import Key, Position, after, index_order, ordering, steps
from server.search.rows import Filter, Rows, beyond, column_of, most
from server.store import resources
from server.store import tables as t


@dataclass(frozen=True)
class Statement(Rows):
    """The statements of one shape of search."""

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
            "firsts": lambda: self._firsts(keys[0], begin, limit),
            "fringe": lambda: self._along_fringe(driver, keys[0], begin, budget),
            "strings": lambda: self._strings(driver, keys[0], begin, budget),
            "named": lambda: self._named(keys[0], begin, budget),
        }
        return build[how]().limit(literal_column(str(limit)))

    def _sorted(self, driver: Driver, keys: Sequence[Key], begin: Position | None) -> Select[Any]:
        """All that match are found, then sorted: for few, or for an order that no index has."""
        row = self.row()
        values = [key.value(row).label(f"key{at}") for at, key in enumerate(keys)]
        found = select(*resources.columns(row, self.view), *values).select_from(self.source(driver, row))
        seen = self.asked(driver)
        found = found.where(*self.begun(driver, row), *self.filters(row, home_seen=seen))
        inner = found.offset(literal_column("0")).subquery("q")
        columns = [inner.c[f"key{at}"] for at in range(len(keys))]
        statement = select(inner).order_by(*ordering(columns, keys, inner.c.rid))
        return statement if begin is None else statement.where(after(begin, columns, keys, inner.c.rid))

    def _along(self, key: Key, begin: Position | None) -> Select[Any]:
        """Rows of one child, in the order of an index that begins with it."""
        row = self.row()
        column = row.c[column_of(key)]
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
            return self._joined(walk.limit(most(budget)), key, self._too(driver))
        if self.near:
            walk = self._walked(key, begin, "child", "rid", undated=undated)
            return self._joined(walk.limit(most(budget)), key, undated=undated)
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
        row = walked.limit(most(budget)).subquery("r")
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
        found = found.where(*has_key, *self.filters(row, home_seen=self.sighted))
        return found.order_by(*index_order(d.c.key0, d.c.rid, key))

    def _nearby(self, walk: Select[Any], key: Key, too: Sequence[Filter] = ()) -> FromClause:
        """The rows of a walk whose child will do, in its order."""
        w = walk.subquery("w")
        # What is gathered is soon asked; else the rarer question comes first.
        filters = (*self.near, *too) if self.gathered else (*too, *self.near)
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
            one = self._of_child(this, key, begin, home_seen=False)
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
            listed = self._listed(key, begin, f.c.h == this).add_columns(nth).limit(most(budget))
            each = lateral(listed).alias("few")
            return self._cut(select(each).select_from(parent.join(each, true())), key, budget)
        seen, row = self._seen_with_any(), self.row("w")
        column = row.c[column_of(key)]
        order_by = index_order(column, row.c.rid, key)
        nth = func.row_number().over(order_by=order_by).label("nth")
        one = select(row.c.child, row.c.rid, column.label("key0"), nth)
        # Where the partition says the type, the index has all that is asked.
        own = [] if self.type in t.HOT else [self.own(row)]
        one = one.where(row.c.child == seen.c.child, *own, *steps(column, row.c.rid, key, begin))
        few = lateral(one.order_by(*order_by).limit(most(budget)).correlate(seen)).alias("few")
        return self._cut(select(few).select_from(seen.join(few, true())), key, budget)

    def _parents(self) -> FromClause:
        """The hashes, or the children, that a driver names."""
        given = drive.array(f"{self.prefix}d_0", BigInteger)
        return select(func.unnest(given).label("one")).distinct().subquery("parent")

    def _cut(self, found: Select[Any], key: Key, budget: int | None) -> tuple[FromClause, FromClause]:
        """The next few of each; and the first of the rows after which one of them may have more."""
        fringe = found.cte("fringe").prefix_with("MATERIALIZED")
        cut = select(fringe.c.key0, fringe.c.rid).where(fringe.c.nth == most(budget))
        ended = cut.order_by(*index_order(fringe.c.key0, fringe.c.rid, key)).limit(literal_column("1"))
        return fringe, ended.subquery("ended")

    def _seen_with_any(self) -> FromClause:
        """The children in sight; of a type that shares its partition, those that have anything of it."""
        some = self.seen().subquery("seen")
        children = select(some.c.child)
        if self.type in t.HOT:
            # To look for rows where there are none costs no more than to be told so.
            return children.subquery("c")
        here = t.presence.alias("here")
        present = and_(here.c.child == some.c.child, here.c.type == literal_column(str(self.number)))
        return children.where(select(literal(1)).where(present).exists()).subquery("c")

    def _each(self, key: Key, begin: Position | None, limit: int) -> Select[Any]:
        """The first of each child in sight that has any, merged."""
        seen = self._seen_with_any()
        one = self._of_child(seen.c.child, key, begin, home_seen=True)
        each = lateral(one.limit(literal_column(str(limit))).correlate(seen)).alias("each")
        found = select(each).select_from(seen.join(each, true()))
        return found.order_by(*index_order(each.c.key0, each.c.rid, key))

    def _firsts(self, key: Key, begin: Position | None, limit: int) -> Select[Any]:
        """As `_each`, where the first of a child is soon met: only of the children whose first come before
        those of all others, and only what comes no later than the last of these."""
        seen, enough = self._seen_with_any(), most(limit)
        head = lateral(self._head(seen.c.child, key, begin).correlate(seen)).alias("head")
        found = select(head).select_from(seen.join(head, true()))
        found = found.order_by(*index_order(head.c.key0, head.c.rid, key)).limit(enough)
        heads = found.cte("heads").prefix_with("MATERIALIZED")
        here = literal_column("heads.child", BigInteger)
        one = self._of_child(here, key, begin, self._no_later(heads, key, limit), home_seen=True)
        each = lateral(one.limit(enough)).alias("each")
        rows = select(each).select_from(heads.join(each, true()))
        return rows.order_by(*index_order(each.c.key0, each.c.rid, key))

    def _head(self, child: ColumnElement[int], key: Key, begin: Position | None) -> Select[Any]:
        """Where the first of a child in sight is."""
        row = self.row()
        column = key.value(row)
        one = select(row.c.child, row.c.rid, column.label("key0"))
        filters = self.filters(row, home_seen=True)
        one = one.where(row.c.child == child, *steps(column, row.c.rid, key, begin), *filters)
        return one.order_by(*index_order(column, row.c.rid, key)).limit(literal_column("1"))

    def _no_later(self, heads: FromClause, key: Key, limit: int) -> Filter:
        """No later than the last of these, if there are so many."""
        ordered = select(heads.c.key0, heads.c.rid).order_by(*index_order(heads.c.key0, heads.c.rid, key))
        last = ordered.offset(literal_column(str(limit - 1))).limit(literal_column("1")).subquery("last")
        at, rid = select(last.c.key0).scalar_subquery(), select(last.c.rid).scalar_subquery()
        no_end: ColumnElement[Any] = literal_column(f"'{'-' if key.down else ''}infinity'::timestamptz")
        end = tuple_(func.coalesce(at, no_end), func.coalesce(rid, literal_column("0")))

        def meets(row: FromClause) -> ColumnElement[bool]:
            here = tuple_(key.value(row), row.c.rid)
            return here >= end if key.down else here <= end

        return meets

    def _of_child(
        self, child: ColumnElement[int], key: Key, begin: Position | None, *further: Filter, home_seen: bool
    ) -> Select[Any]:
        row = self.row()
        column = key.value(row)
        one = select(*resources.columns(row, self.view), column.label("key0"))
        bounds = (*steps(column, row.c.rid, key, begin), *(meets(row) for meets in further))
        one = one.where(row.c.child == child, *bounds, *self.filters(row, home_seen=home_seen))
        return one.order_by(*index_order(column, row.c.rid, key))

    def _absent(self, driver: Driver, key: Key, begin: Position | None) -> Select[Any]:
        """Rows without the date they are sorted by, by rid."""
        row = self.row()
        found = select(*resources.columns(row, self.view), row.c[column_of(key)].label("key0"))
        found = found.select_from(self.source(driver, row)).where(row.c[column_of(key)].is_(None))
        further = beyond(row.c.rid, key, begin)
        filters = self.filters(row, home_seen=self.asked(driver))
        found = found.where(*self.begun(driver, row), *further, *filters)
        return found.order_by(row.c.rid.desc() if key.down else row.c.rid.asc())

    def _strings(self, driver: Driver, key: Key, begin: Position | None, budget: int | None) -> Select[Any]:
        """By the first of a resource's matching strings, so that each comes once."""
        if driver.shape == "seen":
            seen, s = self.seen().subquery("seen"), t.string_index
            walk = self._strings_walked(key, begin, seen.join(s, s.c.child == seen.c.child))
            d: FromClause = walk.offset(literal_column("0")).subquery("d")
        else:
            d = self._nearby(self._strings_walked(key, begin, t.string_index).limit(most(budget)), key)
        row, p = self.row(), t.string_index.alias("p")
        same = and_(p.c.child == d.c.child, p.c.rid == d.c.rid, p.c.param == self._parameter)
        earlier = select(literal(1)).where(same, p.c.folded >= self._lowest, p.c.folded < d.c.key0)
        first = ~earlier.offset(literal_column("0")).correlate(d).exists()
        found = select(*resources.columns(row, self.view), d.c.key0).select_from(self._join(d, row))
        filters = self.filters(row, home_seen=driver.shape == "seen" or self.sighted)
        return found.where(first, *filters).order_by(*index_order(d.c.key0, d.c.rid, key))

    def _strings_walked(self, key: Key, begin: Position | None, source: FromClause) -> Select[Any]:
        """The strings that match, in their order."""
        s = t.string_index
        walk = select(s.c.child, s.c.rid, s.c.folded.label("key0")).select_from(source)
        walk = walk.where(self._begins(s), *steps(s.c.folded, s.c.rid, key, begin))
        return walk.order_by(*index_order(s.c.folded, s.c.rid, key))

    def _named(self, key: Key, begin: Position | None, budget: int | None) -> Select[Any]:
        """By a string, along all of that parameter: each resource by its lowest, or by its highest."""
        assert key.parameter is not None
        s = t.string_index
        walk = select(s.c.child, s.c.rid, s.c.folded.label("key0"))
        own = (self.own(s), s.c.param == literal(key.parameter.number))
        end = s.c.highest if key.descending else s.c.lowest
        walk = walk.where(*own, end, *steps(s.c.folded, s.c.rid, key, begin))
        walk = walk.order_by(*index_order(s.c.folded, s.c.rid, key)).limit(most(budget))
        return self._joined(walk, key)

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

    def matching(self, driver: Driver, limit: int | None, budget: int | None = None) -> Select[Any]:
        """A row for each match, to be counted, among the first `budget` rows of a walk."""
        row = self.row()
        found = select(literal(1)).select_from(self.source(driver, row, budget))
        seen = self.asked(driver, budget)
        found = found.where(*self.begun(driver, row), *self.filters(row, home_seen=seen))
        return found.limit(None if limit is None else literal_column(str(limit)))

    def places(self, driver: Driver, limit: int, budget: int, *columns: str) -> Select[Any]:
        """Some columns of what matches, in no order, among the first `budget` rows of a walk."""
        row = self.row()
        source = self.source(driver, row, budget)
        found = select(*(row.c[name] for name in columns)).select_from(source)
        filters = self.filters(row, home_seen=self.asked(driver, budget))
        return found.where(*self.begun(driver, row), *filters).limit(literal_column(str(limit)))

    def counted_children(self, limit: int) -> Select[Any]:
        """How many children are in the caller's sight, counted to `limit`."""
        some = self.seen().limit(literal_column(str(limit))).subquery()
        return select(func.count()).select_from(some)
