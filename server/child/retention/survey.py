"""What of which child is due to go, on a day: the schedules held against what there is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from server.child.retention import due
from server.child.retention.due import Life, Until, Writer
from server.child.retention.schedule import Schedule, read
from server.fhir import json
from server.fhir.period import HIGHEST
from server.record.door import Door
from server.record.expunge import Classes
from server.search import retention as search
from server.search.retention import Kept
from server.store.holds import EVERYTHING, Hold

_AT_ONCE = 50
_PATIENT = "Patient"


@dataclass(frozen=True, slots=True)
class OfChild:
    """All that is kept of a child, and until when each of it."""

    child: int
    kept: tuple[Until, ...]

    def is_whole(self, today: date) -> bool:
        """Whether everything is due: then the child itself goes."""
        return all(each.is_due(today) for each in self.kept)

    def due(self, today: date, patient: int) -> list[Until]:
        """What is due. The Patient is not, while anything else is not."""
        return [
            each
            for each in self.kept
            if each.is_due(today) and (each.held.type != patient or self.is_whole(today))
        ]

    def held_back(self, holds: Sequence[Hold]) -> set[int]:
        """The rids of what a legal hold lies on."""
        return {
            each.held.rid for each in self.kept if any(_lies_on(hold, self.child, each) for hold in holds)
        }

    @property
    def classes(self) -> Classes:
        """By rid, the names of the classes of each resource."""
        return {each.held.rid: frozenset(own.name for own in each.classes) for each in self.kept}


def _lies_on(hold: Hold, child: int, each: Until) -> bool:
    if hold.is_general:
        return any(hold.lies_on(each.authority, own.name) for own in each.classes)
    return hold.child == child and hold.rid in (EVERYTHING, each.held.rid)


class Survey:
    """Of one record, by the schedules of a folder, or by those that ship."""

    def __init__(self, door: Door, folder: Path | None = None) -> None:
        self.schedule: Schedule = read(folder)
        self.patient = door.library.type_number(_PATIENT)
        self._kept = Kept(self.schedule.selections(door.registry, door.hasher, door.base_url))
        self.writers = {each.number: Writer(each.authority, each.kind) for each in door.agencies.values()}

    def of(self, connection: Any, children: Sequence[int]) -> list[OfChild]:
        """Of these children; who has nothing is left out."""
        found = self._kept.of(connection, children, HIGHEST)
        bodies = search.patients(connection, self.patient, children)
        surveyed = []
        for child in children:
            own = [each for each in found if each.child == child]
            life = due.life(json.decode(bodies[child].encode())) if child in bodies else Life()
            if own:
                kept = due.until(own, life, self.writers, self.schedule)
                surveyed.append(OfChild(child, tuple(kept)))
        return surveyed

    def everybody(self, connection: Any) -> Iterator[OfChild]:
        """Of every child that there is or was."""
        children = search.children(connection, self.patient)
        for at in range(0, len(children), _AT_ONCE):
            yield from self.of(connection, children[at : at + _AT_ONCE])

    def classes(self, connection: Any, child: int) -> Classes:
        """By rid, the classes of all that is kept of a child."""
        return next((each.classes for each in self.of(connection, [child])), {})
