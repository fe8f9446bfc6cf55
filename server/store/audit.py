"""Who looked at what and what came of it: one row a request, written with the answer or before it.

The row of a read or search is part of the statement that reads (a common table expression), so that it is
durable before the answer leaves and costs no round trip. A refusal's row has a transaction of its own.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any, TypedDict, Unpack

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

from server import clock
from server.store import tables as t
from server.store.database import Prepared
from server.store.row import Entry

_SAID = (
    "id", "at", "agency", "client", "interaction", "type", "query",
    "account", "person", "purpose", "rights", "reason",
)  # fmt: skip
_OWN = ("lane", "xid")
"""What the database itself says of a row."""


def of_found(
    found: FromClause, *, shown: int | BindParameter[int] | None = None, several: bool = False
) -> list[Any]:
    """The parts of a statement that account for the rows of `found`, of which at most `shown` leave.

    Parameters as in `parameters`. `several`: the rows may be of different children, then each is named in
    `audit_child`.
    """
    leaving = found if shown is None else select(found.c.child, found.c.rid).limit(shown).cte("leaving")
    hits, each = select(leaving.c.rid).scalar_subquery(), select(leaving.c.child).distinct()
    line = select(
        _child(leaving, several).label("child"),
        *(cast(bindparam(f"audit_{name}"), t.audit.c[name].type).label(name) for name in _SAID),
        case(
            (select(literal(1)).select_from(found).exists(), literal(200, SmallInteger)),
            else_=cast(bindparam("audit_none"), SmallInteger),
        ).label("outcome"),
        func.array(hits, type_=ARRAY(BigInteger)).label("hits"),
    )
    columns = ["child", *_SAID, "outcome", "hits"]
    if several:
        line = line.add_columns(func.array(each.scalar_subquery(), type_=ARRAY(BigInteger)).label("children"))
        columns.append("children")
    parts = [insert(t.audit).from_select(columns, line).cte("logged")]
    if several:
        named = each.add_columns(cast(bindparam("audit_id"), t.audit.c.id.type))
        parts.append(insert(t.audit_child).from_select(["child", "id"], named).cte("logged_child"))
    return parts


def _child(found: FromClause, several: bool) -> Any:
    lowest = func.min(found.c.child)
    only = case((lowest == func.max(found.c.child), lowest), else_=0) if several else lowest
    return func.coalesce(select(only).scalar_subquery(), 0)


def parameters(entry: Entry, none: int = 200) -> dict[str, Any]:
    """The values for `of_found`; `none`: the status when nothing was found."""
    return {"audit_none": none, **{f"audit_{name}": getattr(entry, name) for name in _SAID}}


_insert = Prepared(
    insert(t.audit).values({c.name: bindparam(c.name) for c in t.audit.c if c.name not in _OWN})
)


def record(connection: Connection, entry: Entry) -> None:
    """An entry by itself: a refusal, or an act on no resource."""
    if entry.children:
        _of_each(connection, children=list(entry.children), of=entry.id)
    _insert(connection, **entry.values())


class Said(TypedDict, total=False):
    """What may be said of an act, as `Entry` says it."""

    agency: int
    client: str
    account: str | None
    person: str | None
    purpose: str | None
    rights: str | None
    reason: str | None
    query: str | None
    outcome: int
    child: int
    hits: tuple[int, ...]


def record_act(connection: Connection, at: datetime, interaction: str, **said: Unpack[Said]) -> None:
    """What was done without an interaction, by whom nobody is authorized yet or any more: a sign-in, a token.

    `interaction`: a code of `record.auditevent.vocabulary`. `query`: what it was done to, such as the id of a
    client or an account. Where there is an Access, `record.event.act` fills most of this in.
    """
    nobody: Said = {"agency": 0, "client": "", "query": None, "outcome": 200}
    record(connection, Entry(id=clock.new_id(), at=at, interaction=interaction, type=None, **nobody | said))


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
    only = min(children) if len(children) == 1 else entry.child
    record(connection, replace(entry, child=only, children=tuple(sorted(children))))
