"""The rows of the audit as they are sealed, and the seals.

A seal holds every row of its lane that its snapshot sees and the snapshot of the seal before did not, so that
a row which is committed late is in the next one, and none is in two. Nothing is written to a row.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Text,
    bindparam,
    cast,
    func,
    insert,
    literal_column,
    select,
    tuple_,
    union,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.store import tables as t
from server.store.database import Prepared
from server.store.snapshot import Snapshot

FORM = 1
"""How rows are hashed now. What was sealed in an earlier form is verified in that."""

_LOCK = 8_450_100
"""The lock of the first lane; the others follow. Any number will do, so long as it is always this one."""

PAGE = 5_000
"""Rows read at once."""

MOST = 50_000
"""Rows after which a seal ends, but for those of the transaction at hand."""

FORMS: Mapping[int, tuple[str, ...]] = {
    1: (
        "lane", "xid", "id", "child", "at", "agency", "client", "interaction", "type", "query", "outcome",
        "hits", "account", "person", "purpose", "rights", "reason", "children",
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seal:
    """One link of a lane's chain. `digest`: of its rows; `previous`: the hash of the seal before."""

    lane: int
    number: int
    at: datetime
    form: int
    snapshot: str
    rows: int
    digest: bytes
    previous: bytes
    key: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Line:
    """A row as text: every column of it."""

    xid: int
    id: str
    child: int
    text: str


# ---- sealing -----------------------------------------------------------------------------------------------

_lanes = func.unnest(cast(bindparam("lanes"), ARRAY(BigInteger))).table_valued("lane").render_derived()
_take = Prepared(select(_lanes.c.lane).where(func.pg_try_advisory_xact_lock(_LOCK + _lanes.c.lane)))


def take(connection: Connection, lanes: Iterable[int]) -> list[int]:
    """Those of the lanes that nobody else is sealing, which nobody else will until the transaction ends."""
    return [lane for (lane,) in _take(connection, lanes=list(lanes))]


_SEAL = t.audit_seal.c
_head = Prepared(select(*_SEAL).where(_SEAL.lane == bindparam("lane")).order_by(_SEAL.number.desc()).limit(1))
_now = Prepared(select(cast(func.pg_current_snapshot(), Text)))
_keep = Prepared(insert(t.audit_seal).values({c.name: bindparam(c.name) for c in _SEAL}))


def head(connection: Connection, lane: int) -> Seal | None:
    """The newest seal of a lane."""
    return next((_seal(row) for row in _head(connection, lane=lane)), None)


def now(connection: Connection) -> Snapshot:
    """What is committed."""
    return Snapshot.parse(_now(connection)[0][0])


def keep(connection: Connection, seal: Seal) -> None:
    """A seal, for good."""
    _keep(connection, **asdict(seal))


def _seal(row: Sequence[Any]) -> Seal:
    lane, number, at, form, snapshot, rows, *content, key, signature = row
    digest, previous = map(bytes, content)
    return Seal(lane, number, at, form, snapshot, rows, digest, previous, key, bytes(signature))


# ---- the rows of a seal ------------------------------------------------------------------------------------

_ROW = t.audit.c
_since, _until = cast(bindparam("since"), BigInteger), cast(bindparam("until"), BigInteger)
_running = cast(bindparam("running"), ARRAY(BigInteger))
_late = cast(bindparam("late"), ARRAY(BigInteger))
_EPOCH: ColumnElement[Any] = literal_column("'epoch'::timestamptz")


def _text(form: int) -> ColumnElement[str]:
    """A row as PostgreSQL writes one, which no setting of a session changes."""
    microseconds = cast(func.extract("epoch", _ROW.at - _EPOCH) * 1_000_000, BigInteger)
    columns = (microseconds if name == "at" else _ROW[name] for name in FORMS[form])
    return cast(func.row(*columns), Text)


def _rows(form: int) -> Prepared:
    """A page of what one snapshot sees and the one before did not, in order."""
    of_lane = (
        _ROW.lane == bindparam("lane"),
        _ROW.xid < _until,
        _ROW.xid != func.all(_running),
        tuple_(_ROW.xid, _ROW.id)
        > tuple_(cast(bindparam("after"), BigInteger), cast(bindparam("after_id"), _ROW.id.type)),
    )
    line = select(_ROW.xid, cast(_ROW.id, Text).label("id"), _ROW.child, _text(form).label("text"))
    # Each by its own range of the index.
    both = union_all(
        line.where(*of_lane, _ROW.xid >= _since), line.where(*of_lane, _ROW.xid == func.any(_late))
    ).subquery("both")
    order = (both.c.xid, both.c.id, both.c.child)
    return Prepared(select(both).order_by(*order).limit(PAGE))


_FIRST = "00000000-0000-0000-0000-000000000000"
_pages = {form: _rows(form) for form in FORMS}


def lines(
    connection: Connection, lane: int, before: Snapshot, snapshot: Snapshot, form: int = FORM
) -> Iterator[Line]:
    """The rows of a seal, in the order in which they are hashed."""
    said = {
        "lane": lane, "since": before.until, "late": list(before.running),
        "until": snapshot.until, "running": list(snapshot.running),
    }  # fmt: skip
    place: tuple[int, str] = (-(2**62), _FIRST)
    while True:
        found = _pages[form](connection, **said, after=place[0], after_id=place[1])
        yield from (Line(*row) for row in found)
        if len(found) < PAGE:
            return
        place = found[-1][0], found[-1][1]


_cut = Prepared(
    select(_ROW.xid)
    .where(_ROW.lane == bindparam("lane"), _ROW.xid >= _since)
    .order_by(_ROW.xid)
    .offset(MOST)
    .limit(1)
)


def cut(connection: Connection, lane: int, before: Snapshot, snapshot: Snapshot) -> Snapshot:
    """The same snapshot, or as much of it as one seal should hold."""
    for (xid,) in _cut(connection, lane=lane, since=before.until):
        return snapshot.before(xid + 1)
    return snapshot


# ---- what a verifier asks ----------------------------------------------------------------------------------


def seals(connection: Connection, lane: int) -> Iterator[Seal]:
    """The chain of a lane, from its beginning."""
    number = -1
    while found := _after(connection, lane=lane, number=number):
        yield from (_seal(row) for row in found)
        number = found[-1][1]


_after = Prepared(
    select(*_SEAL)
    .where(_SEAL.lane == bindparam("lane"), _SEAL.number > cast(bindparam("number"), BigInteger))
    .order_by(_SEAL.number)
    .limit(PAGE)
)


_unhurried = Prepared(select(func.set_config("statement_timeout", "0", False)))


def unhurried(connection: Connection) -> None:
    """From here on a statement of this session may take as long as it does."""
    _unhurried(connection)


def lanes(connection: Connection) -> list[int]:
    """Every lane that there is something in."""
    return [lane for (lane,) in _used(connection)]


_used = Prepared(union(select(_ROW.lane), select(_SEAL.lane)).order_by("lane"))


def beyond(connection: Connection, lane: int) -> list[str]:
    """Rows of a lane that no transaction can have written yet, by id."""
    return [id_ for (id_,) in _beyond(connection, lane=lane)]


_next = cast(cast(func.pg_snapshot_xmax(func.pg_current_snapshot()), Text), BigInteger)
_beyond = Prepared(
    select(cast(_ROW.id, Text)).where(_ROW.lane == bindparam("lane"), _ROW.xid >= _next).limit(100)
)


def unlisted(connection: Connection) -> list[tuple[str, int]]:
    """(id, child) where `audit_child` and the rows of the audit do not say the same."""
    return [(id_, child) for id_, child in _unlisted(connection)]


_named = select(_ROW.id, func.unnest(_ROW.children).label("child"))
_listed = select(t.audit_child.c.id, t.audit_child.c.child)
_differing = union_all(_named.except_all(_listed), _listed.except_all(_named)).subquery("differing")
_unlisted = Prepared(select(cast(_differing.c.id, Text), _differing.c.child).limit(100))
