"""Who looked at what and what came of it: one row a request, written with the answer or before it.

The row of a read or search is part of the statement that reads (a common table expression), so that it is
durable before the answer leaves and costs no round trip. A refusal's row has a transaction of its own.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Connection,
    FromClause,
    SmallInteger,
    bindparam,
    case,
    cast,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.store import tables as t
from server.store.database import Prepared
from server.store.row import Entry

_SAID = ("id", "at", "agency", "client", "interaction", "type", "query")


def of_found(
    found: FromClause, *, shown: int | BindParameter[int] | None = None, several: bool = False
) -> list[Any]:
    """The parts of a statement that account for the rows of `found`, of which at most `shown` leave.

    Parameters as in `parameters`. `several`: the rows may be of different children, then each is named in
    `audit_child`.
    """
    hits = select(found.c.rid).limit(shown).scalar_subquery()
    line = select(
        _child(found, several).label("child"),
        *(cast(bindparam(f"audit_{name}"), t.audit.c[name].type).label(name) for name in _SAID),
        case(
            (select(literal(1)).select_from(found).exists(), literal(200, SmallInteger)),
            else_=cast(bindparam("audit_none"), SmallInteger),
        ).label("outcome"),
        func.array(hits, type_=ARRAY(BigInteger)).label("hits"),
    )
    parts = [insert(t.audit).from_select(["child", *_SAID, "outcome", "hits"], line).cte("logged")]
    if several:
        each = select(found.c.child, cast(bindparam("audit_id"), t.audit.c.id.type)).distinct()
        parts.append(insert(t.audit_child).from_select(["child", "id"], each).cte("logged_child"))
    return parts


def _child(found: FromClause, several: bool) -> Any:
    lowest = func.min(found.c.child)
    only = case((lowest == func.max(found.c.child), lowest), else_=0) if several else lowest
    return func.coalesce(select(only).scalar_subquery(), 0)


def parameters(entry: Entry, none: int = 200) -> dict[str, Any]:
    """The values for `of_found`; `none`: the status when nothing was found."""
    return {"audit_none": none, **{f"audit_{name}": getattr(entry, name) for name in _SAID}}


_insert = Prepared(insert(t.audit))


def record(connection: Connection, entry: Entry) -> None:
    """An entry by itself: a refusal, or an act on no resource."""
    _insert(connection, **entry.values())


_of_each = Prepared(
    insert(t.audit_child).from_select(
        ["child", "id"],
        select(
            func.unnest(cast(bindparam("children"), ARRAY(BigInteger))),
            cast(bindparam("of"), t.audit_child.c.id.type),
        ),
    )
)


def record_of_several(connection: Connection, entry: Entry, children: Collection[int]) -> None:
    """An entry for rows that several statements found: of one child, or of each that `audit_child` names."""
    if children:
        _of_each(connection, children=sorted(children), of=entry.id)
    record(connection, replace(entry, child=min(children)) if len(children) == 1 else entry)
