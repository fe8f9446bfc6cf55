"""Who is left to be compared is held against all other children; people are asked about whom it resembles.

Nothing is told to who wrote of the child: `record.resembling` is what it meets.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from server.fhir import Json, json
from server.record import likeness as kept
from server.record import review
from server.store import comparison, likeness, resources
from server.store.comparison import NOBODY, Comparison

if TYPE_CHECKING:
    from server.record.record import Record

_PATIENT = "Patient"

_MOST = 10
"""Of whom a child resembles, those asked about: with more there is something else amiss."""


def compare(record: "Record", one: Comparison) -> None:
    """Ask people about whom the child resembles, or who was looked for."""
    if one.asked is None:
        _child(record, one.child, one.confirmed)
    else:
        _looked_for(record, one.asked, one.shown)
    record.settle()


def _child(record: "Record", child: int, confirmed: str | None) -> None:
    how, number = record.door.hooks.likeness, record.door.library.type_number(_PATIENT)
    known = likeness.alike(record.connection, child)
    if child not in known:
        # It is gone since, or was found to be another's.
        return
    whole = how.whole(known.pop(child))
    likely = _likely(record, whole, known)
    patient = resources.present(record.connection, _PATIENT, number, child, child) if likely else None
    if patient is None:
        return
    decided = {each for pair in likeness.pairs(record.connection, child) for each in (pair.child, pair.other)}
    for other in likely:
        if other not in decided:
            # Of two that are written at once, either may be the first to be compared.
            record.confirmed = confirmed or comparison.confirmed(record.connection, other)
            review.ask(record, patient, other, how.compare(whole, how.whole(known[other])))


def _likely(record: "Record", whole: Any, known: Mapping[int, Sequence[str]]) -> list[int]:
    """Those who may be the same child, in the order in which all transactions ask of pairs."""
    how = record.door.hooks.likeness
    weights = ((how.weigh(whole, how.whole(texts)), child) for child, texts in known.items())
    found = sorted((weight, child) for weight, child in weights if weight >= how.review)
    return sorted(child for _, child in found[-_MOST:])


def _looked_for(record: "Record", asked: Json, shown: Sequence[int]) -> None:
    """Ask about the most alike of those whom the caller was not shown."""
    how = record.door.hooks.likeness
    whole = how.whole([how.said(asked)])
    known = likeness.candidates(record.connection, NOBODY, kept.keys(record.door, whole))
    hidden = {child: how.whole(texts) for child, texts in known.items() if child not in shown}
    weight, child = max(
        ((how.weigh(whole, other), child) for child, other in hidden.items()), default=(float("-inf"), NOBODY)
    )
    if weight >= how.review:
        digest = blake2b(json.encode(asked), digest_size=16).hexdigest()
        key = f"{record.access.agency.code}/{child}/{digest}"
        review.ask_for(record, asked, child, how.compare(whole, hidden[child]), key)
