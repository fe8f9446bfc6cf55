"""The numbers that stand for people, and the PractitionerRoles in which a Practitioner works."""

from collections.abc import Iterable

from sqlalchemy import BigInteger, Connection, SmallInteger, any_, bindparam, cast, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from server.store import tables as t
from server.store.database import Prepared

_hashes = cast(bindparam("practitioners"), ARRAY(BigInteger))
_roles = Prepared(
    select(t.resource.c.rid)
    .select_from(
        t.facet.join(
            t.resource,
            (t.resource.c.child == t.facet.c.child)
            & (t.resource.c.rid == t.facet.c.rid)
            & (t.resource.c.type == cast(bindparam("type"), SmallInteger)),
        )
    )
    .where(
        t.facet.c.h == any_(_hashes),
        ~t.resource.c.tok.contains(cast(bindparam("inactive"), ARRAY(BigInteger))),
        or_(t.resource.c.date_low.is_(None), t.resource.c.date_low <= func.now()),
        or_(t.resource.c.date_high.is_(None), t.resource.c.date_high > func.now()),
    )
)


def roles(connection: Connection, type_: int, practitioners: Iterable[int], inactive: int) -> tuple[int, ...]:
    """The rids of the PractitionerRoles that name one of these (hashes) and hold now; `inactive`: the hash of
    what says that one does not."""
    found = _roles(connection, type=type_, practitioners=list(practitioners), inactive=[inactive])
    return tuple(rid for (rid,) in found)
