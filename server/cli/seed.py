"""Loads the demonstration authority through the door, once, each agency writing what is its own."""

from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Protocol

from server.child.demonstration.batches import batches
from server.fhir import Json

Transact = Callable[[Json], Json]
"""Runs a transaction Bundle and gives back the response Bundle; a refusal is raised."""

_COMPLETE = "complete"
_TELL_EVERY = 4_000


class Memory(Protocol):
    """Where it is kept how far the loading has come, so that it goes on after a break."""

    def get(self) -> str | None: ...

    def put(self, text: str) -> None: ...


def write(
    record_as: Callable[[str], Transact], echo: Callable[[str], None], memory: Memory, today: date
) -> Counter[str]:
    """Writes what is not written yet; the answer counts the resources of this time by type.

    The day on which the loading began stays the day of the demonstration.
    """
    begun, done = _progress(memory.get(), today)
    written: Counter[str] = Counter()
    if done is None:
        return written
    for number, (agency, bundle) in enumerate(batches(begun)):
        if number < done:
            continue
        # What was being written when the loading broke off may be there or not: asked so, it is there once.
        record_as(agency)(_unless_there(bundle) if number == done and done else bundle)
        memory.put(f"{begun} {number + 1}")
        before = written.total()
        written.update(entry["resource"]["resourceType"] for entry in bundle["entry"])
        if before // _TELL_EVERY < written.total() // _TELL_EVERY:
            echo(f"{written.total():,} resources written")
    memory.put(f"{begun} {_COMPLETE}")
    return written


def _progress(text: str | None, today: date) -> tuple[date, int | None]:
    """The day of the demonstration and the number of transactions done; None: all."""
    if text is None:
        return today, 0
    day, done = text.split()
    return date.fromisoformat(day), None if done == _COMPLETE else int(done)


def _unless_there(bundle: Json) -> Json:
    """The transaction, creating only what no resource with the same identifier stands for."""
    return bundle | {"entry": [_conditional(entry) for entry in bundle["entry"]]}


def _conditional(entry: Json) -> Json:
    if entry["request"]["method"] != "POST":
        return entry
    identifier = entry["resource"]["identifier"][0]
    condition = f"identifier={identifier['system']}|{identifier['value']}"
    return entry | {"request": entry["request"] | {"ifNoneExist": condition}}
