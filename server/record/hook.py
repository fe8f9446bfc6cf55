"""What the domain does inside a write: it registers here, and is called in the transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from server.access.agency import Agency
from server.fhir import Json
from server.search.types import Index
from server.store.row import Sighting


@dataclass(frozen=True, slots=True)
class Act:
    """A write, as the domain sees it: who does it and when; the label that the child had (None: it is new);
    and whether the agency is named for the child, where it is restricted."""

    agency: int
    at: datetime
    label: int | None
    named: bool


Claim = tuple[str, str]
"""(system, value)."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """Each is asked for every resource written; one that has nothing to say answers with nothing.

    `prepare`: the resource as it is to be kept, or a refusal. `identity`: what only one Patient may carry.
    `within`: what only one live resource of a child may be. `sightings`: who is brought in by it.
    `restriction`: the label that a Patient puts on all that is known of the child. `kind`: the class of
    resource
    that rights speak of.
    """

    prepare: Sequence[Callable[[Json, Agency], Json]] = ()
    identity: Callable[[Json], list[Claim]] = field(default=lambda _: [])
    within: Callable[[Json], list[Claim]] = field(default=lambda _: [])
    sightings: Callable[[Json, "Act"], list[Sighting]] = field(default=lambda *_: [])
    restriction: Callable[[Json], int] = field(default=lambda _: 0)
    kind: Callable[[str, Index], int] = field(default=lambda *_: 0)
