"""Where a resource lives: the global directory of ids, and the numbers that tables are joined by."""

from collections.abc import Iterable
from hashlib import blake2b
from threading import Lock
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    SmallInteger,
    Text,
    bindparam,
    cast,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.types import TypeEngine

from server.store import recordset
from server.store import tables as t
from server.store.database import Prepared

BLOCK = 64


class RidSource:
    """Numbers for rows, taken from the sequence 64 at a time; a process keeps what is left of its block."""

    def __init__(self) -> None:
        self._next = self._end = 0
        self._lock = Lock()

    def take(self, connection: Connection) -> int:
        """A number that no other row has or will have."""
        with self._lock:
            if self._next == self._end:
                self._next = int(_next_block(connection)[0][0])
                self._end = self._next + BLOCK
            self._next += 1
            return self._next - 1


_next_block = Prepared(select(func.nextval("rid")))

_KEY: dict[str, TypeEngine[Any]] = {"type": SmallInteger(), "id": Text()}
_wanted = recordset.recordset("wanted", _KEY)
_find = Prepared(
    select(
        t.locator.c.type, t.locator.c.id, t.locator.c.child, t.locator.c.rid, t.resource_patient.c.restriction
    )
    .join(_wanted, (t.locator.c.type == _wanted.c.type) & (t.locator.c.id == _wanted.c.id))
    .outerjoin(
        t.resource_patient,
        (t.resource_patient.c.child == t.locator.c.child) & (t.resource_patient.c.rid == t.locator.c.child),
    )
)


def places(
    connection: Connection, keys: Iterable[tuple[int, str]]
) -> dict[tuple[int, str], tuple[int, int, int]]:
    """(type, id) → (child, rid, restriction of the child); what was never reserved is left out."""
    rows = _find(connection, wanted=recordset.text({"type": type_, "id": id_} for type_, id_ in keys))
    return {(row[0], row[1]): (row[2], row[3], row[4] or 0) for row in rows}


_line: dict[str, Any] = {name: bindparam(name) for name in ("type", "id", "child", "rid")}
_reserve = Prepared(insert(t.locator).values(_line).on_conflict_do_nothing().returning(t.locator.c.rid))


def reserve(connection: Connection, type_: int, id_: str, rid: int) -> bool:
    """Take an id for a resource whose home child is not known yet; False: it is taken already."""
    return bool(_reserve(connection, type=type_, id=id_, child=rid, rid=rid))


_lock = Prepared(
    select(t.locator.c.child, t.locator.c.rid)
    .where(t.locator.c.type == bindparam("type"), t.locator.c.id == bindparam("id"))
    .with_for_update()
)


def lock(connection: Connection, type_: int, id_: str) -> tuple[int, int] | None:
    """(child, rid), held against other writers until the transaction ends.

    What the resource is then must be asked in a statement of its own: this one may have waited.
    """
    rows = _lock(connection, type=type_, id=id_)
    return (rows[0][0], rows[0][1]) if rows else None


_move = Prepared(
    update(t.locator)
    .where(t.locator.c.type == bindparam("of_type"), t.locator.c.id == bindparam("of_id"))
    .values(child=bindparam("to_child"))
)


def move(connection: Connection, type_: int, id_: str, rid: int, former: int, child: int) -> None:
    """A resource belongs to another child than before (or its child is known at last).

    Its earlier versions stay with the children they were about, and are found from here.
    """
    _move(connection, of_type=type_, of_id=id_, to_child=child)
    f = t.former_home
    earlier = select(literal(child), f.c.rid, f.c.former).where(f.c.child == former, f.c.rid == rid)
    connection.execute(insert(f).from_select(["child", "rid", "former"], earlier).on_conflict_do_nothing())
    connection.execute(insert(f).values(child=child, rid=rid, former=former).on_conflict_do_nothing())


_EVERY_NAME = 8_450_011_900
_MANY = 1000
"""Names that a transaction may hold one by one: all transactions together have room for a few thousand."""

_keys = func.unnest(cast(bindparam("keys"), ARRAY(BigInteger))).table_valued("key").render_derived()
_alone = Prepared(
    select(func.pg_advisory_xact_lock_shared(_EVERY_NAME), func.pg_advisory_xact_lock(_keys.c.key))
)
_all_alone = Prepared(select(func.pg_advisory_xact_lock(_EVERY_NAME)))


def alone(connection: Connection, *texts: str) -> None:
    """Hold names until the transaction ends; others who want one of them wait."""
    if len(texts) > _MANY:
        _all_alone(connection)
        return
    digests = (blake2b(text.encode(), digest_size=8).digest() for text in texts)
    # In one order for all, so that nobody waits for whom he keeps waiting.
    _alone(connection, keys=sorted(int.from_bytes(digest, signed=True) for digest in digests))


# ---- references and what they lead to ----------------------------------------------------------------------

_STRIPES = 256
"""Locks that references share, so that a transaction of thousands of references holds no more than these."""

_FIRST_STRIPE = 8_450_011_000


def _stripe(type_: int, id_: str) -> int:
    return _FIRST_STRIPE + blake2b(f"{type_}/{id_}".encode(), digest_size=1).digest()[0] % _STRIPES


_stripes = func.unnest(cast(bindparam("stripes"), ARRAY(BigInteger))).table_valued("stripe").render_derived()
_bury = Prepared(select(func.pg_advisory_xact_lock(cast(bindparam("stripe"), BigInteger))))
_refer = Prepared(select(func.pg_advisory_xact_lock_shared(_stripes.c.stripe)))


def refer(connection: Connection, keys: Iterable[tuple[int, str]]) -> None:
    """What these (type, id) name is not deleted before the transaction ends, or is deleted already.

    Whether it is there must be asked in a later statement: this one may have waited.
    """
    _refer(connection, stripes=sorted({_stripe(*key) for key in keys}))


def bury(connection: Connection, type_: int, id_: str) -> None:
    """Nobody begins to refer to it before the transaction ends, and who has begun has ended."""
    _bury(connection, stripe=_stripe(type_, id_))
