"""What the record has already, asked for many drafts at once."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from server.child.intake.door import Door
from server.child.intake.draft import Draft
from server.child.intake.identity import unique
from server.fhir import Json
from server.fhir.identifier import unverified


class Stock:
    """The resources found by the identifiers of the drafts that were asked for."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._found: dict[tuple[str, str, str], Sequence[Json]] = {}

    def fetch(self, drafts: Iterable[Draft]) -> None:
        """Asks for whatever these drafts may find, once for each type and system."""
        wanted: dict[tuple[str, str], set[str]] = defaultdict(set)
        for draft in drafts:
            for system, value in draft.identifiers:
                wanted[draft.type, system].add(value)
                if draft.type == "Patient" and unique(system):
                    # What an earlier import found to be another child's was kept as unverified.
                    wanted[draft.type, unverified(system)].add(value)
        for (type, system), values in wanted.items():
            found = self._door.find_all(type, system, sorted(values))
            self._found |= {(type, system, value): found.get(value, ()) for value in values}

    def find(self, type: str, system: str, value: str) -> Sequence[Json]:
        """The resources with the identifier."""
        return self._found.get((type, system, value), ())

    def existing(self, draft: Draft, used: set[str]) -> Json | None:
        """The resource that the draft speaks of, the one first that shares most identifiers with it. One that
        another draft of the child took already is not taken twice."""
        hits: dict[str, int] = defaultdict(int)
        resources: dict[str, Json] = {}
        for system, value in draft.identifiers:
            for resource in self.find(draft.type, system, value):
                hits[resource["id"]] += 1
                resources[resource["id"]] = resource
        free = [id for id in hits if f"{draft.type}/{id}" not in used]
        return resources[max(free, key=lambda id: (hits[id], id))] if free else None
