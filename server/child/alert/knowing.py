"""What an agency may know of what an alert is about, at this moment: asked of the SQL that rules every read.

Whoever is asked by a Task has to see what the Task is about. Who sees no more of it than that it exists is
told no more.
"""

from dataclasses import dataclass, field
from typing import Any

from server.access.access import Access
from server.access.agency import Agency
from server.access.scope import Scope
from server.fhir import Json
from server.record.door import Door
from server.store import resources

NOTHING, EXISTENCE, PART, CONTENT = 0, 1, 2, 3
"""Of a resource: it is absent; that it exists; it is shown without what is withheld; all of it."""

_READING = (Scope("system", "*", "rs"),)


@dataclass(slots=True)
class Knowing:
    """For one round of alerts: what was asked is remembered."""

    door: Door
    connection: Any
    _accesses: dict[str, Access] = field(default_factory=dict)
    _degrees: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def degree(self, agency: Agency, type_: str, id_: str) -> int:
        """How much of a resource an agency's system sees."""
        key = (agency.code, type_, id_)
        if key not in self._degrees:
            self._degrees[key] = self._asked(agency, type_, id_)
        return self._degrees[key]

    def may_be_asked(self, agency: Agency, patient: Json, evidence: tuple[Json, ...]) -> bool:
        """Whether a Task about this can be given to an agency."""
        if not self._access(agency).may("Task", "r"):
            return False
        if self.degree(agency, "Patient", patient["id"]) == NOTHING:
            return False
        # Where a child lives is withheld from some who see the child: that it is elsewhere is, too.
        least = CONTENT if evidence and evidence[0]["resourceType"] == "Patient" else EXISTENCE
        return not evidence or self.degree(agency, *_place(evidence[0])) >= least

    def seen(self, agency: Agency, evidence: tuple[Json, ...]) -> list[Json]:
        """What of it an agency sees."""
        return [each for each in evidence if self.degree(agency, *_place(each)) > NOTHING]

    def knows_all(self, agency: Agency, evidence: tuple[Json, ...]) -> bool:
        """Whether it sees the whole of all of it, and so may be told in words what follows from it."""
        return all(self.degree(agency, *_place(each)) == CONTENT for each in evidence)

    def _access(self, agency: Agency) -> Access:
        if agency.code not in self._accesses:
            door = self.door
            self._accesses[agency.code] = Access(
                "alert", agency, _READING, door.registry, door.hasher, door.base_url
            )
        return self._accesses[agency.code]

    def _asked(self, agency: Agency, type_: str, id_: str) -> int:
        access = self._access(agency)
        if not access.may(type_, "r"):
            return NOTHING
        number = self.door.library.type_number(type_)
        rows = resources.finder(access.view(type_, "r"))(self.connection, type=number, id=id_)
        if not rows:
            return NOTHING
        row = resources.stored(type_, rows[0])
        if not row.whole:
            return EXISTENCE
        return PART if row.withheld else CONTENT


def _place(resource: Json) -> tuple[str, str]:
    return resource["resourceType"], resource["id"]
