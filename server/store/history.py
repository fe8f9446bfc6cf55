"""The versions of one resource; and of any version, whether it was the first, and until when it was present.

https://hl7.org/fhir/R4/http.html#history
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    any_,
    bindparam,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
    union_all,
)

from server.fhir.period import HIGHEST, LOWEST, Interval
from server.store import audit, recordset, resources
from server.store import tables as t
from server.store.database import Prepared
from server.store.resources import View, columns, homes, of_view, past, placed
from server.store.row import Stored

EVER: Interval = (LOWEST, HIGHEST)

_END = 2**31 - 1
_NOTHING: ColumnElement[Any] = literal_column("0").label("withheld")
"""What is not shown to who sees everything."""


@dataclass(frozen=True, slots=True)
class Span:
    """Which versions: stamped within `written`, and the present one at some moment of `current`."""

    written: Interval = EVER
    current: Interval = EVER
    newest_first: bool = True

    def until(self, instant: datetime) -> "Span":
        """The same, stamped before an instant."""
        low, high = self.written
        return replace(self, written=(low, min(high, instant)))

    @property
    def timed(self) -> bool:
        """Whether it matters when a version was replaced."""
        return self.current != EVER

    @property
    def values(self) -> dict[str, datetime]:
        """The parameters that bound a statement."""
        names = ("written_low", "written_high", "current_low", "current_high")
        return dict(zip(names, (*self.written, *self.current), strict=True))


def written(row: FromClause) -> ColumnElement[bool]:
    """Stamped within the span."""
    at = row.c.last_updated
    return and_(at >= bindparam("written_low"), at < bindparam("written_high"))


def current(
    at: ColumnElement[datetime], deleted: ColumnElement[bool], replaced: ColumnElement[datetime]
) -> ColumnElement[bool]:
    """The present one at some moment of the span. A deletion is of its own moment: what is gone is no version
    that anybody could have read."""
    since = bindparam("current_low", type_=t.history.c.last_updated.type)
    lasted = or_(replaced.is_(None), replaced > since)
    return and_(at < bindparam("current_high"), lasted, or_(not_(deleted), at >= since))


def created(row: FromClause) -> ColumnElement[bool]:
    """Whether there was nothing before this version, or it had been deleted."""
    place, before = t.locator.alias("its_place"), t.history.alias("before")
    gone = select(before.c.deleted).select_from(place.join(before, _of(place, before)))
    gone = gone.where(_same(place, row), before.c.version == row.c.version - 1).correlate(row)
    return func.coalesce(gone.scalar_subquery(), row.c.version == literal_column("1"))


def replaced(row: FromClause) -> ColumnElement[datetime]:
    """When a version of history was followed by the next; null if it never was."""
    place, past, live = t.locator.alias("its_place"), t.history.alias("past"), t.resource.alias("live")
    following = select(past.c.last_updated).select_from(place.join(past, _of(place, past)))
    following = following.where(_same(place, row), past.c.version == row.c.version + 1).correlate(row)
    here = and_(*recordset.same(place, live, "child", "type", "rid"))
    now = (
        select(live.c.last_updated)
        .select_from(place.join(live, here))
        .where(_same(place, row))
        .correlate(row)
    )
    return func.coalesce(following.scalar_subquery(), now.scalar_subquery())


def _same(place: FromClause, row: FromClause) -> ColumnElement[bool]:
    return and_(place.c.type == row.c.type, place.c.id == row.c.id)


def _of(place: FromClause, version: FromClause) -> ColumnElement[bool]:
    """Whichever child the resource was about then."""
    return and_(version.c.child == any_(homes(place)), *recordset.same(place, version, "type", "rid"))


def present(row: FromClause, view: View) -> FromClause:
    """What the caller may see of the present version (or the deletion) of the resource that a row of history
    is of: no version is seen better than that."""
    place, live, last = t.locator.alias("place"), t.resource.alias("live"), t.history.alias("last")

    def of(version: FromClause) -> Select[Any]:
        asked = (view.visible(version).label("visible"), view.whole(version).label("whole"),
                 view.part(version).label("withheld"))  # fmt: skip
        joined = place.join(version, and_(*recordset.same(place, version, "child", "type", "rid")))
        return select(version.c.version, *asked).select_from(joined).where(_same(place, row)).correlate(row)

    newest = of(last).order_by(last.c.version.desc()).limit(1).subquery("newest")
    both = union_all(of(live), select(newest)).subquery("both")
    return select(both).order_by(both.c.version.desc()).limit(1).lateral("present")


# ---- one resource ------------------------------------------------------------------------------------------


@of_view()
def versions(view: View, *, newest_first: bool = True) -> Prepared:
    """The versions of one resource, if the caller may see each and the newest.

    Parameters: type, id, those of `Span.values`, `after` (a version), count, audit_*. Columns: as in `made`.
    """
    return _chosen(view, newest_first=newest_first)


@of_view()
def version(view: View) -> Prepared:
    """One version. Parameters: type, id, version, audit_*. Columns: those of `made`."""
    return _chosen(view, newest_first=None)


def _whoever(row: FromClause) -> list[ColumnElement[Any]]:
    return [row.c[name] for name in ("id", "child", "rid", "version", "last_updated", "body", "author")]


_now, _was = t.resource.alias("r"), t.history.alias("h")
_all_of = Prepared(
    union_all(
        placed(_now).add_columns(*_whoever(_now), true().label("whole"), _NOTHING, false().label("deleted")),
        past(_was).add_columns(*_whoever(_was), true(), _NOTHING, _was.c.deleted),
    ).order_by("version")
)


def all_of(connection: Any, type_: str, number: int, id_: str) -> list[Stored]:
    """Every version of a resource in their order, whoever asks."""
    return [resources.stored(type_, tuple(row)) for row in _all_of(connection, type=number, id=id_)]


def made(type_: str, row: tuple[Any, ...]) -> Stored:
    """A version of history as it is read back: `columns`, deleted, created."""
    *plain, created = row
    return replace(resources.stored(type_, tuple(plain)), created=bool(created))


def after(position: int | None, *, newest_first: bool) -> int:
    """The version that a page of one resource's history comes after."""
    if position is None:
        return _END if newest_first else -1
    return position


def _chosen(view: View, *, newest_first: bool | None) -> Prepared:
    now, was = t.partition(view.type).alias("r"), t.history.alias("h")
    every = (
        union_all(
            placed(now).add_columns(
                *columns(now, view), false().label("deleted"), view.visible(now).label("visible")
            ),
            past(was).add_columns(*columns(was, view), was.c.deleted, view.visible(was).label("visible")),
        )
        .cte("every")
        .prefix_with("MATERIALIZED")
    )
    last = every.alias("last")
    newest = (
        select(last.c.visible, last.c.whole, last.c.withheld)
        .order_by(last.c.version.desc())
        .limit(1)
        .subquery("newest")
    )
    before, following = every.alias("before"), every.alias("following")
    replaced = select(following.c.last_updated).where(following.c.version == every.c.version + 1)
    gone = select(before.c.deleted).where(before.c.version == every.c.version - 1)
    seen = {
        "whole": and_(every.c.whole, newest.c.whole).label("whole"),
        "withheld": every.c.withheld.op("|")(newest.c.withheld).label("withheld"),
    }
    kept = (seen.get(c.name, c) for c in every.c if c.name != "visible")
    created = func.coalesce(gone.scalar_subquery(), every.c.version == 1).label("created")
    chosen = select(*kept, created).where(every.c.visible, newest.c.visible)
    if newest_first is None:
        chosen = chosen.where(every.c.version == bindparam("version"))
    else:
        number = every.c.version
        last_one: ColumnElement[int] = bindparam("after")
        chosen = chosen.where(
            number < last_one if newest_first else number > last_one,
            written(every),
            current(every.c.last_updated, every.c.deleted, replaced.scalar_subquery()),
        )
        chosen = chosen.order_by(number.desc() if newest_first else number.asc()).limit(bindparam("count"))
    found = chosen.cte("found").prefix_with("MATERIALIZED")
    ordered = select(found).order_by(
        found.c.version.asc() if newest_first is False else found.c.version.desc()
    )
    return Prepared(ordered.add_cte(*audit.of_found(found)))
