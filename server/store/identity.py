"""Claims of unique identifiers read back: whose a number is."""

from typing import Any

from sqlalchemy import Connection, and_, bindparam, false, select, true

from server.store import recordset
from server.store import tables as t
from server.store.database import Prepared
from server.store.row import VERY_RESTRICTED

_row = t.resource_patient
_claims = (
    select(
        _row.c.id, _row.c.child, _row.c.rid, _row.c.version, _row.c.last_updated, _row.c.body, _row.c.author,
        true().label("whole"), false().label("withheld"),
    )
    .join(t.identity, and_(*recordset.same(t.identity, _row, "child", "rid")))
    .where(t.identity.c.system == bindparam("system"), t.identity.c.value == bindparam("value"))
)  # fmt: skip
_claimed = Prepared(_claims)
# A child that is absent to all but the named cannot be traced.
_traceable = Prepared(_claims.where(_row.c.restriction.op("&")(VERY_RESTRICTED) == 0))


def claimed(
    connection: Connection, system: str, value: str, *, absent: bool = False
) -> list[tuple[Any, ...]]:
    """The Patient that claims an identifier, as `store.resources.columns`; whoever asks. `absent`: of a child
    too that is so to all but the named."""
    return (_claimed if absent else _traceable)(connection, system=system, value=value)
