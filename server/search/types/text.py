"""Folded texts in rows of their own, found by how they begin: of strings, of uris, and beside codes."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, FromClause, and_, or_

from server.search.types import Asked, Bind, Place, beside
from server.store.tables import string_index

_AFTER_ALL = "\U0010ffff"


def texts(row: FromClause, place: Place, *criteria: ColumnElement[bool]) -> ColumnElement[bool]:
    """There is a text of this parameter, such that…"""
    return beside(row, string_index, place.type, string_index.c.param == place.parameter.number, *criteria)


def beginning(prefixes: Sequence[str]) -> Asked:
    """The text begins with one of these."""
    ranges = ((prefix, prefix + _AFTER_ALL) for prefix in prefixes)
    return Asked(("begins", len(prefixes)), tuple(end for ends in ranges for end in ends))


def begin(text: ColumnElement[str], values: Sequence[Bind]) -> ColumnElement[bool]:
    """The clause of `beginning`, on a text whose order is that of code points."""
    pairs = zip(values[::2], values[1::2], strict=True)
    return or_(*(and_(text >= low, text < high) for low, high in pairs))
