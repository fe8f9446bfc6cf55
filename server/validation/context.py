"""What a validation may ask of the world outside the resource, and how far it goes.

The validator itself finds what stands in the resource: contained resources and the entries of a Bundle.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Final

from server.fhir import Json


class Unknown(Enum):
    """Whether there is such a resource cannot be told here, and so nothing is held against the reference."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN

Resolve = Callable[[str, Json], Json | Unknown | None]
"""What a literal reference leads to: `(reference, the resource that it stands in)`; None: to nothing."""


def nowhere(reference: str, within: Json) -> Unknown:
    """There is no store to ask."""
    return UNKNOWN


@dataclass(frozen=True, slots=True)
class Context:
    """How one resource is validated.

    `resolve` finds what is outside the resource. `at` is the day that the resource is about: its codes have
    to be in use then. `full`: warnings and information too; without it nothing is worked out that could only
    warn. `closed`: an extension that no definition here speaks of is an error, where FHIR lets anyone have
    some. `html` and `examples`: whether text that reads like HTML, and URLs that are only examples, are let
    pass; FHIR forbids neither.
    """

    resolve: Resolve = nowhere
    at: date | None = None
    full: bool = False
    closed: bool = False
    html: bool = True
    examples: bool = True


ERRORS_ONLY: Final = Context()
