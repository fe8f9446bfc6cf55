"""What one caller may do: the scopes of its token ∩ the rights of its agency, as views for SQL.

Nothing here looks at a resource. The views go into every statement that names the table of resources, and
that is the only place where they decide.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from server.access.agency import Agency, Right
from server.access.scope import Scope
from server.definition.compartment import child_parameter
from server.fhir.issue import Forbidden, Invalid
from server.search.context import NAMED_BY, Behind
from server.search.hash import Hasher
from server.search.query import parse
from server.search.registry import Registry, ask
from server.search.types import Condition, Context
from server.search.view import Alternative, CallerView, alike

_ANY = Context("", Hasher(bytes(32)), "")
"""For the shape of a criterion, which no key decides."""

_VERBS = {"c": "create", "r": "read", "u": "update", "d": "delete", "s": "search"}


@dataclass(frozen=True)
class Access:
    """A caller: a client of an agency, and what its token lets it ask for."""

    client: str
    agency: Agency
    scopes: tuple[Scope, ...]
    registry: Registry
    hasher: Hasher
    base_url: str
    memo: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)
    """What others work out of its views: it is right for as long as they are."""
    _views: dict[tuple[str, str], CallerView] = field(default_factory=dict, repr=False, compare=False)

    def view(self, type_: str, letter: str) -> CallerView:
        """The rows of a type with which the caller may do `letter` of `cruds`.

        Raises:
            Forbidden: no scope, or no right, speaks of it.
        """
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

    @cached_property
    def traces(self) -> bool:
        """Whether the caller may ask for a child it does not work with by identifier and birth date."""
        return self.agency.trace and any(
            "s" in s.interactions and s.type in ("*", "Patient") for s in self.scopes
        )

    @cached_property
    def searched(self) -> tuple[str, ...]:
        """The types of which it may search some."""
        return tuple(each for each in self.registry.library.resource_types if self.may(each, "s"))

    def _view(self, type_: str, letter: str) -> CallerView:
        # A user's and a patient's scopes mean less than the agency's: who they are must be known first.
        scopes = [
            s
            for s in self.scopes
            if s.level == "system" and letter in s.interactions and s.type in ("*", type_)
        ]
        rights = [right for right in self.agency.rights if right.grants(type_, letter)]
        if not scopes or not rights:
            whose = "token's scopes do" if not scopes else "agency's rights do"
            raise Forbidden(f"The {whose} not let it {_VERBS[letter]} a {type_}.")
        context = Context(type_, self.hasher, self.base_url)
        ways = (
            self._alternative(type_, letter, right, narrowing, scope)
            for scope in scopes
            for right in rights
            for narrowing in (right.criteria or ("",))
        )
        seen_with = type_ in NAMED_BY
        directory = type_ != "Patient" and (seen_with or child_parameter(type_) is None)
        behind = self._behind if seen_with and letter != "c" else None
        return CallerView(type_, self.agency.number, tuple(dict.fromkeys(ways)), context, directory, behind)

    @cached_property
    def _behind(self) -> Behind:
        """What may be read of the types that something else may be seen with."""
        library = self.registry.library
        others = (each for each in library.resource_types if each not in NAMED_BY)
        return alike(
            {library.type_number(each): self.view(each, "r") for each in others if self.may(each, "r")}
        )

    def _alternative(
        self, type_: str, letter: str, right: Right, narrowing: str, scope: Scope
    ) -> Alternative:
        conditions = (
            *conditions_of(type_, narrowing, self.registry),
            *conditions_of(type_, scope.query, self.registry),
        )
        return Alternative(
            conditions=tuple(dict.fromkeys(conditions)),
            involved=right.children == "involved",
            months_after=right.months_after,
            whole=right.degree == "content",
            own=letter in "ud" and right.change == "own",
        )


def conditions_of(type_: str, criteria: str, registry: Registry) -> tuple[Condition, ...]:
    """The criteria that narrow a scope or a right.

    Raises:
        Invalid: one that the tokens of a row cannot decide; it must be refused when it is granted.
    """
    query = parse(
        type_,
        parse_qsl(criteria, keep_blank_values=True, strict_parsing=bool(criteria)),
        registry,
        strict=True,
    )
    if query.joins:
        raise Invalid(
            f"'{criteria}' cannot narrow what may be seen of {type_}: it speaks of other resources."
        )
    for condition in query.conditions:
        if condition.modifier or condition.parameter.type not in ("token", "reference") or (
            condition.parameter.code in ("_id", "identifier")
        ):  # fmt: skip
            raise Invalid(
                f"'{criteria}' cannot narrow what may be seen of {type_}: only token and reference "
                "parameters without a modifier can, and neither _id nor identifier."
            )
        if registry.library.shipped(type_).get(condition.parameter.code) != condition.parameter:
            raise Invalid(
                f"'{criteria}' cannot narrow what may be seen of {type_}: '{condition.parameter.code}' was "
                "added while the server ran, and may be taken away again."
            )
        if ask(condition, replace(_ANY, type=type_)).shape[0] == "implied":
            raise Invalid(
                f"'{criteria}' cannot narrow what may be seen of {type_}: name a code, and not a system."
            )
    return query.conditions
