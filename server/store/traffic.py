"""What an agency's callers did of late, read back from the audit: for who tries other rights on it."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select

from server.store import tables as t
from server.store.database import Prepared


class Caller(NamedTuple):
    """Who asked: a client, maybe for somebody, maybe for a purpose."""

    client: str
    account: str | None
    purpose: str | None


class Asked(NamedTuple):
    """How often a caller did something with a type, and whether it was refused."""

    caller: Caller
    interaction: str
    type: int
    refused: bool
    times: int


class Seen(NamedTuple):
    """A resource that a caller was shown, or wrote."""

    caller: Caller
    child: int
    rid: int


_who = (t.audit.c.client, t.audit.c.account, t.audit.c.purpose)
_own = (t.audit.c.agency == bindparam("agency"), t.audit.c.at >= bindparam("since"))
_refused = (t.audit.c.outcome == 403).label("refused")
_done = t.audit.c.outcome < 400
_asked = Prepared(
    select(*_who, t.audit.c.interaction, t.audit.c.type, _refused, func.count())
    .where(*_own, _done | (t.audit.c.outcome == 403), t.audit.c.type.is_not(None))
    .group_by(*_who, t.audit.c.interaction, t.audit.c.type, _refused)
)
# The one child of a line that names none is no child.
_homes = func.array_append(t.audit.c.children, t.audit.c.child)
_hit = func.unnest(t.audit.c.hits).table_valued("rid", name="hit").render_derived()
_seen = Prepared(
    select(*_who, _homes.label("homes"), _hit.c.rid)
    .select_from(t.audit.join(_hit, _hit.c.rid.is_not(None)))
    .where(*_own, _done)
    .distinct()
)


def asked(connection: Connection, agency: int, since: datetime) -> list[Asked]:
    """What was done with which types since then, and what was refused."""
    rows = _asked(connection, agency=agency, since=since)
    return [Asked(Caller(*row[:3]), *row[3:]) for row in rows]


def seen(connection: Connection, agency: int, since: datetime) -> set[Seen]:
    """What was shown or written since then: of a page about several children each resource may be any's."""
    rows: list[tuple[Any, ...]] = _seen(connection, agency=agency, since=since)
    return {Seen(Caller(*row[:3]), child, row[4]) for row in rows for child in row[3]}
