"""What families agreed to, and what they objected to, as SQL. What was decided not to be shared:
`search.restriction`.

https://hl7.org/fhir/R4/consent.html
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    all_,
    and_,
    func,
    literal,
    or_,
    select,
)

from server.search.sight import Eyes
from server.store import tables as t
from server.store.row import AGREED, OBJECTED


def agreed(row: FromClause, eyes: Eyes) -> ColumnElement[bool]:
    """True for what the agency may see because the family agreed to its service, and did not object since."""
    d, o = t.decision.alias("d"), t.decision.alias("o")
    return and_(
        _some(d, row.c.child, eyes, (AGREED,), _speaks(d, row)),
        ~_some(o, row.c.child, eyes, (OBJECTED,), _speaks(o, row)),
    )


def _some(
    d: FromClause, child: ColumnElement[int], eyes: Eyes, effects: Iterable[int], *asked: ColumnElement[bool]
) -> ColumnElement[bool]:
    """There is a line about the child and who looks that holds at this moment."""
    everybody = and_(d.c.principal == literal(0), literal(eyes.agency, BigInteger) != all_(d.c.spared))
    whom = or_(eyes.are(d.c.principal), everybody)
    now = (d.c.valid_from <= func.now(), d.c.valid_until > func.now())
    effect = or_(*(d.c.effect == literal(each) for each in effects))
    # OFFSET 0 keeps it a question asked of each row found, never a join that the planner may turn round.
    found = select(literal(1)).where(d.c.child == child, effect, whom, *now, *asked)
    # The row may be that of a query two further out.
    return found.offset(literal(0)).correlate_except(d).exists()


def _speaks(d: FromClause, row: FromClause) -> ColumnElement[bool]:
    """The line is about such a resource: its type, its class, one of its codes."""
    return and_(
        or_(d.c.type == literal(0), d.c.type == row.c.type),
        or_(d.c.kind == literal(0), d.c.kind == row.c.kind),
        or_(_empty(d.c.tokens), d.c.tokens.op("&&")(row.c.tok)),
    )


def _empty(array: ColumnElement[Any]) -> ColumnElement[bool]:
    return func.cardinality(array) == literal(0)
