"""Children who may be alike: found by the keys that they share, with what is said of them; and what was
decided of two of them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Text,
    any_,
    bindparam,
    case,
    cast,
    func,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from server.store import recordset
from server.store import tables as t
from server.store.database import Prepared

OPEN, SAME, DIFFERENT, UNSURE = 0, 1, 2, 3
"""What was decided of two children: nothing yet; they are one; they are two; nobody can tell."""

_ONE_KEY, _ALL_KEYS = 200, 60
"""Children taken of one key, and of all together: those who share the most keys."""

Said = list[str]
"""What is said of a child: by its Patient first, then by others."""

# ---- who is alike ------------------------------------------------------------------------------------------

_keys = func.unnest(cast(bindparam("keys"), ARRAY(BigInteger))).table_valued("h").render_derived()
_of_key = (
    select(t.blocking.c.child)
    .where(t.blocking.c.h == _keys.c.h, t.blocking.c.child != bindparam("child"))
    .limit(_ONE_KEY)
    .lateral("of_key")
)
_met = (
    select(_of_key.c.child)
    .select_from(_keys.join(_of_key, true()))
    .group_by(_of_key.c.child)
    .order_by(func.count().desc(), _of_key.c.child)
    .limit(_ALL_KEYS)
    .cte("met")
    .prefix_with("MATERIALIZED")
)
_near = Prepared(select(_met.c.child))


def near(connection: Connection, child: int, keys: Iterable[int]) -> list[int]:
    """The other children who share a key, whoever asks; in one statement, whatever the number of children."""
    return [found for (found,) in _near(connection, child=child, keys=list(keys))]


_l = t.likeness
_first = case((_l.c.rid == _l.c.child, 0), else_=1)
_candidates = Prepared(
    select(_l.c.child, _l.c.rid, _l.c.said)
    .select_from(_met.join(_l, _l.c.child == _met.c.child))
    .order_by(_l.c.child, _first, _l.c.rid)
)


def candidates(connection: Connection, child: int, keys: Iterable[int]) -> dict[int, Said]:
    """The same, with what is said of each."""
    return _with_patient(_candidates(connection, child=child, keys=list(keys)))


_b = t.blocking.alias("own")
_of_own_key = (
    select(t.blocking.c.child)
    .where(t.blocking.c.h == _b.c.h, t.blocking.c.child != _b.c.child)
    .limit(_ONE_KEY)
    .lateral("of_own_key")
)
_like_own = (
    select(_of_own_key.c.child)
    .select_from(_b.join(_of_own_key, true()))
    .where(_b.c.child == bindparam("child"))
    .group_by(_of_own_key.c.child)
    .order_by(func.count().desc(), _of_own_key.c.child)
    .limit(_ALL_KEYS)
    .cte("like_own")
    .prefix_with("MATERIALIZED")
)
_and_own = union_all(
    select(_like_own.c.child), select(cast(bindparam("child"), BigInteger).label("child"))
).subquery("and_own")
_alike = Prepared(
    select(_l.c.child, _l.c.rid, _l.c.said)
    .select_from(_and_own.join(_l, _l.c.child == _and_own.c.child))
    .order_by(_l.c.child, _first, _l.c.rid)
)


def alike(connection: Connection, child: int) -> dict[int, Said]:
    """What is said of a child, and of the others who share a key with it: in one statement too."""
    return _with_patient(_alike(connection, child=child))


_said = Prepared(
    select(_l.c.child, _l.c.rid, _l.c.said)
    .where(_l.c.child == any_(cast(bindparam("children"), ARRAY(BigInteger))))
    .order_by(_l.c.child, _first, _l.c.rid)
)


def said(connection: Connection, children: Iterable[int]) -> dict[int, dict[int, str]]:
    """What is said of children, by child and the resource that says it."""
    found: dict[int, dict[int, str]] = {}
    for child, rid, text in _said(connection, children=list(children)):
        found.setdefault(child, {})[rid] = text
    return found


def _with_patient(rows: Iterable[Sequence[Any]]) -> dict[int, Said]:
    """By child; who has no Patient (yet, or any more) is nobody to be alike."""
    found: dict[int, Said] = {}
    for child, rid, text in rows:
        if rid == child or child in found:
            found.setdefault(child, []).append(text)
    return found


# ---- numbers that led to a child ---------------------------------------------------------------------------

_wanted = recordset.recordset("wanted", {"system": Text(), "value": Text()})
_s = t.superseded
_superseded = Prepared(
    select(_s.c.system, _s.c.value, _s.c.child)
    .join(_wanted, (_s.c.system == _wanted.c.system) & (_s.c.value == _wanted.c.value))
    .distinct()
)


def superseded(connection: Connection, claims: Iterable[tuple[str, str]]) -> list[tuple[str, str, int]]:
    """(system, value, child) of those who had one of the identifiers before."""
    wanted = recordset.text({"system": system, "value": value} for system, value in claims)
    return [(row[0], row[1], row[2]) for row in _superseded(connection, wanted=wanted)]


_holders = Prepared(
    select(t.identity.c.system, t.identity.c.value, t.identity.c.child).join(
        _wanted, (t.identity.c.system == _wanted.c.system) & (t.identity.c.value == _wanted.c.value)
    )
)


def holders(connection: Connection, claims: Collection[tuple[str, str]]) -> list[tuple[str, str, int]]:
    """(system, value, child) of those who have one of the identifiers; where nobody has, of who had."""
    wanted = recordset.text({"system": system, "value": value} for system, value in claims)
    held = [(row[0], row[1], row[2]) for row in _holders(connection, wanted=wanted)]
    left = set(claims) - {(system, value) for system, value, _ in held}
    return held + (superseded(connection, left) if left else [])


# ---- what was decided --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pair:
    """Two children who may be one. `child` is the lower number. `task`: the id of what asks."""

    child: int
    other: int
    state: int
    weight: float
    task: str | None


@dataclass(frozen=True, slots=True)
class Decider:
    """Who decided, when and why."""

    at: datetime
    agency: int
    client: str
    account: str | None
    reason: str


_p = t.identity_pair
_COLUMNS = (_p.c.child, _p.c.other, _p.c.state, _p.c.weight, _p.c.task)
_either = cast(bindparam("child"), BigInteger)
_pairs = Prepared(select(*_COLUMNS).where(or_(_p.c.child == _either, _p.c.other == _either)))


def pairs(connection: Connection, child: int) -> list[Pair]:
    """Every pair of which the child is one, decided or not."""
    return [Pair(*row) for row in _pairs(connection, child=child)]


def pair(connection: Connection, one: int, other: int) -> Pair | None:
    """The pair of these two."""
    found = pairs(connection, one)
    return next((each for each in found if {each.child, each.other} == {one, other}), None)


def ask(connection: Connection, one: int, other: int, weight: float, task: str | None, at: datetime) -> None:
    """Keep that two are alike; whoever knows them already keeps what was decided."""
    low, high = sorted((one, other))
    line = insert(_p).values(child=low, other=high, state=OPEN, weight=weight, task=task, found=at)
    connection.execute(line.on_conflict_do_nothing())


def decide(connection: Connection, one: int, other: int, state: int, by: Decider) -> None:
    """What was decided of two children; it holds for ever, or until it is decided otherwise.

    Two whom nothing had found alike may be decided too: whoever makes a new identity for a child says by
    `DIFFERENT` that it is never to be asked whether it is the old one.
    """
    low, high = sorted((one, other))
    said = {
        "state": state, "decided": by.at, "agency": by.agency, "client": by.client, "account": by.account,
        "reason": by.reason,
    }  # fmt: skip
    line = insert(_p).values(child=low, other=high, weight=0.0, found=by.at, **said)
    connection.execute(line.on_conflict_do_update(constraint=_p.primary_key, set_=said))


def forget(connection: Connection, child: int) -> None:
    """Nothing is asked of a child any more who is taken out; what was decided goes too."""
    connection.execute(_p.delete().where(or_(_p.c.child == child, _p.c.other == child)))


def close(connection: Connection, child: int) -> None:
    """What was open of a child is asked no more: its Patient was deleted."""
    asked = or_(_p.c.child == child, _p.c.other == child)
    connection.execute(_p.delete().where(asked, _p.c.state.in_((OPEN, UNSURE))))
