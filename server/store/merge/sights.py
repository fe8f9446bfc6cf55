"""Who sees a child whose records come together or apart, and which holds lie on it."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Connection,
    Text,
    any_,
    bindparam,
    cast,
    delete,
    insert,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.store import recordset
from server.store import tables as t
from server.store.database import Prepared
from server.store.merge.ledger import Line
from server.store.row import RESTRICTED, VERY_RESTRICTED
from server.store.sight import INVOLVED, NAMED

_s = t.sight
_columns = [_s.c[name] for name in ("principal", "basis", "degree", "valid_from", "valid_until")]
_child = cast(bindparam("child"), BigInteger)
_lines = Prepared(select(*_columns).where(_s.c.child == _child).order_by(_s.c.principal, _s.c.basis))
_none = Prepared(delete(_s).where(_s.c.child == _child))
_given = recordset.recordset("lines", {c.name: c.type for c in _s.columns})
_put = Prepared(insert(_s).from_select([c.name for c in _s.columns], select(*_given.c)))

LABELS = RESTRICTED | VERY_RESTRICTED


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two records: the labels on it, and who sees it."""

    labels: int
    lines: Sequence[Line]


def lines(connection: Connection, child: int) -> tuple[Line, ...]:
    """Who sees a child."""
    return tuple(Line(*row) for row in _lines(connection, child=child))


def put(connection: Connection, child: int, some: Iterable[Line]) -> None:
    """Let these see a child, and nobody else."""
    _none(connection, child=child)
    rows = (
        {
            "child": child, "principal": each.principal, "basis": each.basis, "degree": each.degree,
            "valid_from": each.valid_from, "valid_until": each.valid_until,
        }
        for each in some
    )  # fmt: skip
    _put(connection, lines=recordset.text(rows))


def together(source: Side, target: Side) -> list[Line]:
    """Who sees the child that both are: who works with either works with it; named are those alone who are
    so by whatever bears the stricter label, and by both where there are such."""
    strictest = max(source.labels, target.labels)
    bearing = [side for side in (source, target) if side.labels == strictest]
    sets = [{each.principal for each in side.lines if each.degree == NAMED} for side in bearing]
    named = set.intersection(*sets) or set.union(*sets)
    found: dict[tuple[int, int], Line] = {}
    for each in (*target.lines, *source.lines):
        line = _lowered(each) if each.degree == NAMED and strictest and each.principal not in named else each
        key = (line.principal, line.basis)
        known = found.get(key)
        found[key] = line if known is None or line.valid_until > known.valid_until else known
    return list(found.values())


def apart(
    now: Iterable[Line], home: Callable[[int], int | None], leaving: int, source: Side, target: Side
) -> tuple[list[Line], list[Line]]:
    """Who sees the one that leaves, and who the one that stays. `home`: of what a line hangs on."""
    was = {(each.principal, each.basis): each for each in (*source.lines, *target.lines) if each.basis}
    traced = {each.principal: each for each in source.lines if not each.basis}
    met = {each.principal: each for each in target.lines if not each.basis}
    of_source = {each.basis for each in source.lines}
    gone, left = list(traced.values()), []
    for each in now:
        if not each.basis:
            mine, other = met.get(each.principal), traced.get(each.principal)
            if mine is not None:
                left.append(mine if other == each else each)
            elif other != each:
                left.append(each)
            continue
        before = was.get((each.principal, each.basis))
        line = before if before is not None and _lowered(before) == each else each
        child = home(each.basis)
        goes = each.basis in of_source if child is None else child == leaving
        (gone if goes else left).append(line)
    return gone, left


def _lowered(line: Line) -> Line:
    """Working with the child, and not named for it."""
    return Line(line.principal, line.basis, INVOLVED, line.valid_from, line.valid_until)


# ---- holds -------------------------------------------------------------------------------------------------

_ids = cast(bindparam("ids"), ARRAY(Text))
_held = Prepared(select(t.hold.c.id, t.hold.c.rid, t.hold.c.resource).where(t.hold.c.child == _child))
_taken = (
    delete(t.hold)
    .where(t.hold.c.child == _child, t.hold.c.id == any_(_ids))
    .returning(*t.hold.c)
    .cte("taken")
)
_to = cast(bindparam("to"), BigInteger).label("to")
_laid = insert(t.hold).from_select(
    [c.name for c in t.hold.columns],
    select(*(_to if c.name == "child" else _taken.c[c.name] for c in t.hold.columns)),
)
_moved = Prepared(select(literal(1)).add_cte(_laid.cte("laid")))


def holds(connection: Connection, child: int) -> Mapping[str, tuple[int, str | None]]:
    """By id, the row number that each lies on (0: everything), and what that was called."""
    return {row[0]: (row[1], row[2]) for row in _held(connection, child=child)}


def move_holds(connection: Connection, child: int, to: int, ids: Collection[str]) -> None:
    """They lie on that child from now on."""
    if ids:
        _moved(connection, child=child, to=to, ids=sorted(ids))
