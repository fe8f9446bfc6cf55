"""What an import asks of the record: to find, and to write one child's resources in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from server.fhir import Json


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of a transaction. The other entries refer to a created resource by its `full_url`."""

    interaction: Literal["create", "update"]
    resource: Json
    full_url: str


class Door(Protocol):
    """The one way to the stored resources, as the importing agency sees them."""

    def find_all(self, type: str, system: str, values: Sequence[str]) -> Mapping[str, Sequence[Json]]:
        """The visible resources by the value of an identifier of that system; values not found are absent."""
        ...

    def trace(self, system: str, value: str, birth_date: str) -> str | None:
        """The id of the Patient with this unique identifier and birth date, though the agency was never
        involved with the child; None if there is none, or the agency may not ask."""
        ...

    def transact(self, changes: Sequence[Change]) -> None:
        """Writes all of them or, raising a FhirError, none. The error's expression names the entry
        (`Bundle.entry[2]…`) where one is to blame."""
        ...
