"""The rules across a child's resources, held against one of them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from server import clock
from server.child import workingday
from server.child.kind import kinds
from server.child.statute import BadStatute, Statute, cited, statutes
from server.definition.library import library
from server.fhir import Json
from server.fhir.fhirpath import Environment, Expression, Unknown, Unread, compile
from server.fhir.issue import Issue
from server.fhir.period import HOME, day
from server.record.hook import Others, Statutes
from server.validation.context import Context
from server.validation.fault import shown

# What never was can break no rule, nor make another break one.
_VOID = frozenset({"entered-in-error", "cancelled"})
_EXTENSION = re.compile(r"extension\('[^']*/([^'/]*)'\)(\.value)?")


def hook() -> Statutes:
    """The rules as the record asks for them.

    Raises:
        BadStatute: one cannot be understood.
    """
    for profile in {each.profile for each in statutes()}:
        _of(profile, full=True)
    return Statutes(around=around, issues=issues)


def around(resource: Json, profiles: Sequence[str], full: bool) -> frozenset[str]:
    """The profiles of whose resources the rules want to know that are to be held against a resource."""
    return frozenset(
        profile for each in _asked(resource, profiles, full) for profile in each.statute.others.values()
    )


def issues(resource: Json, profiles: Sequence[str], others: Others, context: Context) -> list[Issue]:
    """What the rules find, each in a sentence that says where the rule is from."""
    asked = list(_asked(resource, profiles, context.full))
    if not asked:
        return []
    live = {profile: [each for each in found if not _is_void(each)] for profile, found in others.items()}
    today = clock.now().astimezone(HOME).date()
    return [each.issue(resource) for each in asked if not each.is_kept(resource, live, today)]


def _asked(resource: Json, profiles: Iterable[str], full: bool) -> Iterator["_Held"]:
    if _is_void(resource):
        return
    environment = Environment(resource=resource)
    for profile in profiles:
        for each in _of(profile, full):
            if each.concerns(resource, environment):
                yield each


def _is_void(resource: Json) -> bool:
    return resource.get("status") in _VOID


def _of(profile: str, full: bool) -> tuple["_Held", ...]:
    """The rules for a profile, all of them or those that are errors."""
    by_profile: dict[tuple[str, bool], tuple[_Held, ...]] = library().memo.setdefault(_of, {})
    known = by_profile.get((profile, full))
    if known is None:
        all_ = tuple(_Held.of(each) for each in statutes() if each.profile == profile)
        by_profile[profile, True] = all_
        by_profile[profile, False] = tuple(each for each in all_ if each.statute.severity == "error")
        known = by_profile[profile, full]
    return known


@dataclass(frozen=True, slots=True)
class _Held:
    """A rule, compiled for the type of its profile."""

    statute: Statute
    when: Expression | None
    expression: Expression
    elements: Mapping[str, Expression]
    since: Expression | None
    closed: Expression | None

    @classmethod
    def of(cls, statute: Statute) -> "_Held":
        type_, due = kinds()[statute.profile].type, statute.due

        def compiled(text: str) -> Expression:
            try:
                return compile(text, type_, library().children)
            except (Unread, Unknown) as error:
                raise BadStatute(f"The rule '{statute.key}' cannot be held: {error}") from error

        return cls(
            statute,
            compiled(statute.when) if statute.when else None,
            compiled(statute.expression),
            {text: compiled(text) for text in statute.elements},
            compiled(due.since) if due else None,
            compiled(due.closed) if due and due.closed else None,
        )

    def concerns(self, resource: Json, environment: Environment) -> bool:
        """Whether the rule is about such a resource, as far as it tells by itself."""
        return self.when is None or self.when.holds(resource, environment)

    def environment(self, resource: Json, others: Others) -> Environment:
        """The resource, and the others under the names that the rule has for them."""
        found = {name: others.get(profile, ()) for name, profile in self.statute.others.items()}
        return Environment(resource=resource, variables=found)

    def holds(self, resource: Json, others: Others) -> bool:
        return self.expression.holds(resource, self.environment(resource, others))

    def is_kept(self, resource: Json, others: Others, today: date) -> bool:
        """Whether it holds, or need not hold yet."""
        if self.since is not None:
            until = self.due(resource, self.environment(resource, others))
            if until is None or today <= until:
                return True
        return self.holds(resource, others)

    def due(self, resource: Json, environment: Environment) -> date | None:
        """The last day on which it may still be open; None: there is no such day."""
        asked = self.statute.due
        if asked is None or self.since is None:
            return None
        days = list(_days(self.since.values(resource, environment)))
        if not days:
            return None
        if asked.unit == "day":
            return days[0] + timedelta(days=asked.count)
        closed = self.closed.values(resource, environment) if self.closed else ()
        return workingday.after(days[0], asked.count, frozenset(_days(closed)))

    def issue(self, resource: Json) -> Issue:
        """That the resource breaks it, with what it says where the rule looks."""
        asked, type_ = self.statute, resource["resourceType"]
        environment = Environment(resource=resource)
        found = [
            f"{_label(text)} is {value}"
            for text, each in self.elements.items()
            for value in [_told(each.values(resource, environment))]
            if value
        ]
        said = f" Here {', '.join(found)}." if found else ""
        return Issue(
            "business-rule",
            f"{type_} breaks the rule {asked.key}: {asked.human}{said} Source: {cited(asked.source)}.",
            tuple(f"{type_}.{text}" for text in asked.elements),
            severity=asked.severity,
            source=f"{asked.profile}#{type_}",
            rule=asked.key,
            profile=asked.profile,
        )


def _days(values: Iterable[Any]) -> Iterator[date]:
    """Those of the dates that are known to the day."""
    for value in values:
        known = day(value) if isinstance(value, str) else None
        if known is not None:
            yield known


def _label(text: str) -> str:
    return _EXTENSION.sub(r"\1", text)


def _told(values: Iterable[Any]) -> str:
    """Codes and dates; anything else might be somebody's."""
    return " and ".join(each for value in values for each in _pieces(value))


def _pieces(value: Any) -> Iterator[str]:
    match value:
        case bool():
            yield "true" if value else "false"
        case str():
            yield shown(value)
        case {"coding": [*codings]}:
            yield from (shown(each["code"]) for each in codings if "code" in each)
        case {"start": str(start), "end": str(end)}:
            yield f"from {shown(start)} to {shown(end)}"
        case {"start": str(start)}:
            yield f"from {shown(start)}, without an end"
