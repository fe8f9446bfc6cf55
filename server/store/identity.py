"""Claims of unique identifiers read back: whose a number is."""

from typing import Any

from sqlalchemy import Connection, and_, bindparam, false, select, true

from server.store import tables as t
from server.store.database import Prepared
from server.store.row import VERY_RESTRICTED

_row = t.resource_patient
_columns = (
    _row.c.id, _row.c.child, _row.c.rid, _row.c.version, _row.c.last_updated, _row.c.body, _row.c.author,
    true().label("whole"), false().label("withheld"),
)  # fmt: skip
_claims = (
    select(*_columns)
    # Whichever of the records of a child has it, the one in use is meant.
    .join(t.identity, and_(t.identity.c.child == _row.c.child, t.identity.c.child == _row.c.rid))
    .where(t.identity.c.system == bindparam("system"), t.identity.c.value == bindparam("value"))
)
_of_before = (
    select(*_columns)
    .join(t.superseded, and_(t.superseded.c.child == _row.c.child, t.superseded.c.child == _row.c.rid))
    .where(t.superseded.c.system == bindparam("system"), t.superseded.c.value == bindparam("value"))
)
# A child that is absent to all but the named cannot be traced.
_known = _row.c.restriction.op("&")(VERY_RESTRICTED) == 0
_claimed = {True: Prepared(_claims), False: Prepared(_claims.where(_known))}
_led = {True: Prepared(_of_before), False: Prepared(_of_before.where(_known))}


def claimed(
    connection: Connection, system: str, value: str, *, absent: bool = False
) -> list[tuple[Any, ...]]:
    """The Patient that claims an identifier, or where none does, those that had it before, as
    `store.resources.columns`; whoever asks. `absent`: of a child too that is so to all but the named."""
    asked = {"system": system, "value": value}
    if found := _claimed[absent](connection, **asked):
        return found
    # Nobody is led past a child who is not to be known of to another.
    taken = not absent and _claimed[True](connection, **asked)
    return [] if taken else _led[absent](connection, **asked)
