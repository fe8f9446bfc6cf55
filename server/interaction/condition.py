"""What a condition finds: of a request that stands on a search, in its URL or in `If-None-Exist`.

https://hl7.org/fhir/R4/http.html#cond-update
"""

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

from server.fhir.issue import Contended, MultipleMatches, PreconditionFailed
from server.record.merge.living import living
from server.record.record import Record
from server.search.query import Pair, Query, parse
from server.store.row import Stored

_ROUNDS = 10
"""How often what was found may have been changed by others before it could be held."""


def matching(record: Record, type_: str, condition: str) -> Stored | None:
    """The one resource that a condition finds, while no other transaction acts on the same condition.

    Raises:
        MultipleMatches: it finds several. PreconditionFailed: it says nothing.
    """
    pairs = parse_qsl(condition.partition("?")[2] or condition, keep_blank_values=True)
    found = _found(record, _query(record, type_, pairs), most=1)
    return found[0] if found else None


def held(record: Record, type_: str, pairs: Sequence[Pair], most: int = 1) -> list[Stored]:
    """Those that a condition finds, held against every other writer: what was found is what will be changed.

    Raises:
        MultipleMatches: it finds more than `most`. PreconditionFailed: it says nothing.
    """
    query = _query(record, type_, pairs)
    for _ in range(_ROUNDS):
        # In the order in which all transactions take them.
        found = sorted(_found(record, query, most), key=lambda row: row.id)
        kept = [record.keeps(row) for row in found]
        if all(kept):
            return found
    raise Contended("Other writes were in the way. Nothing was stored: send the request again.")


def _query(record: Record, type_: str, pairs: Sequence[Pair]) -> Query:
    query = parse(type_, pairs, record.door.registry, strict=True)
    if not (query.conditions or query.joins):
        raise PreconditionFailed("The condition names no search parameter: it would match anything.")
    record.alone(name(type_, query))
    return query


def name(type_: str, query: Query) -> str:
    """What all who act on the same condition hold against one another."""
    return f"{type_}?{sorted(query.self_parameters)}"


def _found(record: Record, query: Query, most: int) -> Sequence[Stored]:
    said, count = urlencode(query.self_parameters), most + 1
    rows = record.search(query, count=count, complete=True, said=said).rows
    found = living(record, rows)
    while len(found) <= most and len(rows) == count:
        # Some were Patients of one child: there may be more.
        count *= 2
        rows = record.search(query, count=count, complete=True, said=said).rows
        found = living(record, rows)
    if len(found) > most:
        several = "one resource" if most == 1 else f"{most} resources, the most that one request may change"
        raise MultipleMatches(f"The condition matches more than {several}.")
    return found
