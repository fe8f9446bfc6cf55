"""Who wrote the versions of a resource, as the account has it."""

from collections.abc import Collection
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, SmallInteger, Text, any_, bindparam, cast, select
from sqlalchemy.dialects.postgresql import ARRAY

from server.store import tables as t
from server.store.database import Prepared
from server.store.row import Entry

_ROW = t.audit.c
_FIELDS = tuple(each.name for each in fields(Entry))
_WRITING = ["create", "update", "patch"]

_writes = Prepared(
    select(*(cast(_ROW.id, Text).label("id") if name == "id" else _ROW[name] for name in _FIELDS)).where(
        _ROW.child == any_(cast(bindparam("children"), ARRAY(BigInteger))),
        _ROW.interaction == any_(cast(bindparam("interactions"), ARRAY(Text))),
        _ROW.type == cast(bindparam("type"), SmallInteger),
        _ROW.outcome < cast(bindparam("refused"), SmallInteger),
        cast(bindparam("rid"), BigInteger) == any_(_ROW.hits),
    )
)


def writes(connection: Connection, type_: int, rid: int, children: Collection[int]) -> list[Entry]:
    """The lines of its writes; the stamp of a version is that of its line. `children`: under which it was
    ever kept."""
    rows = _writes(
        connection, children=list(children), interactions=_WRITING, type=type_, refused=400, rid=rid
    )
    return [Entry(**dict(zip(_FIELDS, map(_plain, row), strict=True))) for row in rows]


_regrouping = Prepared(
    select(_ROW.at).where(
        _ROW.child == any_(cast(bindparam("children"), ARRAY(BigInteger))),
        _ROW.interaction == any_(cast(bindparam("interactions"), ARRAY(Text))),
    )
)


def regroupings(connection: Connection, children: Collection[int]) -> set[datetime]:
    """When records of the children were merged, or taken apart: the server wrote what was written then."""
    rows = _regrouping(connection, children=list(children), interactions=["merge", "unmerge"])
    return {at for (at,) in rows}


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
