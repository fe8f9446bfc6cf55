"""How versions come to be kept with other children, and under other hashes.

The row of a child is never moved by an UPDATE: it is deleted there and inserted here, with all that finds it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Integer,
    SmallInteger,
    Table,
    all_,
    and_,
    any_,
    bindparam,
    case,
    cast,
    delete,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from server.store import recordset
from server.store import tables as t
from server.store.database import Prepared
from server.store.merge.versions import Placing, pieces

ALONG: tuple[Table, ...] = (
    t.string_index, t.date_index, t.number_index, t.text_index, t.identifier, t.decision, t.likeness,
    t.blocking, t.superseded, t.alert,
)  # fmt: skip
"""What finds a present version, or is said by it: goes with it as it is."""

OF_VERSIONS: tuple[Table, ...] = (t.context, t.outbox)
"""Rows of single versions."""


_new = recordset.recordset(
    "new",
    {
        "child": BigInteger(), "type": SmallInteger(), "rid": BigInteger(), "version": Integer(),
        "to": BigInteger(), "others": ARRAY(BigInteger), "tok": ARRAY(BigInteger), "moves": Boolean(),
        "unlist": ARRAY(BigInteger), "list": ARRAY(BigInteger),
    },
)  # fmt: skip
_nothing = select(literal(1))
_children = cast(bindparam("children"), ARRAY(BigInteger))


def _again(table: Table, same: Sequence[str], given: Mapping[str, ColumnElement[Any]]) -> tuple[CTE, CTE]:
    """The rows of a table taken out and put in again, with these columns new."""
    names = [c.name for c in table.columns]
    out = (
        delete(table)
        .where(*recordset.same(table, _new, *same))
        .returning(*table.c, *(value.label(f"new_{name}") for name, value in given.items()))
        .cte(f"{table.name}_out")
    )
    back = select(*(out.c[f"new_{name}" if name in given else name] for name in names))
    return out, insert(table).from_select(names, back).cte(f"{table.name}_in")


_PLACE = ("child", "type", "rid")
_at = func.coalesce(t.resource.c.date_low, t.resource.c.last_updated)
_live = t.resource.join(_new, and_(*recordset.same(t.resource, _new, *_PLACE)))
_facet = t.facet
_unlisted = (
    select(
        func.unnest(case((_new.c.moves, t.resource.c.tok), else_=_new.c.unlist)).label("h"),
        _at.label("at"), t.resource.c.rid, t.resource.c.child, _new.c.to, _new.c.unlist.label("unlist"),
    ).select_from(_live).subquery("unlisted")
)  # fmt: skip
_facets_out = (
    delete(_facet)
    .where(*recordset.same(_facet, _unlisted, "h", "at", "rid", "child"))
    .returning(_facet.c.h, _facet.c.at, _facet.c.rid, _unlisted.c.to, _unlisted.c.unlist)
    .cte("facet_out")
)
_kept_facets = select(_facets_out.c.h, _facets_out.c.at, _facets_out.c.rid, _facets_out.c.to).where(
    _facets_out.c.h != all_(_facets_out.c.unlist)
)
_new_facets = select(func.unnest(_new.c.list), _at, t.resource.c.rid, _new.c.to).select_from(_live)
_facets = Prepared(
    _nothing.add_cte(
        insert(_facet)
        .from_select(["h", "at", "rid", "child"], union_all(_kept_facets, _new_facets))
        .on_conflict_do_nothing()
        .cte("facet_in")
    )
)
_shared = {"child": _new.c.to, "tok": _new.c.tok, "shared": func.cardinality(_new.c.others) > 0}
_present = Prepared(_nothing.add_cte(*_again(t.resource, _PLACE, _shared)))
_said = {"child": _new.c.to, "tok": _new.c.tok, "others": _new.c.others}
_past = Prepared(_nothing.add_cte(*_again(t.history, (*_PLACE, "version"), _said)))

_about_out = delete(t.about).where(*recordset.same(t.about, _new, "child", "rid"))
_unspoken = Prepared(_nothing.add_cte(_about_out.cte("about_out")))
_speaks = select(_new.c.to, _new.c.rid, func.unnest(_new.c.others))
_spoken_of = Prepared(
    _nothing.add_cte(insert(t.about).from_select(["child", "rid", "other"], _speaks).cte("about_in"))
)


def _along(table: Table, *same: str) -> Prepared:
    """What goes with a row that moves."""
    names = [c.name for c in table.columns]
    out = delete(table).where(*recordset.same(table, _new, *same)).returning(*table.c, _new.c.to).cte("out")
    back = select(*(out.c["to" if name == "child" else name] for name in names))
    put = insert(table).from_select(names, back).on_conflict_do_nothing()
    return Prepared(_nothing.add_cte(put.cte("back")))


_going = {table.name: _along(table, "child", "rid") for table in ALONG}
_going_of_versions = {table.name: _along(table, "child", "rid", "version") for table in OF_VERSIONS}
_holding = Prepared(
    union_all(
        *(
            select(literal(table.name)).where(
                select(literal(1)).where(table.c.child == any_(_children)).exists()
            )
            for table in (*ALONG, *OF_VERSIONS)
        )
    )
)


def place(connection: Connection, placings: Iterable[Placing]) -> None:
    """Keep each version where it belongs."""
    new = [each for each in placings if each.is_new]
    left = sorted({each.version.child for each in new if each.moves})
    holding = {name for (name,) in _holding(connection, children=left)} if left else set()
    for some in pieces([each for each in new if each.version.present]):
        given = recordset.text(map(_values, some))
        _facets(connection, new=given)
        if spoke := [each for each in some if each.version.others]:
            _unspoken(connection, new=recordset.text(map(_where, spoke)))
        _present(connection, new=given)
        if speaking := [each for each in some if each.others]:
            _spoken_of(connection, new=recordset.text(map(_values, speaking)))
        _send(connection, [_going[name] for name in _going if name in holding], some)
    for some in pieces([each for each in new if not each.version.present]):
        _past(connection, new=recordset.text(map(_values, some)))
    going = [_going_of_versions[name] for name in _going_of_versions if name in holding]
    for some in pieces(new):
        _send(connection, going, some)


def _send(connection: Connection, statements: Iterable[Prepared], some: Iterable[Placing]) -> None:
    moving = recordset.text(_where(each) for each in some if each.moves)
    for statement in statements:
        statement(connection, new=moving)


def _where(each: Placing) -> dict[str, Any]:
    was = each.version
    return {
        "child": was.child, "type": was.type, "rid": was.rid, "version": was.version, "to": each.child,
        "moves": each.moves,
    }  # fmt: skip


def _values(each: Placing) -> dict[str, Any]:
    return {
        **_where(each), "others": each.others, "tok": sorted(each.tokens), "unlist": each.unlist,
        "list": each.list_,
    }  # fmt: skip
