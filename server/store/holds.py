"""Legal holds: what they lie on is not taken out for good, whoever is entitled to do so."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, and_, any_, bindparam, cast, insert, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from server.store import locator
from server.store import tables as t
from server.store.database import Prepared

EVERY_CHILD = 0
EVERYTHING = 0
"""In the place of a `rid`: all that there is of the child."""


@dataclass(frozen=True, slots=True)
class Hold:
    """`resource`: `Type/id` of what it lies on, a Patient with everything of the child; None: it lies on all
    children, or on those resources that are of an authority and of a class of retention. `agency`, `client`
    and `account`: who placed it."""

    id: str
    child: int
    rid: int
    resource: str | None
    reason: str
    placed: datetime
    agency: int
    client: str
    account: str | None = None
    authority: str | None = None
    record_class: str | None = None
    lifted: datetime | None = None
    lifted_reason: str | None = None

    @property
    def is_general(self) -> bool:
        """Whether it lies on more than one child."""
        return self.child == EVERY_CHILD

    def lies_on(self, authority: str | None, record_class: str | None) -> bool:
        """Whether a general one speaks of this authority and this class; what has none is of any."""
        return all(
            said is None or asked is None or said == asked
            for said, asked in ((self.authority, authority), (self.record_class, record_class))
        )


_NAMES = tuple(Hold.__slots__)
_columns = [t.hold.c[name] for name in _NAMES]
_of_children = Prepared(
    select(*_columns).where(
        t.hold.c.child == any_(cast(bindparam("children"), ARRAY(BigInteger))), t.hold.c.lifted.is_(None)
    )
)


def alone(connection: Connection) -> None:
    """Wait until nobody else places a hold or takes anything out; so do they, until the transaction ends."""
    locator.alone(connection, "legal holds")


def place(connection: Connection, hold: Hold) -> None:
    """From now on. Call `alone` first."""
    connection.execute(insert(t.hold).values({name: getattr(hold, name) for name in _NAMES}))


def lift(connection: Connection, id_: str, at: datetime, reason: str) -> Hold | None:
    """The hold that was lifted; None: there is none of this id that is in force."""
    in_force = and_(t.hold.c.id == id_, t.hold.c.lifted.is_(None))
    lifted = update(t.hold).where(in_force).values(lifted=at, lifted_reason=reason).returning(*_columns)
    return _hold(connection.execute(lifted).one_or_none())


def find(connection: Connection, id_: str) -> Hold | None:
    """A hold, lifted or not."""
    return _hold(connection.execute(select(*_columns).where(t.hold.c.id == id_)).one_or_none())


def every(connection: Connection, *, lifted: bool = False) -> list[Hold]:
    """Those in force, or with those that were lifted, in the order in which they were placed."""
    query = select(*_columns).order_by(t.hold.c.placed, t.hold.c.id)
    if not lifted:
        query = query.where(t.hold.c.lifted.is_(None))
    return [Hold(*row) for row in connection.execute(query)]


def of_children(connection: Connection, children: Iterable[int]) -> list[Hold]:
    """Those in force that lie on these children, or on one of their resources, or on all children."""
    return [Hold(*row) for row in _of_children(connection, children=[EVERY_CHILD, *children])]


def of_resource(connection: Connection, child: int, rid: int, *, lifted: bool) -> list[Hold]:
    """Those that were placed on this resource, or on the whole child."""
    own = and_(t.hold.c.child == child, or_(t.hold.c.rid == rid, t.hold.c.rid == EVERYTHING))
    query = select(*_columns).where(own).order_by(t.hold.c.placed, t.hold.c.id)
    if not lifted:
        query = query.where(t.hold.c.lifted.is_(None))
    return [Hold(*row) for row in connection.execute(query)]


def _hold(row: Any) -> Hold | None:
    return None if row is None else Hold(*row)
