"""Which lines of the audit can meet a criterion, as far as an index tells: the criterion itself is asked of
each afterwards."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from server.fhir.issue import Forbidden
from server.record.auditevent import vocabulary
from server.search.types import Condition
from server.search.types.date import Value
from server.store import account, locator, resources
from server.store.account import Span
from server.store.merge import ledger

if TYPE_CHECKING:
    from server.record.record import Record

_PATIENT = "Patient"


def narrowed(record: "Record", span: Span, condition: Condition, *, everything: bool) -> Span | None:
    """The span in which a criterion can be met; None: nowhere. `everything`: the caller may see all lines."""
    if condition.modifier is not None:
        return span
    code, values = condition.parameter.code, condition.values
    if code in ("date", "_lastUpdated"):
        return _dated(span, [Value.parse(text) for text in values])
    if code in ("type", "subtype", "action"):
        return _among(span, vocabulary.interactions(values))
    if code == "_id":
        return replace(span, ids=tuple(text for text in values if is_uuid(text)))
    if len(values) > 1:
        return span
    reference = values[0].removeprefix(f"{record.door.base_url}/")
    if code == "patient" or (code == "entity" and reference.startswith(f"{_PATIENT}/")):
        return of_child(record, span, reference.removeprefix(f"{_PATIENT}/"), everything=everything)
    return _by(record, span, reference) if code == "agent" else span


def of_child(record: "Record", span: Span, id_: str, *, everything: bool) -> Span | None:
    """The lines about a child; of one that the caller may not see there are none, as of one that is not."""
    child = _child(record, id_, everything)
    return None if child is None else replace(span, children=ledger.members(record.connection, child))


def beyond(span: Span, at: datetime, place: int, *, falling: bool) -> Span:
    """What comes after a place."""
    if falling:
        return replace(span, end=min(span.end, account.number(at, place)))
    return replace(span, first=max(span.first, account.number(at, place + 1)))


def is_uuid(text: str) -> bool:
    """Whether a line could have this id."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _child(record: "Record", id_: str, everything: bool) -> int | None:
    number = record.door.library.type_number(_PATIENT)
    if everything:
        found = locator.places(record.connection, [(number, id_)]).get((number, id_))
        return found[0] if found else None
    try:
        view = record.access.view(_PATIENT, "r")
    except Forbidden:
        return None
    rows = resources.finder(view)(record.connection, type=number, id=id_)
    return resources.stored(_PATIENT, rows[0]).child if rows else None


def _by(record: "Record", span: Span, reference: str) -> Span:
    """The lines of who acted."""
    type_ = reference.partition("/")[0]
    if type_ in ("Practitioner", "RelatedPerson", _PATIENT):
        return replace(span, person=reference)
    numbers = [each.number for each in record.door.agencies.values() if each.organization == reference]
    return replace(span, agency=numbers[0]) if len(numbers) == 1 else span


def _among(span: Span, interactions: tuple[str, ...] | None) -> Span:
    if interactions is None:
        return span
    both = interactions if span.interactions is None else set(interactions) & set(span.interactions)
    return replace(span, interactions=tuple(both))


_Ends = Callable[[Value], tuple[datetime | None, datetime | None]]
_ENDS: Mapping[str, _Ends] = {
    "eq": lambda value: (value.low, value.high),
    "gt": lambda value: (value.low, None),
    "ge": lambda value: (value.low, None),
    "sa": lambda value: (value.low, None),
    "lt": lambda value: (None, value.high),
    "le": lambda value: (None, value.high),
    "eb": lambda value: (None, value.high),
}
"""Where a date can be; by the other prefixes it can be anywhere."""


def _dated(span: Span, values: list[Value]) -> Span:
    ends = [_ENDS[value.prefix](value) if value.prefix in _ENDS else (None, None) for value in values]
    lows, highs = [low for low, _ in ends], [high for _, high in ends]
    first, end = span.first, span.end
    if None not in lows:
        first = max(first, account.number(min(low for low in lows if low)))
    if None not in highs:
        end = min(end, account.number(max(high for high in highs if high)))
    return replace(span, first=first, end=end)
