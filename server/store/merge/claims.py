"""What Patients that are one child claim: identifiers among all children, and sessions within the child."""

from collections.abc import Callable, Collection, Iterable

from sqlalchemy import (
    BigInteger,
    Connection,
    and_,
    any_,
    bindparam,
    cast,
    delete,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.store import recordset, writing
from server.store import tables as t
from server.store.database import Prepared
from server.store.merge.versions import pieces

Root = Callable[[int], int]

_roots = cast(bindparam("roots"), ARRAY(BigInteger))

# ---- within a child ----------------------------------------------------------------------------------------

_claimed = recordset.recordset(
    "claims", {"child": BigInteger(), "claim": t.claim.c.claim.type, "rid": BigInteger()}
)
_within = Prepared(
    select(t.claim.c.child, t.claim.c.claim, t.claim.c.rid).where(t.claim.c.child == any_(_roots))
)
# By the key alone: there is no index of what one resource claims, and a child may have claimed thousands.
_unclaim = Prepared(delete(t.claim).where(*recordset.same(t.claim, _claimed, "child", "claim")))
_claim = Prepared(insert(t.claim).from_select(["child", "claim", "rid"], select(*_claimed.c)))


def settle(
    connection: Connection, patients: Iterable[int], home: Callable[[int], int | None], root: Root
) -> None:
    """What is claimed within a child is so where its resource is. Where another resource of the child that
    several are has claimed the same, it is kept for when they are several again.

    `patients`: that are or were one child. `home`: the child with which a resource is kept, None where it is
    gone; `root`: the child that a Patient is."""
    held = _within(connection, roots=sorted(patients))
    taken = {(child, claim) for child, claim, rid in held if home(rid) == child}
    out, back = [], []
    for child, claim, rid in sorted(held, key=lambda row: row[2]):
        to = home(rid)
        if to == child:
            continue
        moves = to is not None and (to, claim) not in taken
        if moves or to is None or root(child) != to:
            out.append({"child": child, "claim": claim, "rid": rid})
        if moves:
            taken.add((to, claim))
            back.append({"child": to, "claim": claim, "rid": rid})
    for statement, rows in ((_unclaim, out), (_claim, back)):
        for some in pieces(rows):
            statement(connection, claims=recordset.text(some))


_row = t.resource.alias("row")
_beside = Prepared(
    select(t.claim.c.rid)
    .join(_claimed, and_(t.claim.c.claim == _claimed.c.claim, t.claim.c.rid != _claimed.c.rid))
    .where(
        t.claim.c.child == any_(_roots),
        t.claim.c.child != _claimed.c.child,
        select(literal(1)).where(_row.c.child == _claimed.c.child, _row.c.rid == t.claim.c.rid).exists(),
    )
    .limit(1)
)


def is_claimed(connection: Connection, patients: Collection[int], claims: Iterable[writing.Claim]) -> bool:
    """Whether another resource of the child that these Patients are has claimed the same, and it is kept for
    when they are several again."""
    rows = [{"child": child, "claim": writing.claimed(*claim), "rid": rid} for *claim, child, rid in claims]
    return bool(rows and _beside(connection, roots=sorted(patients), claims=recordset.text(rows)))


_rids = cast(bindparam("rids"), ARRAY(BigInteger))
_forget = Prepared(delete(t.claim).where(t.claim.c.child == any_(_roots), t.claim.c.rid == any_(_rids)))


def forget(connection: Connection, patients: Collection[int], rids: Collection[int]) -> None:
    """What is kept so of resources that are written anew."""
    _forget(connection, roots=sorted(patients), rids=sorted(rids))


# ---- among all children ------------------------------------------------------------------------------------

_claiming = cast(bindparam("patients"), ARRAY(BigInteger))
_claims = Prepared(
    update(t.identity)
    .where(t.identity.c.child == any_(_roots), t.identity.c.rid == any_(_claiming))
    .values(child=cast(bindparam("to"), BigInteger))
)


def identify(connection: Connection, roots: Collection[int], to: int, patients: Iterable[int]) -> None:
    """What these Patients claim is that child's."""
    _claims(connection, roots=sorted(roots), to=to, patients=sorted(patients))


_of_others = Prepared(
    select(t.identity.c.system, t.identity.c.value).where(
        and_(t.identity.c.child == bindparam("child"), t.identity.c.rid != bindparam("rid"))
    )
)


def of_others(connection: Connection, child: int, rid: int) -> set[tuple[str, str]]:
    """What the other Patients of a child claim."""
    return {(row[0], row[1]) for row in _of_others(connection, child=child, rid=rid)}
