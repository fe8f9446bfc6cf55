"""What the domain does inside a write: it registers here, and is called in the transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from server.access.agency import Agency
from server.fhir import Json
from server.fhir.issue import Issue
from server.search.types import Index
from server.store.row import Sighting
from server.validation.context import Context


@dataclass(frozen=True, slots=True)
class Act:
    """A write, as the domain sees it: who does it and when; the label that the child had (None: it is new);
    and whether the agency is named for the child, where it is restricted.

    `user`: the numbers of the user who writes. `rid`: of the resource. `rids`: that of what a reference leads
    to ("Practitioner/x"), if it is known.
    """

    agency: int
    at: datetime
    label: int | None
    named: bool
    user: tuple[int, ...] = ()
    rid: int = 0
    rids: Callable[[str], int | None] = lambda _: None


Claim = tuple[str, str]
"""(system, value)."""


class Counted(NamedTuple):
    """Where a resource stands in the totals of its child: at a `school`, in a `month` (twelve times the year,
    and the month from 0), at a `place` of it; as a `letter`. `plain`: whether the letter says all of it."""

    school: str
    month: int
    place: int
    letter: str
    plain: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What a Consent decides of some of what is known of the child, from and until a time.

    `effect`: as in `store.row`. `actors`: whom it is about, as references; None: all but the `deciders`.
    `type` and `kind`: of content, 0: any. `tokens`: hashes of which the content has one, none: any.
    `purposes` of use for which it holds, none: all.
    """

    effect: int
    actors: tuple[str, ...] | None
    deciders: tuple[str, ...]
    type: int
    kind: int
    tokens: tuple[int, ...]
    purposes: tuple[str, ...]
    valid_from: datetime
    valid_until: datetime


class Kind(NamedTuple):
    """The class that rights and presence know the resources of a profile by: all of one type."""

    type: str
    number: int


Others = Mapping[str, Sequence[Json]]
"""By profile: the child's other resources of that profile, as they will be after the transaction, as far as
the writer may see them. The resource in question is not among them."""

Statutory = Callable[[Json, Sequence[str], Others, Context], list[Issue]]
"""`(resource, its profiles, the others, context)`: what the rules across resources find. Each issue names its
`profile`, its `rule` and a `source`; what is no error is asked for only where `context.full` says so."""


@dataclass(frozen=True, slots=True)
class Statutes:
    """The rules across the resources of a child.

    `around`: the profiles of whose resources the rules want to know that are to be held against a resource,
    given its profiles and whether in full, warnings too; none: they ask of nothing else.
    """

    around: Callable[[Json, Sequence[str], bool], frozenset[str]] = field(default=lambda *_: frozenset())
    issues: Statutory = field(default=lambda *_: [])


@dataclass(frozen=True, slots=True)
class Compared:
    """What two children have in common. `weight`: the logarithm, in bits, of the odds that they are one.
    `grade`: as FHIR's match-grade. `evidence`: (comparison, words, weight), which add up to it."""

    weight: float
    probability: float
    grade: str
    evidence: tuple[tuple[str, str, float], ...]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How children are compared.

    `types`: whose resources say something of it, and `keyed`: from which there are keys. `said`: what a
    resource says, as text to be kept. `whole`: what is said of a child put together, the Patient's text
    first. `keys`: hashes, under a secret, of which those who are alike share one. `weigh`: the weight alone
    of a comparison. `review`: the weight from which two may be one.
    """

    types: frozenset[str] = frozenset()
    keyed: frozenset[str] = frozenset()
    said: Callable[[Json], str] = field(default=lambda _: "")
    whole: Callable[[Sequence[str]], Any] = field(default=lambda _: None)
    keys: Callable[[Any, bytes], frozenset[int]] = field(default=lambda *_: frozenset())
    weigh: Callable[[Any, Any], float] = field(default=lambda *_: float("-inf"))
    compare: Callable[[Any, Any], Compared] = field(
        default=lambda *_: Compared(float("-inf"), 0.0, "certainly-not", ())
    )
    review: float = float("inf")


class Sayer(NamedTuple):
    """Who says an element: the agency's number and kind, and when it said so last."""

    agency: int
    kind: str
    at: datetime


Sayers = Callable[[], Mapping[bytes, Sayer]]
"""Who said first what the present version holds, by `said.said`: it is asked for only where it matters."""

Kept = Callable[[Json, Json, Sayer, Sayers], Json]
"""`(the version before, the one that was sent, who sent it, who said what)`: as it is to be kept."""

Leads = Callable[[Sequence[Json], datetime, Callable[[str], Json | None]], tuple[str, ...]]
"""`(the child's CareTeams, now, the resource of a reference)`: the Organizations of who leads."""


@dataclass(frozen=True, slots=True)
class Acting:
    """What is done with the resources of a type that the server acts by.

    `prepared(record, resource, slot)`: what a client sent as it is to be kept, or a refusal; what goes
    with it is written in the same transaction. `gone(record, held)`: it is deleted.
    """

    prepared: Callable[[Any, Json, Any], Json]
    gone: Callable[[Any, Any], None]


@dataclass(frozen=True, slots=True)
class Hooks:
    """Each is asked for every resource written; one that has nothing to say answers with nothing.

    `prepare`: the resource as it is to be kept, or a refusal. `identity`: what only one Patient may carry.
    `superseded`: what it would carry if nothing had taken its place, of which systems `superseding`.
    `likeness`: how children are compared. `within`: what only one live resource of a child may be.
    `counted`: where it stands in the totals of its child; `counted_by`: the search parameter and the token
    that every such resource carries.
    `sightings`: who is brought in by it.
    `restriction`: the labels that a Patient puts on all that is known of the child, as bits. `sealed`:
    whether a resource is for those alone who may unseal. `decisions`: what it decides of sharing. `kind`: the
    class of resource that rights speak of. `profiles`: those that a resource has to keep whether it names
    them or not. `kinds`: the class of each of these profiles. `day`: the day that a resource of the profiles
    is about, on which its codes have to be in use. `statutes`: the rules across the resources of a child.
    `leads`: the Organizations of who leads the work with a child. `kept`: with what others said of the child
    and the writer does not mention. `acting`: by type, for those that the server acts by.
    """

    prepare: Sequence[Callable[[Json, Agency], Json]] = ()
    identity: Callable[[Json], list[Claim]] = field(default=lambda _: [])
    superseded: Callable[[Json], list[Claim]] = field(default=lambda _: [])
    superseding: frozenset[str] = frozenset()
    likeness: Likeness = Likeness()
    within: Callable[[Json], list[Claim]] = field(default=lambda _: [])
    counted: Callable[[Json], Counted | None] = field(default=lambda _: None)
    counted_by: tuple[str, str] = ("", "")
    sightings: Callable[[Json, "Act"], list[Sighting]] = field(default=lambda *_: [])
    restriction: Callable[[Json], int] = field(default=lambda _: 0)
    sealed: Callable[[Json], bool] = field(default=lambda _: False)
    decisions: Callable[[Json], list[Decision]] = field(default=lambda _: [])
    kind: Callable[[str, Index], int] = field(default=lambda *_: 0)
    profiles: Callable[[Json], tuple[str, ...]] = field(default=lambda _: ())
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    day: Callable[[Json, Sequence[str]], date | None] = field(default=lambda *_: None)
    statutes: Statutes = Statutes()
    leads: Leads = field(default=lambda *_: ())
    kept: Kept = field(default=lambda _before, sent, *_: sent)
    acting: Mapping[str, Acting] = field(default_factory=dict)
