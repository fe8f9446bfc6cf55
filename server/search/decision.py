"""What families and agencies decided of sharing, as SQL: what is not to be shared, what was agreed to.

https://hl7.org/fhir/R4/consent.html
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    SmallInteger,
    Text,
    all_,
    and_,
    any_,
    func,
    literal,
    or_,
    select,
    true,
)

from server.definition.library import library
from server.search.sight import Eyes
from server.store import tables as t
from server.store.row import AGREED, DENIED, OBJECTED


def has(row: FromClause, bits: int) -> ColumnElement[bool]:
    """True for rows with one of these bits of `restriction`."""
    held: ColumnElement[int] = row.c.restriction.op("&")(literal(bits, SmallInteger))
    return held != literal(0)


def denied(
    row: FromClause, child: ColumnElement[int], eyes: Eyes, purpose: str | None
) -> ColumnElement[bool]:
    """True for what was decided not to be shared with who looks, of this child: home, or another that the
    row speaks of. The decision itself is a part of it; what the agency wrote is not, unless it was decided
    about the very person.

    That the child exists is kept from nobody by a decision about everything: only where the child is.
    """
    d = t.decision.alias("d")
    everything = and_(d.c.type == literal(0), row.c.type == literal(library().type_number("Patient")))
    spoken = and_(_speaks(d, row), ~everything)
    others = row.c.author != literal(eyes.agency)
    about = and_(spoken, or_(others, d.c.principal < literal(0)) if eyes.person else others)
    return _some(d, child, eyes, (DENIED,), _for(d, purpose), or_(about, row.c.rid == d.c.rid))


def denied_in_full(row: FromClause, eyes: Eyes, purpose: str | None) -> ColumnElement[bool]:
    """True for the Patient of a child of whom nothing at all is to be shared with who looks."""
    d = t.decision.alias("d")
    whole = (d.c.type == literal(0), d.c.kind == literal(0), _empty(d.c.tokens))
    patient = row.c.type == literal(library().type_number("Patient"))
    return and_(patient, _some(d, row.c.child, eyes, (DENIED,), _for(d, purpose), *whole))


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


def _for(d: FromClause, purpose: str | None) -> ColumnElement[bool]:
    """The line holds for the purpose; who names none is held to every line."""
    if purpose is None:
        return true()
    return or_(_empty(d.c.purposes), literal(purpose, Text) == any_(d.c.purposes))


def _empty(array: ColumnElement[Any]) -> ColumnElement[bool]:
    return func.cardinality(array) == literal(0)
