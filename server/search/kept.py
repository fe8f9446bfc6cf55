"""Statements kept by the shape of what they ask, so that each is built once and then only given values."""

from collections.abc import Callable, Hashable
from typing import Any

from sqlalchemy import BindParameter, Integer, Select, bindparam, func, select

from server.store import audit
from server.store.database import Prepared

_MOST = 4096

_statements: dict[Hashable, Prepared] = {}


def kept(shape: Hashable, build: Callable[[], Prepared]) -> Prepared:
    """The statement of a shape, built if it is new."""
    found = _statements.get(shape)
    if found is None:
        if len(_statements) >= _MOST:
            _statements.clear()
        found = _statements[shape] = build()
    return found


def accounted(found: Select[Any], *, several: bool) -> Prepared:
    """Rows, with the account of the first of them: as many as the parameter `shown` says will leave.

    `several`: they are of different children.
    """
    page = found.cte("page").prefix_with("MATERIALIZED")
    shown: BindParameter[int] = bindparam("shown", type_=Integer)
    return Prepared(select(page).add_cte(*audit.of_found(page, shown=shown, several=several)))


def counting(matching: Select[Any]) -> Prepared:
    """How many rows there are."""
    return Prepared(select(func.count()).select_from(matching.subquery()))
