"""What a reader makes of the published files of a code system."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from server.settings import CannotStart
from server.terminology.provider import Concept


class Unreadable(CannotStart):
    """Published files that cannot be used; the message says which and why."""


Progress = Callable[[str, int, int | None], None]
"""`(what is done, how much of it, of how much)`: told again and again."""

PARENT, ANCESTOR, INACTIVE, MEMBER = "parent", "ancestor", "inactive", "memberOf"
"""Groups that every release may have: the concepts right below one, all below it, the retired, a set's."""

Group = tuple[str, str]
"""A property and one of its values."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A property. `grouped`: a filter may ask for it.

    `type`: https://hl7.org/fhir/R4/valueset-concept-property-type.html
    """

    code: str
    type: str
    description: str
    grouped: bool = True


@dataclass(frozen=True, slots=True)
class Release:
    """One version of a code system.

    `parents`: every code, with those right above it. `concept`: what is said of a code, asked once of each in
    the order of the codes. `groups`: which codes belong together beyond what their own properties say.
    """

    url: str
    version: str
    title: str
    parents: Mapping[str, Sequence[str]]
    concept: Callable[[str], Concept]
    properties: tuple[Declared, ...] = ()
    groups: Mapping[Group, Iterable[str]] = field(default_factory=dict)
