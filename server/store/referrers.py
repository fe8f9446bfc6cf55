"""What refers to a resource, whoever may see it: asked before the resource may go.

References that may be listed have facets; a Patient is found in the columns and rows that say whose a
resource is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    FromClause,
    Integer,
    Select,
    SmallInteger,
    all_,
    and_,
    any_,
    bindparam,
    cast,
    literal,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.store import recordset
from server.store import tables as t
from server.store.database import Prepared

MOST = 1000
"""How many are told of at once."""


@dataclass(frozen=True, slots=True)
class Referrer:
    """A resource that refers to another; `of`: to which of those asked about."""

    of: int
    child: int
    type: int
    rid: int
    id: str


@dataclass(frozen=True, slots=True)
class Hash:
    """A facet that a reference to number `of` has; `type` is that of the resource it stands in, 0: any."""

    of: int
    h: int
    type: int

    def values(self) -> dict[str, int]:
        """By column."""
        return {"of": self.of, "h": self.h, "type": self.type}


_wanted = recordset.recordset("wanted", {"of": Integer(), "h": BigInteger(), "type": SmallInteger()})
_asked = recordset.recordset("asked", {"of": Integer(), "child": BigInteger()})


def _counts(row: FromClause) -> Any:
    """Whether a reference in this row counts: what the server itself keeps about others does not."""
    own = and_(
        row.c.author == literal(0, SmallInteger),
        row.c.type == any_(cast(bindparam("own"), ARRAY(SmallInteger))),
    )
    return and_(row.c.type != all_(cast(bindparam("never"), ARRAY(SmallInteger))), ~own)


def _shown(of: Any, row: FromClause) -> Select[Any]:
    return select(of, row.c.child, row.c.type, row.c.rid, row.c.id).where(_counts(row)).limit(MOST)


def _by_hash(*, typed: bool) -> Select[Any]:
    row, f = t.resource.alias("r"), t.facet
    same = recordset.same(f, row, "child", "rid")
    of_type = row.c.type == _wanted.c.type if typed else literal(0) == literal(0)
    joined = _wanted.join(f, f.c.h == _wanted.c.h).join(row, and_(*same, of_type))
    kind = _wanted.c.type != 0 if typed else _wanted.c.type == 0
    return _shown(_wanted.c.of, row).select_from(joined).where(kind)


_referring = Prepared(union_all(_by_hash(typed=True), _by_hash(typed=False)))


def referring(
    connection: Connection, hashes: Iterable[Hash], never: Sequence[int], own: Sequence[int]
) -> list[Referrer]:
    """Those that have one of the hashes; types `never` do not count, and `own` not if the server wrote it."""
    rows = _referring(
        connection,
        wanted=recordset.text(each.values() for each in hashes),
        never=list(never),
        own=list(own),
    )
    return [Referrer(*row) for row in rows]


def _home() -> Select[Any]:
    row = t.resource.alias("r")
    joined = _asked.join(row, and_(row.c.child == _asked.c.child, row.c.rid != _asked.c.child))
    return _shown(_asked.c.of, row).select_from(joined)


def _spoken_of() -> Select[Any]:
    row, a = t.resource.alias("r"), t.about
    joined = _asked.join(a, a.c.other == _asked.c.child).join(
        row, and_(*recordset.same(a, row, "child", "rid"))
    )
    return _shown(_asked.c.of, row).select_from(joined)


_about = Prepared(union_all(_home(), _spoken_of()))


def about(
    connection: Connection, children: Iterable[tuple[int, int]], never: Sequence[int], own: Sequence[int]
) -> list[Referrer]:
    """Those about one of the children, given as (of, child)."""
    asked = recordset.text({"of": of, "child": child} for of, child in children)
    return [Referrer(*row) for row in _about(connection, asked=asked, never=list(never), own=list(own))]
