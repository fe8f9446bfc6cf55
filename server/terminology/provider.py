"""What a code system is to who asks of codes, whatever holds it: a definition, a rule, tables, a server.

https://hl7.org/fhir/R4/terminology-service.html
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, runtime_checkable

from server.fhir import Json

Value = str | bool | int | Decimal | Json
"""Of a property: a Json is a Coding."""


@dataclass(frozen=True, slots=True)
class Designation:
    """Another way to say what a code means. `use` is a Coding."""

    value: str
    language: str | None = None
    use: Json | None = None


@dataclass(frozen=True, slots=True)
class Property:
    """What a code system says of a concept. `type` is FHIR's: `code`, `Coding`, `string`, `dateTime`, ….

    https://hl7.org/fhir/R4/codesystem-concept-properties.html
    """

    code: str
    value: Value
    type: str = "string"
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Concept:
    """One code. `abstract`: it groups others and is not chosen itself; `inactive`: no longer chosen.

    `valid_from`, `valid_to`: the first and last day (or month, or year) on which the code could be used.
    """

    code: str
    display: str | None = None
    definition: str | None = None
    designations: tuple[Designation, ...] = ()
    properties: tuple[Property, ...] = ()
    abstract: bool = False
    inactive: bool = False
    valid_from: str | None = None
    valid_to: str | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """`op` is one of https://hl7.org/fhir/R4/valueset-filter-operator.html."""

    property: str
    op: str
    value: str


def written(value: Value) -> str:
    """What a property says, or is asked to say, in the form in which a filter writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case {"code": code}:
            return str(code)
    return str(value)


@dataclass(frozen=True, slots=True)
class Query:
    """Concepts that fit all filters and read like the text: each of its words begins one of a designation.

    `active`: only those. `offset` and `limit` cut a part out of what is found, in the system's own order.
    `others`: or that fit all of any of these instead; `without`: but not those that fit all of any of these.
    Both are asked of code systems in tables alone (`terminology.table`).
    """

    filters: tuple[Filter, ...] = ()
    text: str | None = None
    active: bool = False
    offset: int = 0
    limit: int | None = None
    others: tuple[tuple[Filter, ...], ...] = ()
    without: tuple[tuple[Filter, ...], ...] = ()


EVERY = Query()


class CannotTell(Exception):
    """It can be neither affirmed nor denied: the system is not here, cannot be listed, or was not reached.

    Says why, in a sentence. `code` is an issue code: `not-found`, `not-supported`, `too-costly`, `timeout`.
    """

    def __init__(self, why: str, code: str = "not-supported") -> None:
        super().__init__(why)
        self.code = code


@runtime_checkable
class System(Protocol):
    """One version of one code system. Every method may raise CannotTell."""

    @property
    def url(self) -> str: ...

    @property
    def version(self) -> str | None: ...

    @property
    def name(self) -> str:
        """For people; the URL where there is none."""
        ...

    @property
    def case_sensitive(self) -> bool: ...

    @property
    def complete(self) -> bool:
        """Whether a code that is not found does not exist: not so of a fragment."""
        ...

    @property
    def hierarchical(self) -> bool:
        """Whether any code stands above another."""
        ...

    def find(self, code: str) -> Concept | None:
        """None: there is no such code."""
        ...

    def subsumes(self, above: str, below: str) -> bool:
        """Whether both are the same, or the first stands somewhere above the second. Both exist."""
        ...

    def parents(self, code: str) -> Sequence[str]:
        """Those right above."""
        ...

    def children(self, code: str) -> Sequence[str]:
        """Those right below."""
        ...

    def holds(self, code: str, filters: tuple[Filter, ...]) -> bool:
        """Whether an existing code fits all filters. Lists nothing."""
        ...

    def matching(self, query: Query) -> Iterator[Concept]:
        """In the system's own order."""
        ...

    def count(self, query: Query) -> int:
        """How many there are without offset and limit."""
        ...


class Source(Protocol):
    """Where code systems are found: a module of this package (`memory`, `rule`, `table`, `remote`) is one."""

    def system(self, url: str, version: str | None = None) -> System | None:
        """The code system; without a version the newest. None: not of this source, or not in the version."""
        ...

    def value_set(self, url: str) -> Json | None:
        """A value set that its URL itself describes, as a ValueSet with `compose`; None: it is none of these.

        https://hl7.org/fhir/R4/snomedct.html#implicit
        """
        ...

    def systems(self) -> Iterator[tuple[str, str | None]]:
        """URL and version of what is here."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a code is one, or one of a value set's. `result` None: it cannot be told.

    `message` says why not, or why it cannot be told; `code` is an issue code. With `result` True it is a
    remark: the display is none of the code's (`display_fits`), the code is not in use any more (`inactive`).
    `since`, `until`: from when and until when it could be used, where that is why it is not good.
    """

    result: bool | None
    message: str = ""
    code: str = ""
    display: str | None = None
    system: str | None = None
    version: str | None = None
    since: str | None = None
    until: str | None = None
    inactive: bool = False
    display_fits: bool = True
