"""What a caller may see, worked out for one resource after another.

docs/access.md, in plain Python: the rights of an agency narrowed by the scopes of its token, who works with a
child, who is named for a restricted one, and what existence and restriction leave of a resource.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from server.clock import now
from server.definition.library import library
from tests.differential.naive.match import Resource, target
from tests.differential.naive.path import Node, find, first_steps
from tests.differential.naive.value import LATEST, interval, period

_CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_OVER = ("entered-in-error", "cancelled", "planned-cancelled", "inactive")
_CONTACT = timedelta(days=28)
_MONTH = timedelta(days=30.4375)
_REDACTION = msgspec.json.decode(
    (Path(__file__).parents[3] / "profiles" / "redaction.json").read_bytes(),
    type=dict[str, dict[str, list[str]]],
)

Meets = Callable[[Resource, str], bool]
"""Whether a resource meets the criteria of a query string."""


class Scope(msgspec.Struct):
    """`system/Observation.rs?category=…`."""

    type: str
    interactions: str
    query: str = ""

    @classmethod
    def read(cls, text: str) -> "Scope":
        type_, _, rest = text.removeprefix("system/").partition(".")
        interactions, _, query = rest.partition("?")
        return cls(type_, interactions, query)


@dataclass
class World:
    """Every resource with its author, and the agency behind each Organization."""

    resources: dict[str, Resource]
    authors: dict[str, str]
    base: str

    def home(self, resource: Resource) -> str | None:
        """The child whose resource it is."""
        if resource["resourceType"] == "Patient":
            return f"Patient/{resource['id']}"
        expression = _home_expression(resource["resourceType"])
        found = [target(node, self.base) for node in find(expression, resource)] if expression else []
        return next((f"Patient/{each[1]}" for each in found if each and each[0] == "Patient"), None)

    def children(self, resource: Resource) -> set[str]:
        """Every child that it speaks of."""
        found = {f"{type_}/{id_}" for type_, id_ in _references(resource, self.base) if type_ == "Patient"}
        home = self.home(resource)
        return found | ({home} if home else set())

    def label(self, child: str) -> str:
        """R: whereabouts withheld, V: absent to all but the named."""
        security = self.resources.get(child, {}).get("meta", {}).get("security", ())
        labels = {each["code"] for each in security if each.get("system") == _CONFIDENTIALITY}
        return "V" if "V" in labels else "R" if "R" in labels else ""


@dataclass
class Caller:
    """A client of an agency with a token."""

    agency: str
    rights: list[dict[str, Any]]
    scopes: list[Scope]
    world: World
    meets: Meets
    _known: dict[tuple[str, str, bool], bool] = field(default_factory=dict)

    def may(self, type_: str, letter: str) -> bool:
        """Whether it may do this with anything of the type."""
        return any(True for _ in self._ways(type_, letter))

    def sees(self, resource: Resource, letter: str) -> bool:
        """Whether it may know that the resource is there."""
        return self._any_way(resource, letter, whole=False) and not any(
            self.world.label(child) == "V" and not self._is_named(child)
            for child in self.world.children(resource)
        )

    def sees_whole(self, resource: Resource, letter: str) -> bool:
        """Whether nothing of it is hidden."""
        return self._any_way(resource, letter, whole=True) and not self._is_withheld(resource)

    def finds(self, resource: Resource, codes: set[str]) -> bool:
        """Whether it may find the resource by these parameters: never by what it is not shown."""
        type_ = resource["resourceType"]
        whole = not all(_is_of_existence(type_, code) for code in codes)
        if self._is_withheld(resource) and any(_is_of_withheld(type_, code) for code in codes):
            return False
        return self.sees(resource, "s") and self._any_way(resource, "s", whole=whole)

    def _ways(self, type_: str, letter: str) -> Iterator[tuple[dict[str, Any], Scope]]:
        for scope in self.scopes:
            for right in self.rights:
                its = (right["types"] == ["*"] or type_ in right["types"]) and scope.type in ("*", type_)
                if its and letter in right["interactions"] and letter in scope.interactions:
                    yield right, scope

    def _any_way(self, resource: Resource, letter: str, *, whole: bool) -> bool:
        # Nothing changes while it asks, and it asks often.
        key = (f"{resource['resourceType']}/{resource['id']}", letter, whole)
        if key not in self._known:
            self._known[key] = self._has_way(resource, letter, whole=whole)
        return self._known[key]

    def _has_way(self, resource: Resource, letter: str, *, whole: bool) -> bool:
        return any(
            (right.get("degree", "content") == "content" or not whole)
            and self.meets(resource, scope.query)
            and any(self.meets(resource, query) for query in right.get("criteria", [""]))
            and (right.get("children") == "all" or self._works_with(resource, right.get("monthsAfter", 0)))
            for right, scope in self._ways(resource["resourceType"], letter)
        )

    def _works_with(self, resource: Resource, months: int) -> bool:
        """With every child that it speaks of; what could be a child's and is nobody's is its author's."""
        type_, key = resource["resourceType"], f"{resource['resourceType']}/{resource['id']}"
        children = self.world.children(resource)
        if _home_expression(type_) and self.world.home(resource) is None:
            is_own = self.world.authors[key] == self.agency
        else:
            is_own = True
        return is_own and all(self._is_involved(child, months) for child in children)

    def _is_involved(self, child: str, months: int) -> bool:
        since = now() - months * _MONTH
        return any(until > since for until in _involvements(self.world, child, self.agency))

    def _is_named(self, child: str) -> bool:
        """It set the label, or it is in a team that was put together by who is named."""
        if self.world.authors.get(child) == self.agency:
            return True
        teams = (each for each in self.world.resources.values() if each["resourceType"] == "CareTeam")
        return any(
            until > now()
            for team in teams
            if self.world.home(team) == child and self.world.authors[f"CareTeam/{team['id']}"] == "suite"
            for agency, until in _involved(self.world, team)
            if agency == self.agency
        )

    def _is_withheld(self, resource: Resource) -> bool:
        children = self.world.children(resource)
        return any(self.world.label(child) == "R" and not self._is_named(child) for child in children)


def _involvements(world: World, child: str, agency: str) -> Iterator[datetime]:
    """Until when the agency works with a child, by each registration, contact and team."""
    if world.authors.get(child) == agency:
        yield LATEST
    for resource in world.resources.values():
        brings_in = resource["resourceType"] in ("EpisodeOfCare", "Encounter", "CareTeam")
        if brings_in and world.home(resource) == child:
            yield from (until for who, until in _involved(world, resource) if who == agency)


def _involved(world: World, resource: Resource) -> Iterator[tuple[str, datetime]]:
    """(agency, until when) of those whom a resource brings in."""
    if resource.get("status") in _OVER:
        return
    stated = resource.get("period", {})
    _, until = period(stated)
    written = interval(resource["meta"]["lastUpdated"])[0]
    match resource["resourceType"]:
        case "EpisodeOfCare":
            if resource["status"] == "finished" and "end" not in stated:
                until = written
            yield from _agencies(world, resource.get("managingOrganization"), until)
        case "Encounter":
            begun = period(stated)[0] if "start" in stated else written
            if "end" not in stated:
                until = max(begun, written)
            yield from _agencies(world, resource.get("serviceProvider"), max(until, begun + _CONTACT))
        case "CareTeam":
            for organization in resource.get("managingOrganization", ()):
                yield from _agencies(world, organization, until)
            for participant in resource.get("participant", ()):
                its = min(until, period(participant.get("period", {}))[1])
                yield from _agencies(world, participant.get("member"), its)
                yield from _agencies(world, participant.get("onBehalfOf"), its)


def _agencies(world: World, reference: Any, until: datetime) -> Iterator[tuple[str, datetime]]:
    found = target(Node(reference, "Reference"), world.base) if reference else None
    if found and found[0] == "Organization":
        # Each agency of the tests has an Organization of its own name.
        yield found[1], until


def _references(element: Any, base: str) -> Iterator[tuple[str, str]]:
    for each in element.values() if isinstance(element, dict) else element:
        if isinstance(each, dict | list):
            yield from _references(each, base)
    if isinstance(element, dict) and isinstance(element.get("reference"), str):
        found = target(Node(element, "Reference"), base)
        if found:
            yield found


# ---- what may be asked -------------------------------------------------------------------------------------


@cache
def _home_expression(type_: str) -> str:
    """The expression of `patient`, else `subject`, if that may be a Patient; "" for what is of no child."""
    known = library().search_parameters(type_)
    found = (known.get(code) for code in ("patient", "subject"))
    return next((each.expression for each in found if each and "Patient" in each.target), "")


@cache
def _steps(type_: str, code: str) -> frozenset[str] | None:
    known = library().search_parameters(type_)
    if known[code].components:
        # A composite looks where its components do.
        like = {each.definition for each in known[code].components}
        parts = [_steps(type_, each.code) or frozenset() for each in known.values() if each.url in like]
        return frozenset().union(*parts)
    return first_steps(known[code].expression, type_) if known[code].expression else None


@cache
def _is_of_existence(type_: str, code: str) -> bool:
    """Whether a parameter asks for nothing but what existence shows."""
    lists = _REDACTION["existence"]
    shown = set(lists.get(type_, lists["*"])) - {"meta"}
    steps = _steps(type_, code)
    return code in ("_id", "_lastUpdated") or bool(steps and steps <= shown)


@cache
def _is_of_withheld(type_: str, code: str) -> bool:
    """Whether a parameter would tell of what is withheld of restricted children."""
    lists = _REDACTION["withheld"]
    steps = _steps(type_, code)
    gone = not steps or bool(steps & set(lists.get(type_, lists["*"])))
    return code not in ("_id", "_lastUpdated") and gone
