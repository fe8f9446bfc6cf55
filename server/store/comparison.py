"""Who is to be compared with all other children: rows written with what is said of a child, and done after.

Whoever writes or looks waits for none of it, and cannot tell by the clock what comes of it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, Text, any_, bindparam, cast, delete, select, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY

from server.fhir import Json
from server.store import recordset
from server.store import tables as t
from server.store.database import Prepared

NOBODY = 0
"""In the place of the child: somebody who was looked for, and is not in the record."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`confirmed`: why a new child is said to be another than those it resembles. `asked`: the Patient that
    was looked for, and `shown`: the children whom the caller was shown then."""

    id: str
    at: datetime
    agency: str
    client: str
    account: str | None = None
    child: int = NOBODY
    confirmed: str | None = None
    asked: Json | None = None
    shown: tuple[int, ...] = ()

    def values(self) -> dict[str, Any]:
        """As a row."""
        said = {"confirmed": self.confirmed, "asked": self.asked, "shown": self.shown}
        return {
            "child": self.child, "at": self.at, "id": self.id, "agency": self.agency, "client": self.client,
            "account": self.account, "detail": {name: value for name, value in said.items() if value},
        }  # fmt: skip


_c = t.comparison
_leave = Prepared(select(1).add_cte(recordset.insertion(_c)))


def leave(connection: Connection, comparison: Comparison) -> None:
    """To be done when the transaction is over."""
    _leave(connection, comparison=recordset.text([comparison.values()]))


_next = (
    select(_c.c.child, _c.c.id)
    .where(_c.c.agency == any_(cast(bindparam("agencies"), ARRAY(Text))), _c.c.at <= bindparam("until"))
    .order_by(_c.c.at)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_COLUMNS = (_c.c.child, _c.c.id, _c.c.at, _c.c.agency, _c.c.client, _c.c.account, _c.c.detail)
_take = Prepared(delete(_c).where(tuple_(_c.c.child, _c.c.id).in_(_next)).returning(*_COLUMNS))


def take(connection: Connection, agencies: list[str], until: datetime) -> Comparison | None:
    """The oldest that nobody is at. It is there again if the transaction fails."""
    rows = _take(connection, agencies=agencies, until=until)
    if not rows:
        return None
    child, id_, at, agency, client, account, detail = rows[0]
    return Comparison(
        id_, at, agency, client, account, child,
        detail.get("confirmed"), detail.get("asked"), tuple(detail.get("shown", ())),
    )  # fmt: skip


_confirmed = Prepared(
    select(_c.c.detail["confirmed"].astext).where(
        _c.c.child == cast(bindparam("child"), BigInteger), _c.c.detail.has_key("confirmed")
    )
)


def confirmed(connection: Connection, child: int) -> str | None:
    """Why a child that is still to be compared is said to be another than those it resembles."""
    rows = _confirmed(connection, child=child)
    return rows[0][0] if rows else None


def put_off(connection: Connection, comparison: Comparison, delay: timedelta) -> None:
    """What failed is tried again when others had their turn."""
    own = update(_c).where(_c.c.child == comparison.child, _c.c.id == comparison.id)
    connection.execute(own.values(at=_c.c.at + delay))
