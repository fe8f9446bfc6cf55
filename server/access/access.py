"""What one caller may do: the scopes of its token ∩ the rights of its agency, as views for SQL.

Nothing here looks at a resource. The views go into every statement that names the table of resources, and
that is the only place where they decide.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache, cached_property
from typing import Any

from server import clock
from server.access import owner as owned
from server.access.agency import Agency
from server.access.criteria import conditions_of
from server.access.right import ALL, CONSENT, INVOLVED, OWN, PRIVATE, RESERVED, SYSTEM, Right
from server.access.scope import Scope
from server.access.user import ALL as ALL_OF_THE_AGENCY
from server.access.user import CHILD, User
from server.access.user import OWN as OWN_CHILDREN
from server.definition.compartment import child_parameter
from server.fhir.issue import Forbidden, Invalid
from server.fhir.json import shown
from server.fhir.period import HOME
from server.search import sight
from server.search.context import NAMED_BY, Behind
from server.search.hash import Hasher
from server.search.registry import Registry
from server.search.sight import FAMILY, WORKER, Children, Who
from server.search.types import Context
from server.search.view import ASKING, Alternative, CallerView, alike
from server.terminology.codes import codes

_VERBS = {"c": "create", "r": "read", "u": "update", "d": "delete", "s": "search"}

_LEVEL, _USER, _PATIENT = "system", "user", "patient"
"""Whose a scope's rights are: the agency's; the user's; the user's, with one child."""

_KEPT = 8192
"""Views that an agency's rights have been worked out to; then all are worked out again."""


@dataclass(frozen=True)
class Access:
    """A caller: a client of an agency, and what its token lets it ask for; maybe for a user."""

    client: str
    agency: Agency
    scopes: tuple[Scope, ...]
    registry: Registry
    hasher: Hasher
    base_url: str
    user: User | None = None
    purpose: str | None = None
    """What for, as the token or the request says it: a code of v3-PurposeOfUse."""
    patient: str | None = None
    """The id of the one child that patient/ scopes speak of."""
    memo: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)
    """What others work out of its views: it is right for as long as they are."""
    who: Who | None = field(default=None, compare=False)
    """The numbers that stand for the user and for that child, where there is a user."""
    _views: dict[tuple[str, str], CallerView] = field(default_factory=dict, repr=False, compare=False)
    _purposes: dict[str, "Access"] = field(init=False, default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.user is not None and self.who is None:
            object.__setattr__(self, "who", Who())

    def view(self, type_: str, letter: str) -> CallerView:
        """The rows of a type with which the caller may do `letter` of `cruds`.

        Raises:
            Forbidden: no scope, or no right, speaks of it.
        """
        if self._dated:
            self._renew()
        found = self._views.get((type_, letter))
        if found is None:
            found = self._views[type_, letter] = self._view(type_, letter)
        return found

    def may(self, type_: str, letter: str) -> bool:
        """Whether `view` would give one."""
        try:
            self.view(type_, letter)
        except Forbidden:
            return False
        return True

    def clauses(self, type_: str, letter: str) -> Iterable[tuple[Right, CallerView]]:
        """Each right by which the caller may do `letter`, with the rows that it alone shows: what a decision
        was made by."""
        scopes = [scope for scope in self._scopes(type_) if letter in scope.interactions]
        for right in self.rights:
            if scopes and right.grants(type_, letter):
                yield right, self._made(type_, letter, scopes, [right])

    @property
    def rights(self) -> tuple[Right, ...]:
        """Those that the caller has today."""
        return self.agency.holding(self._roles, self._known_purpose, _today())

    @cached_property
    def traces(self) -> bool:
        """Whether the caller may ask for a child it does not work with by identifier and birth date."""
        return self.agency.trace and self._person != FAMILY and self._speaks_of_children("s")

    @property
    def meets_others(self) -> bool:
        """Whether it may come to a child it does not know: an app opened for one child meets no other."""
        return self._speaks_of_children("r")

    def _speaks_of_children(self, letter: str) -> bool:
        """Whether a scope speaks of Patients, and not of the one alone that an app was opened for."""
        level = _USER if self.user else _LEVEL
        return any(
            s.level == level and letter in s.interactions and s.type in ("*", "Patient") for s in self.scopes
        )

    @property
    def searched(self) -> tuple[str, ...]:
        """The types of which it may search some."""
        if self._dated:
            self._renew()
        if "searched" not in self.memo:
            types = self.registry.library.resource_types
            self.memo["searched"] = tuple(each for each in types if self.may(each, "s"))
        found: tuple[str, ...] = self.memo["searched"]
        return found

    @property
    def owner(self) -> str:
        """Whom an answer is kept for: of two users of one client neither is given the other's."""
        return f"{self.client} {self.user.id}" if self.user else self.client

    def asking_for(self, purpose: str) -> "Access":
        """The same caller, for a purpose that it states with one request.

        Raises:
            Invalid: it is none. Forbidden: the token is for another, and for that alone.
        """
        if purpose not in purposes():
            raise Invalid(f"'{shown(purpose)}' is no purpose of use (v3-PurposeOfUse).")
        if self.purpose is not None and self.purpose != purpose:
            raise Forbidden(f"The token is for the purpose '{shown(self.purpose)}', and not for another.")
        if purpose not in self._purposes:
            own = self if self.purpose else replace(self, purpose=purpose, memo={}, _views={})
            self._purposes[purpose] = own
        return self._purposes[purpose]

    # ---- who it is -----------------------------------------------------------------------------------------

    @cached_property
    def _roles(self) -> frozenset[str]:
        if self.user is None:
            return frozenset((SYSTEM,))
        if self.user.is_family:
            # What stands for a person decides, and not what a claim says beside it.
            return frozenset((PRIVATE[self.user.kind],))
        return frozenset(self.user.roles) - RESERVED

    @cached_property
    def _person(self) -> str:
        if self.user is None:
            return ""
        return FAMILY if self.user.is_family else WORKER

    @cached_property
    def _known_purpose(self) -> str | None:
        return self.purpose if self.purpose in purposes() else None

    @cached_property
    def _dated(self) -> bool:
        return self.agency.dated

    def _renew(self) -> None:
        """What a right allowed until yesterday is not worked out from what was known then."""
        today = _today()
        if self.memo.get("day") != today:
            self._views.clear()
            self.memo.clear()
            self.memo["day"] = today

    # ---- views ---------------------------------------------------------------------------------------------

    def _scopes(self, type_: str) -> list[Scope]:
        """Those that say something of the type: with a user, the agency's own scopes say nothing."""
        levels = {_USER} if self.user else {_LEVEL}
        if self.user and self.patient:
            levels.add(_PATIENT)
        return [s for s in self.scopes if s.level in levels and s.type in ("*", type_)]

    def _view(self, type_: str, letter: str) -> CallerView:
        scopes = [scope for scope in self._scopes(type_) if letter in scope.interactions]
        rights = [right for right in self.rights if right.grants(type_, letter)]
        if not scopes or not rights:
            whose = "token's scopes do" if not scopes else "agency's rights do"
            raise Forbidden(f"The {whose} not let it {_VERBS[letter]} a {type_}.")
        return self._made(type_, letter, scopes, rights)

    def _made(self, type_: str, letter: str, scopes: Iterable[Scope], rights: Iterable[Right]) -> CallerView:
        """What all who may do the same have in common is worked out once."""
        memo, user = self.agency.memo, self.user
        kind = (user.kind, user.caseload) if user else None
        owner = self.owner if type_ in owned.TYPES else None
        key = (
            type_,
            letter,
            tuple(scopes),
            tuple(rights),
            kind,
            self._known_purpose,
            self._spoken_for,
            owner,
        )
        found: CallerView | None = memo.get(key)
        if found is None:
            if len(memo) >= _KEPT:
                memo.clear()
            found = memo[key] = self._worked_out(type_, letter, scopes, rights)
        return found.seen_by(self.who) if self.who else found

    @property
    def _spoken_for(self) -> Hashable:
        """What a Binary or a Provenance is seen with is a matter of all scopes."""
        return self.scopes, self._roles, _today() if self._dated else None, bool(self.patient)

    def _worked_out(
        self, type_: str, letter: str, scopes: Iterable[Scope], rights: Iterable[Right]
    ) -> CallerView:
        ways = (
            self._alternative(type_, letter, right, narrowing, scope)
            for scope in scopes
            for right in rights
            for narrowing in (right.criteria or ("",))
        )
        seen_with = type_ in NAMED_BY
        return CallerView(
            type_,
            self.agency.number,
            tuple(dict.fromkeys(way for way in ways if way)),
            Context(type_, self.hasher, self.base_url),
            directory=type_ != "Patient" and (seen_with or child_parameter(type_) is None),
            behind=self._behind if seen_with and letter != "c" else None,
            patients=self._patients if type_ in ASKING and letter != "c" else None,
            purpose=self._known_purpose,
            person=self._person,
        )

    @property
    def _behind(self) -> Behind:
        """What may be read of the types that something else may be seen with."""
        if self._dated:
            self._renew()
        if "behind" not in self.memo:
            library = self.registry.library
            others = (each for each in library.resource_types if each not in NAMED_BY)
            self.memo["behind"] = alike(
                {library.type_number(each): self.view(each, "r") for each in others if self.may(each, "r")}
            )
        found: Behind = self.memo["behind"]
        return found

    @property
    def _patients(self) -> CallerView:
        """Which Patients may be seen; none is no error here."""
        scopes = [scope for scope in self._scopes("Patient") if "r" in scope.interactions]
        rights = [right for right in self.rights if right.grants("Patient", "r")]
        return self._worked_out("Patient", "r", scopes, rights)

    def _alternative(
        self, type_: str, letter: str, right: Right, narrowing: str, scope: Scope
    ) -> Alternative | None:
        children = self._children(right, scope)
        if children is None:
            return None
        own = owned.criterion(self.owner) if type_ in owned.TYPES else ""
        conditions = (
            *conditions_of(type_, own, self.registry),
            *conditions_of(type_, narrowing, self.registry),
            *conditions_of(type_, scope.query, self.registry),
        )
        return Alternative(
            conditions=tuple(dict.fromkeys(conditions)),
            children=children,
            whole=right.degree == "content",
            hidden=right.hidden,
            read_only=right.read_only if letter == "u" else (),
            own=letter in "ud" and right.change == "own",
            agreed=right.requires == CONSENT,
            unseals=right.unseals,
        )

    def _children(self, right: Right, scope: Scope) -> Children | None:
        """Of which children a right speaks, to this caller; None: of none."""
        one, user = scope.level == _PATIENT, self.user
        if user is None:
            involved = right.children == INVOLVED
            months = right.months_after if involved else 0
            return None if right.children == OWN else Children(involved, months, ages=right.ages)
        if user.is_family:
            caseload = sight.SELF if user.kind == CHILD else sight.OWN
            # Parental responsibility has no months after.
            return Children(right.children == INVOLVED, 0, caseload, one, right.ages)
        involved, caseload = right.children != ALL, _caseload(right, user)
        months = right.months_after if involved or caseload else 0
        return Children(involved, months, caseload, one, right.ages)


def _caseload(right: Right, user: User) -> str:
    """With whom a worker works, where that matters."""
    if user.caseload == ALL_OF_THE_AGENCY and right.children != OWN:
        return ""
    # What cannot be understood is the least.
    return sight.TEAM if user.caseload in (ALL_OF_THE_AGENCY, "team") else OWN_CHILDREN


@cache
def purposes() -> frozenset[str]:
    """The codes that a purpose of use can have."""
    listed = codes("http://terminology.hl7.org/ValueSet/v3-PurposeOfUse")
    assert listed is not None
    return frozenset(code for _, code in listed)


def _today() -> date:
    return clock.now().astimezone(HOME).date()
