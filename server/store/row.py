"""One resource as the store keeps it, and one line of the account of who did what."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

RESTRICTED, VERY_RESTRICTED, DECIDED, SEALED = 1, 2, 4, 8
"""Bits of `restriction`: the child's labels R (whereabouts withheld) and V (absent to all but the named);
that there are decisions not to share what is known of the child; and of one resource, that it is sealed."""

OF_CHILD = RESTRICTED | VERY_RESTRICTED | DECIDED
"""Those that every row about a child has alike."""

MERGED = 16
"""A further bit, of a Patient alone: other records of the child were merged into it."""

DENIED, AGREED, OBJECTED = 1, 2, 3
"""Effects of a decision: it is not to be shared; a service was agreed to; it was objected to."""


@dataclass(slots=True)
class Row:
    """Everything that a version of a resource puts into tables; `others` are further children it speaks
    of; `said` and `blocks`: what its child is compared by, as far as it says so; `superseded`: identifiers,
    (system, value), that led to the child before."""

    type: int
    id: str
    rid: int
    child: int
    version: int
    author: int
    last_updated: datetime
    body: str
    restriction: int = 0
    kind: int = 0
    date: tuple[datetime, datetime] | None = None
    tokens: list[int] = field(default_factory=list)
    sorts: dict[str, list[str]] = field(default_factory=dict)
    facets: list[int] = field(default_factory=list)
    strings: list[tuple[int, str, bool, bool]] = field(default_factory=list)
    dates: list[tuple[int, datetime, datetime, bool, bool]] = field(default_factory=list)
    numbers: list[tuple[int, int, Any]] = field(default_factory=list)
    words: str = ""
    identifiers: list[tuple[int, int]] = field(default_factory=list)
    others: list[int] = field(default_factory=list)
    contexts: list[tuple[int, str]] = field(default_factory=list)
    sights: list["Sighting"] = field(default_factory=list)
    decisions: list["Decision"] = field(default_factory=list)
    said: str = ""
    blocks: list[int] = field(default_factory=list)
    superseded: list[tuple[str, str]] = field(default_factory=list)
    located: bool = False
    """True: `locator` has its line already (an id that the client chose, or a resource that existed)."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A resource lets a principal see its child, from and until a time; degree as in `store.sight`."""

    principal: int
    degree: int
    valid_from: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """A line of `store.decision`: what a Consent says of one principal and of some of what is known."""

    effect: int
    principal: int
    spared: tuple[int, ...]
    type: int
    kind: int
    tokens: tuple[int, ...]
    purposes: tuple[str, ...]
    valid_from: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Stored:
    """A version read back. `whole`: content may be shown, not only existence. `withheld`: what may not, and
    `fixed`: what may not be changed, as the bits of `search.hidden`. Of a deletion `body` is empty.
    `created`: of a version of history, that there was none before it."""

    type: str
    id: str
    child: int
    rid: int
    version: int
    last_updated: datetime
    body: str
    author: int
    whole: bool = True
    withheld: int = 0
    deleted: bool = False
    restriction: int = 0
    created: bool = False
    fixed: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the audit: who did what to whom, when, and what came of it (an HTTP status).

    `agency` 0: none. `account`: of who signed in; `person`: who that is in the record, as fhirUser says it.
    `purpose`: a code of v3-PurposeOfUse. `rights`: the version of the rights file by which it was decided.
    `reason`: in the words of who did it. `children`: where they are several, each that the act is about.
    """

    id: str
    at: datetime
    agency: int
    client: str
    interaction: str
    type: int | None
    query: str | None
    outcome: int
    child: int = 0
    hits: tuple[int, ...] = ()
    account: str | None = None
    person: str | None = None
    purpose: str | None = None
    rights: str | None = None
    reason: str | None = None
    children: tuple[int, ...] = ()

    def again(self, id_: str) -> "Entry":
        """The same, for a further statement of the same request."""
        return replace(self, id=id_)

    def values(self) -> dict[str, Any]:
        """By column."""
        return {
            "id": self.id, "at": self.at, "agency": self.agency, "client": self.client, "child": self.child,
            "interaction": self.interaction, "type": self.type, "query": self.query,
            "outcome": self.outcome, "hits": list(self.hits), "account": self.account, "person": self.person,
            "purpose": self.purpose, "rights": self.rights, "reason": self.reason,
            "children": list(self.children),
        }  # fmt: skip
