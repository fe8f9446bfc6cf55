"""What is kept back of restricted children, and of what was decided not to be shared, as SQL.

Hardly a row has anything kept back, but a statement sets up every subquery in it before it reads one. So what
is asked of those few stands in a function of the database, `kept_back`, which is set up when it is called
(migrations/versions/0014_restriction.py).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    FromClause,
    SmallInteger,
    Text,
    cast,
    func,
    literal,
    null,
    or_,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.definition.library import library
from server.search.sight import Eyes

WHEREABOUTS, ALL = 1, 2
"""Bits of what is kept back: where the child is, and whatever tells of it; the row."""


def has(row: FromClause, bits: int) -> ColumnElement[bool]:
    """True for rows with one of these bits of `restriction`."""
    held: ColumnElement[int] = row.c.restriction.op("&")(literal(bits, SmallInteger))
    return held != literal(0)


def restrictable(row: FromClause) -> ColumnElement[bool]:
    """True for few rows: of the others nothing more has to be asked."""
    return or_(row.c.restriction > literal(0), shared(row))


def shared(row: FromClause) -> ColumnElement[bool]:
    """The row speaks of further children."""
    return func.cardinality(row.c.others) > literal(0) if "others" in row.c else row.c.shared


def kept_back(row: FromClause, bits: int, eyes: Eyes, purpose: str | None) -> ColumnElement[bool]:
    """True for rows of which any of these is kept back from who looks, because a child that they speak of,
    home or other, is restricted and they are not named, or because it was decided not to be shared with them.

    That a child exists is kept from nobody by a decision about everything: only where the child is. The
    decision itself is a part of what is not shared. What the agency wrote is not, unless it was decided about
    the very person.
    """
    others = row.c.others if "others" in row.c else cast(null(), ARRAY(BigInteger))
    found: ColumnElement[int] = func.kept_back(
        *(row.c.child, row.c.restriction, cast(shared(row), Boolean), others),
        *(row.c.rid, row.c.type, row.c.kind, row.c.author, row.c.tok),
        literal(library().type_number("Patient"), SmallInteger),
        literal(eyes.agency, SmallInteger),
        literal(eyes.person, Text),
        *eyes.numbers,
        cast(null() if purpose is None else literal(purpose, Text), Text),
        type_=SmallInteger(),
    )
    return found.op("&")(literal(bits, SmallInteger)) != literal(0)
