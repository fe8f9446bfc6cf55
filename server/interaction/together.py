"""What many conditions find, asked together: those that name one identifier, as most of a large Bundle do."""

from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import parse_qsl, urlencode

from server.fhir import json
from server.record.merge.living import is_merged
from server.record.record import Record
from server.search.escape import split
from server.search.query import parse
from server.search.types.token import Value
from server.store.row import Stored

Condition = tuple[str, str]
"""A type, and what is asked of it."""

_AT_ONCE = 100


def found(record: Record, conditions: Iterable[Condition]) -> dict[Condition, Stored | None]:
    """The one resource that each condition finds, or None; what must be asked by itself is left out."""
    by_type: dict[str, list[tuple[str, str]]] = {}
    for type_, text in dict.fromkeys(conditions):
        value = _identifier(text)
        if value and record.access.may(type_, "s"):
            by_type.setdefault(type_, []).append((text, value))
    answers: dict[Condition, Stored | None] = {}
    for type_, asked in by_type.items():
        if len(asked) > 1:
            for some in _batches(asked):
                answers |= {(type_, text): row for text, row in _found(record, type_, some)}
    return answers


def _identifier(text: str) -> str | None:
    """The criterion of a condition that is one identifier with its system."""
    pairs = parse_qsl(text.partition("?")[2] or text, keep_blank_values=True)
    match pairs:
        case [("identifier", value)] if "|" in value and len(split(value, ",")) == 1:
            told = Value.parse(value)
            return value if told.system and told.code else None
    return None


def _found(
    record: Record, type_: str, asked: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, Stored | None]]:
    # The statement is prepared for so many: what is left over repeats itself.
    values = [value for _, value in asked]
    filled = values + values[-1:] * (_AT_ONCE - len(values))
    query = parse(type_, [("identifier", ",".join(filled))], record.door.registry, strict=True)
    said = urlencode([("identifier", ",".join(values))])
    most = 2 * len(asked)
    rows = record.search(query, count=most, complete=True, said=said).rows
    carried = {row.rid: _carried(row) for row in rows}
    wanted = {Value.parse(value): text for text, value in asked}
    if len(rows) == most or not all(wanted.keys() & each for each in carried.values()):
        # Some are not shown, or not with what they were found by: each has to be asked for.
        return
    for value, text in wanted.items():
        matches = [row for row in rows if value in carried[row.rid]]
        if len(matches) < 2 and not any(map(is_merged, matches)):
            yield text, matches[0] if matches else None


def _carried(row: Stored) -> set[Value]:
    identifiers = json.decode(row.body.encode()).get("identifier", ())
    told = identifiers if isinstance(identifiers, list) else [identifiers]
    return {Value(each.get("system"), each.get("value")) for each in told}


def _batches(asked: Sequence[tuple[str, str]]) -> Iterator[Sequence[tuple[str, str]]]:
    for at in range(0, len(asked), _AT_ONCE):
        yield asked[at : at + _AT_ONCE]
