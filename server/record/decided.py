"""Decisions about sharing, from what a Consent says to the lines that every view asks.

A child of whom something is not to be shared has a bit for it on all that is known of it, as for a label: of
everybody else nothing has to be asked.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from server.fhir.reference import parse
from server.record.hook import Decision
from server.store import jobs, locator, row, writing
from server.store.row import DENIED, RESTRICTED, VERY_RESTRICTED

if TYPE_CHECKING:
    from server.record.door import Door
    from server.record.staging import Staged
    from server.store.database import Transaction

CONSENT = "Consent"

Known = Mapping[tuple[int, str], tuple[int, int]]
"""(type, id) → (child, rid)."""


def lines(door: "Door", known: Known, decisions: Sequence[Decision]) -> list[row.Decision]:
    """The lines of a Consent, one for each whom it is about; nobody that is unknown here sees anything."""
    return [
        row.Decision(
            each.effect, principal, _principals(door, known, each.deciders), each.type, each.kind,
            each.tokens, each.purposes, each.valid_from, each.valid_until,
        )
        for each in decisions
        for principal in ((0,) if each.actors is None else _principals(door, known, each.actors))
    ]  # fmt: skip


def _principals(door: "Door", known: Known, references: Sequence[str]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(each for text in references for each in _principal(door, known, text)))


def _principal(door: "Door", known: Known, text: str) -> Iterator[int]:
    """As in `store.sight`: an agency by its number, anybody else by the resource that stands for them."""
    numbers = {agency.organization: agency.number for agency in door.agencies.values()}
    if text in numbers:
        yield numbers[text]
        return
    target = parse(text)
    if target.local and target.type in door.types:
        place = known.get((door.library.type_number(target.type), target.id or ""))
        if place is not None:
            yield -place[1]


def is_denial(lines: Sequence[row.Decision]) -> bool:
    """Whether something is not to be shared."""
    return any(each.effect == DENIED for each in lines)


def hold(door: "Door", transaction: "Transaction", staged: Sequence["Staged"]) -> None:
    """Nobody begins to write about a child whose restriction is going to change, and who has begun has ended:
    what is written from here on is restricted from the first."""
    number = door.library.type_number("Patient")
    for id_ in sorted(set(_changing(door, staged))):
        transaction.begin()
        locator.bury(transaction.connection, number, id_)


def _changing(door: "Door", staged: Sequence["Staged"]) -> Iterator[str]:
    """The ids of the Patients."""
    for one in staged:
        was = one.slot.was
        if one.type == "Patient" and was is not None:
            if (door.hooks.restriction(one.resource) ^ was.restriction) & (RESTRICTED | VERY_RESTRICTED):
                yield one.slot.id
        elif any(each.effect == DENIED for each in door.hooks.decisions(one.resource)):
            yield from (id_ for type_, id_ in one.targets if type_ == "Patient")


def settle(door: "Door", transaction: "Transaction", child: int) -> None:
    """Let all that is known of a child follow the decisions that there are about it now."""
    if writing.restrict_as_decided(transaction.connection, child):
        job = jobs.leave_restriction(transaction.connection, child)
        transaction.afterwards.append(lambda: jobs.restrict_rest(door.database, job, child))
