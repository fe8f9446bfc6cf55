"""Claims of unique identifiers read back: whose a number is."""

from typing import Any

from sqlalchemy import Connection, and_, bindparam, false, select, true

from server.store import recordset
from server.store import tables as t
from server.store.database import Prepared

_row = t.resource_patient
_claimed = Prepared(
    select(
        _row.c.id, _row.c.child, _row.c.rid, _row.c.version, _row.c.last_updated, _row.c.body, _row.c.author,
        true().label("whole"), false().label("withheld"),
    )
    .join(t.identity, and_(*recordset.same(t.identity, _row, "child", "rid")))
    .where(
        t.identity.c.system == bindparam("system"),
        t.identity.c.value == bindparam("value"),
        # A child that is absent to all but the named cannot be traced.
        _row.c.restriction < 2,
    )
)  # fmt: skip


def claimed(connection: Connection, system: str, value: str) -> list[tuple[Any, ...]]:
    """The Patient that claims an identifier, as `store.resources.columns`; whoever asks."""
    return _claimed(connection, system=system, value=value)
