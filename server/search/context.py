"""What is seen by who sees something else: a Binary by its security context, a Provenance by what it is of.

Such a resource tells as much of another as that does itself, so it is seen by who is shown the whole of that.
Where it names none, its author alone sees it.

https://hl7.org/fhir/R4/binary.html#security-context
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
    case,
    literal,
    not_,
    or_,
    select,
)

from server.fhir import Json
from server.store import recordset
from server.store import tables as t

if TYPE_CHECKING:
    from server.search.view import CallerView

NAMED_BY = {"Binary": "securityContext", "Provenance": "target"}
"""The element by which a resource of the type names what it is seen with."""

_OUTLIVING = frozenset({"Provenance"})
"""What tells of a deletion is seen by who may know of the deletion."""

Behind = tuple[tuple["CallerView", tuple[int, ...]], ...]
"""What the caller may read of types with rights of their own, by the numbers of those it reads alike."""

Whole = Callable[[FromClause], ColumnElement[bool]]
"""True for rows that the caller is shown the whole of."""


def named(resource: Json) -> Iterator[str]:
    """The references to what a resource is seen with."""
    element: Any = resource.get(NAMED_BY.get(resource["resourceType"], ""))
    for each in element if isinstance(element, list) else [element]:
        if isinstance(each, dict):
            yield str(each.get("reference", ""))


def shown(row: FromClause, type_: str, agency: int | None, whole: Whole) -> ColumnElement[bool]:
    """True for rows that name what the caller is shown the whole of, or name nothing and are its own, where
    it has any (`agency`)."""
    c = t.context.alias()
    version: ColumnElement[int] = row.c.version
    if "deleted" in row.c:
        # A deletion is seen by who saw what was deleted.
        version = case((row.c.deleted, row.c.version - 1), else_=row.c.version)
    own = and_(c.c.child == row.c.child, c.c.rid == row.c.rid, c.c.version == version)
    any_named = select(literal(1)).where(own).exists()
    unseen = select(literal(1)).where(own, not_(_seen(c, type_, whole))).exists()
    own_or_named = any_named if agency is None else or_(any_named, row.c.author == literal(agency))
    return and_(own_or_named, not_(unseen))


def _seen(c: FromClause, type_: str, whole: Whole) -> ColumnElement[bool]:
    live, there = t.resource.alias(), t.resource.alias()
    seen = _place(c, live, whole(live))
    if type_ not in _OUTLIVING:
        return seen
    gone, later = t.history.alias(), t.history.alias()
    same = recordset.same(later, gone, "child", "type", "rid")
    replaced = select(literal(1)).where(*same, later.c.version > gone.c.version).exists()
    deleted = _place(c, gone, gone.c.deleted, not_(replaced), whole(gone))
    return or_(seen, and_(not_(_place(c, there)), deleted))


def _place(c: FromClause, row: FromClause, *asked: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether what is named is among the rows, where it lives now, and satisfies what is asked."""
    place = t.locator.alias()
    joined = place.join(row, and_(*recordset.same(place, row, "child", "type", "rid")))
    own = and_(place.c.type == c.c.type, place.c.id == c.c.id)
    return select(literal(1)).select_from(joined).where(own, *asked).exists()
