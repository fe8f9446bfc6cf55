"""How well a resource answers a search for words or for a place: from 0 to 1.

https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.search.score
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Double,
    FromClause,
    Numeric,
    Select,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from server.definition.searchparameter import SearchParameter, number
from server.search.types import Condition
from server.search.types.near import distance
from server.store import recordset
from server.store.database import Prepared
from server.store.row import Stored
from server.store.tables import number_index, text_index

CODE = "_score"

PARAMETER = SearchParameter(CODE, "number", "", "", (), (), number(CODE), type_of=lambda *_: ())
"""What a sort key by the score is a key of."""

Part = tuple[str, str, int]
"""What a score is made of: how the names of its values begin, the code of the criterion, how many values."""

_WORDS = ("_text", "_content")
_NEAR = "near"
_DIGITS = 6
_BOUNDED: ColumnElement[int] = literal_column("32")
"""Of `ts_rank`: a rank r as r / (r + 1)."""


def parts(conditions: Sequence[Condition]) -> tuple[Part, ...]:
    """What gives the matches of a search a score; nothing where all are equally good."""
    return tuple(
        (f"c{at}", one.parameter.code, len(one.values))
        for at, one in enumerate(conditions)
        if one.modifier is None and (one.parameter.code in _WORDS or one.parameter.code == _NEAR)
    )


def of(
    connection: Connection, rows: Sequence[Stored], ranked: tuple[Part, ...], values: Mapping[str, Any]
) -> dict[int, Any]:
    """The score of each row that a search found, by its rid. `values`: those of the search's criteria."""
    if not (rows and ranked):
        return {}
    places = recordset.text({"child": row.child, "rid": row.rid} for row in rows)
    return dict(_scores(ranked)(connection, **values, places=places))


@lru_cache(maxsize=256)
def _scores(ranked: tuple[Part, ...]) -> Prepared:
    row = recordset.recordset("places", {"child": BigInteger(), "rid": BigInteger()})
    return Prepared(select(row.c.rid, value(row, ranked)))


def value(row: FromClause, ranked: tuple[Part, ...]) -> ColumnElement[Any]:
    """The score as SQL: of several criteria the product. The parameters are those of the criteria."""
    found: ColumnElement[Any] = literal(1.0, Double)
    for name, code, count in ranked:
        one = _nearness(row, name, count) if code == _NEAR else _rank(row, name)
        found = found * func.coalesce(one.scalar_subquery(), literal_column("0.0"))
    # So that it is the same on the page and where the next one begins.
    return func.round(cast(found, Numeric), _DIGITS)


def _rank(row: FromClause, name: str) -> Select[Any]:
    words = text_index.alias("ranked")
    rank = func.ts_rank(words.c.words, cast(bindparam(f"{name}_0"), TSQUERY), _BOUNDED)
    return select(rank).where(words.c.child == row.c.child, words.c.rid == row.c.rid).correlate(row)


def _nearness(row: FromClause, name: str, count: int) -> Select[Any]:
    """1 at the place itself, 0 at the distance that was named; of several places the nearest."""
    n = number_index.alias("ranked")
    ways = []
    for at in range(count):
        latitude, longitude, far = (cast(bindparam(f"{name}_{3 * at + part}"), Numeric) for part in range(3))
        off = distance(n, latitude, longitude) / func.nullif(cast(far, Double), literal_column("0"))
        ways.append(literal(1.0, Double) - func.coalesce(off, literal_column("0.0")))
    nearest = func.greatest(literal_column("0.0"), func.max(func.greatest(*ways)))
    own = (n.c.child == row.c.child, n.c.rid == row.c.rid, n.c.param == number(_NEAR))
    return select(nearest).where(*own).correlate(row)
