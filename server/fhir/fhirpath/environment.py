"""What an expression may ask beyond the node it is evaluated on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from server.fhir import Json
from server.fhir.patience import Patience

_STEPS = 200_000
_TOLD = "The expression takes too long to be evaluated on such a resource."

Item = tuple[Any, str, Json | None]
"""An element: its JSON, its FHIR type, and what stands beside a primitive (`_birthDate`).

The type of an element defined in place is its path (`Patient.contact`); that of FHIRPath's own values begins
with `System.`. A primitive that has nothing but extensions has None for its JSON.
"""


@dataclass(slots=True)
class Environment:
    """One for each resource: `resource` is %resource, `root` is %rootResource where that is another.

    What is left out cannot be told, and an invariant that cannot do without it holds. `variables` are further
    %names with the resources or values that they stand for.
    """

    resource: Json | None = None
    root: Json | None = None
    resolve: Callable[[str], Any] | None = None
    """What a reference leads to: a resource; None: nothing; anything else: it cannot be told."""
    member_of: Callable[[Any, str, str], bool | None] | None = None
    """Whether an element (JSON, FHIR type) is in a value set (canonical)."""
    conforms_to: Callable[[Any, str], bool | None] | None = None
    """Whether an element conforms to a profile (canonical)."""
    subsumes: Callable[[Json, Json], bool | None] | None = None
    """Whether the first Coding subsumes the second, or is it."""
    html_checks: Callable[[str], bool] | None = None
    """Whether a narrative's text keeps the rules of FHIR."""
    base_units: Callable[[Decimal, str], tuple[Decimal, str] | None] | None = None
    """A quantity in UCUM's base units: (value, code) → (value, canonical unit)."""
    variables: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    now: datetime | None = None
    context: Item | None = None
    index: int | None = None
    total: list[Item] = field(default_factory=list)
    patience: Patience = field(default_factory=lambda: Patience(_STEPS, _TOLD))
    """With the expressions that are counted."""

    def within(self, **changed: Any) -> "Environment":
        return replace(self, **changed)


class Misused(Exception):
    """An operator or a function with what it cannot take."""


class Untold(Exception):
    """What would have to be known lies outside of what can be seen here."""
