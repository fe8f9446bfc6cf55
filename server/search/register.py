"""What a register is held against, for all of its children at once: who they are, whether they are on roll,
and which marks there are already. Each as the caller may see it.
"""

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    FromClause,
    Integer,
    bindparam,
    cast,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from server.search.view import CallerView
from server.store import recordset, resources
from server.store import tables as t
from server.store.database import Prepared

_children = cast(bindparam("children"), ARRAY(BigInteger))


@resources.of_view()
def identified(view: CallerView, *, withheld: bool) -> Prepared:
    """Patients by their identifiers. Parameters: asked (recordset of at, system, value), type. Columns: at,
    id. `withheld`: what is asked tells of what is withheld of some."""
    row, i = t.partition(view.type).alias("r"), t.identifier.alias("i")
    asked = recordset.recordset("asked", {"at": Integer(), "system": BigInteger(), "value": BigInteger()})
    same = (i.c.value == asked.c.value, i.c.system == asked.c.system)
    # OFFSET 0, here and below: each is looked up by its key, however few rows the planner takes a table for.
    listed = select(i.c.child, i.c.rid).where(*same).offset(literal(0)).lateral("i")
    own = (*recordset.same(listed, row, "child", "rid"), row.c.type == bindparam("type"))
    found = select(row.c.id).where(*own, *_shown(view, row, withheld)).offset(literal(0)).lateral("found")
    return Prepared(
        select(asked.c.at, found.c.id).select_from(asked.join(listed, true()).join(found, true()))
    )


@resources.of_view()
def on_roll(view: CallerView, *, withheld: bool) -> Prepared:
    """Those of the children who have an episode of a kind on a day. Parameters: children, type, kind, school
    (a hash), statuses (hashes), low and high."""
    row = t.partition(view.type).alias("r")
    given = func.unnest(_children).table_valued("child").render_derived(name="given")
    asked = (
        row.c.child == given.c.child,
        row.c.type == bindparam("type"),
        row.c.kind == bindparam("kind"),
        row.c.tok.contains(cast(bindparam("school"), ARRAY(BigInteger))),
        row.c.tok.overlap(cast(bindparam("statuses"), ARRAY(BigInteger))),
        row.c.date_low < cast(bindparam("high"), DateTime(timezone=True)),
        row.c.date_high > cast(bindparam("low"), DateTime(timezone=True)),
    )
    found = select(literal(1)).where(*asked, *_shown(view, row, withheld)).limit(literal(1)).exists()
    return Prepared(select(given.c.child).where(found))


def _shown(view: CallerView, row: FromClause, withheld: bool) -> tuple[ColumnElement[bool], ...]:
    return view.visible(row), ~view.withheld(row) if withheld else true()


_wanted = recordset.recordset("wanted", {"child": BigInteger(), "claim": Uuid(as_uuid=False)})


@resources.of_view()
def claimed(view: CallerView) -> Prepared:
    """What has claims within its child. Parameters: wanted (recordset of child, claim), type. Columns: claim,
    then those of a version, and whether the caller may see it."""
    row, c = t.partition(view.type).alias("r"), t.claim.alias("c")
    listed = (
        select(c.c.child, c.c.claim, c.c.rid)
        .where(*recordset.same(_wanted, c, "child", "claim"))
        .offset(literal(0))
        .lateral("listed")
    )
    own = (*recordset.same(listed, row, "child", "rid"), row.c.type == bindparam("type"))
    asked = (view.visible(row).label("seen"), *resources.columns(row, view))
    found = select(*asked).where(*own).offset(literal(0)).lateral("found")
    return Prepared(
        select(listed.c.child, listed.c.claim, *found.c).select_from(
            _wanted.join(listed, true()).join(found, true())
        )
    )
