"""The rows of resources taken out of every table, as `rule` says of each."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TypeVar

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    SmallInteger,
    Text,
    any_,
    bindparam,
    cast,
    delete,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.store import likeness, recordset, writing
from server.store import tables as t
from server.store.database import Prepared
from server.store.expunge import rule, trace
from server.store.expunge.find import Place, Rows
from server.store.merge import ledger

T = TypeVar("T")

_AT_ONCE = 1000

_gone = recordset.recordset("gone", {"child": BigInteger(), "type": SmallInteger(), "rid": BigInteger()})
_nothing = select(literal(1))


def _by_place() -> Iterator[CTE]:
    for table in rule.by_place():
        # The type stands in some keys: without it every type of the child would be looked at.
        key = [name for name in ("child", "type", "rid") if name in table.primary_key.columns]
        same = recordset.same(table, _gone, *({"child", "rid"} | set(key)))
        yield delete(table).where(*same).cte(f"{table.name}_out")
    spoken = delete(t.about).where(*recordset.same(t.about, _gone, "child", "rid"))
    yield spoken.cte("about_out")
    given = delete(t.sight).where(t.sight.c.child == _gone.c.child, t.sight.c.basis == _gone.c.rid)
    yield given.cte("sight_out")


_take = Prepared(_nothing.add_cte(*_by_place()))

_named = recordset.recordset("named", {"type": SmallInteger(), "id": Text()})
_unlist = Prepared(
    _nothing.add_cte(
        # What is seen with others too is seen with these alone.
        *(
            delete(table).where(table.c.type == _named.c.type, table.c.id == _named.c.id).cte(table.name)
            for table in (t.locator, t.context)
        )
    )
)


def _is_left(row: FromClause) -> ColumnElement[bool]:
    same = (row.c[name] == t.presence.c[name] for name in ("child", "type", "kind"))
    return select(literal(1)).select_from(row).where(*same).correlate(t.presence).exists()


_of_children = t.presence.c.child == any_(cast(bindparam("children"), ARRAY(BigInteger)))
_unpresent = Prepared(
    delete(t.presence).where(_of_children, ~_is_left(t.resource.alias("r")), ~_is_left(t.history.alias("h")))
)


def take(connection: Connection, rows: Collection[Rows], named: Iterable[Place]) -> None:
    """Every version at these places; `named`: the resources of which nothing is left, whose ids are free."""
    places = list(named)
    for some in _pieces(sorted(rows)):
        writing.retire(connection, [(each.child, each.type, each.rid) for each in some])
        gone = ({"child": each.child, "type": each.type, "rid": each.rid} for each in some)
        _take(connection, gone=recordset.text(gone))
    for batch in _pieces(places):
        _unlist(connection, named=recordset.text({"type": each.type, "id": each.id} for each in batch))
    _unpresent(connection, children=sorted({each.child for each in rows}))
    ledger.forget(connection, {each.rid for each in places})
    trace.remove(connection, places)


def _pieces(all_: Sequence[T]) -> Iterator[Sequence[T]]:
    return (all_[at : at + _AT_ONCE] for at in range(0, len(all_), _AT_ONCE))


# ---- a whole child -----------------------------------------------------------------------------------------

_child = cast(bindparam("child"), BigInteger)
_leave = Prepared(
    _nothing.add_cte(*(delete(each).where(each.c.child == _child).cte(each.name) for each in rule.by_child()))
)
_speaking = t.about.alias("speaking")
_still = select(literal(1)).where(
    *recordset.same(_speaking, t.resource, "child", "rid"), _speaking.c.other != _child
)
_of = t.about.alias("of")
_alone = Prepared(
    update(t.resource)
    .where(
        t.resource.c.shared,
        *recordset.same(t.resource, _of, "child", "rid"),
        _of.c.other == _child,
        ~_still.correlate(t.resource).exists(),
    )
    .values(shared=False)
)
_forget = Prepared(delete(t.about).where(or_(t.about.c.child == _child, t.about.c.other == _child)))
_former = Prepared(delete(t.former_home).where(t.former_home.c.child == _child))
_moved = recordset.recordset("moved", {"child": BigInteger(), "rid": BigInteger()})
_unmoved = Prepared(
    delete(t.former_home).where(
        *recordset.same(t.former_home, _moved, "child", "rid"), t.former_home.c.former == _child
    )
)


def take_child(connection: Connection, child: int, moved: Iterable[Place]) -> None:
    """What is kept about a child as such, once its resources are out. `moved`: those that are another child's
    now; what speaks of this child among others speaks of the others alone from now on."""
    _alone(connection, child=child)
    _forget(connection, child=child)
    _former(connection, child=child)
    _unmoved(
        connection,
        child=child,
        moved=recordset.text({"child": each.child, "rid": each.rid} for each in moved),
    )
    _leave(connection, child=child)
    likeness.forget(connection, child)
