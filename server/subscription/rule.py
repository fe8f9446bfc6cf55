"""The triggers of topics, compiled: which changes of a batch set one off.

https://hl7.org/fhir/R5/subscriptiontopic.html#resource-triggers
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from server.definition.library import library
from server.fhir import Json
from server.fhir.fhirpath import Environment, Expression, Misused, Unknown, Unread, compile
from server.fhir.issue import Invalid, TooCostly
from server.record.door import Door
from server.store.changes import Key
from server.store.outbox import Told
from server.subscription.query import Question, Versions, questions
from server.subscription.topic import CREATE, DELETE, UPDATE, BadTopic, Topic, Trigger

_ABOUT = "Resource"
"""An expression speaks of %previous and %current, either of which may be missing."""


@dataclass(frozen=True, slots=True)
class Change:
    """A row of the outbox with its version and, if there is one, the version that it replaced."""

    told: Told
    type: str
    after: Key
    before: Key | None

    @property
    def interaction(self) -> str:
        """One of those that a topic speaks of."""
        return self.told.interaction if self.told.interaction in (CREATE, DELETE) else UPDATE

    @property
    def said(self) -> Key:
        """The version that says what the resource is, or was before it was deleted."""
        return self.before or self.after if self.interaction == DELETE else self.after


@dataclass(frozen=True)
class Rule:
    """A trigger, compiled. None of `previous`, `current`, `expression`: nothing is asked of it."""

    trigger: Trigger
    previous: tuple[Question, ...] | None
    current: tuple[Question, ...] | None
    expression: Expression | None

    @property
    def type(self) -> str:
        """Of which resources it is."""
        return self.trigger.type

    @property
    def codes(self) -> frozenset[str]:
        """The search parameters that it asks by."""
        asked = (*(self.previous or ()), *(self.current or ()))
        return frozenset(each.condition.parameter.code for each in asked)

    def __hash__(self) -> int:
        return hash(self.trigger)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rule) and self.trigger == other.trigger


def rules(topic: Topic, door: Door) -> tuple[Rule, ...]:
    """Those of a topic.

    Raises:
        BadTopic: one asks for what cannot be decided.
    """
    try:
        return tuple(rule(each, door) for each in topic.triggers)
    except (Invalid, Unread, Unknown) as error:
        raise BadTopic(f"The topic '{topic.url}' cannot be triggered: {error}") from error


def rule(trigger: Trigger, door: Door) -> Rule:
    """A trigger.

    Raises:
        Invalid, Unread, Unknown: it asks for what cannot be decided by a version and the one before.
    """
    previous, current = (
        None if text is None else questions(trigger.type, text, door.registry, door)
        for text in (trigger.previous, trigger.current)
    )
    expression = trigger.expression
    compiled = compile(expression, _ABOUT, library().children) if expression else None
    return Rule(trigger, previous, current, compiled)


@dataclass(frozen=True, slots=True)
class Fired:
    """A change that sets off a rule. `by`: the versions that decide it."""

    change: Change
    by: frozenset[Key]


def fired(rules: Iterable[Rule], changes: Iterable[Change], versions: Versions) -> Mapping[Rule, list[Fired]]:
    """The changes by which each rule is set off, in order."""
    by_type: dict[str, list[Change]] = {}
    for change in changes:
        by_type.setdefault(change.type, []).append(change)
    found: dict[Rule, list[Fired]] = {}
    for each in rules:
        met = _met(each, by_type.get(each.type, []), versions)
        if met:
            found[each] = met
    return found


def _met(rule: Rule, changes: list[Change], versions: Versions) -> list[Fired]:
    allowed = (each for each in changes if each.interaction in rule.trigger.interactions)
    met = [Fired(each, frozenset((each.after, each.said))) for each in allowed]
    if rule.previous is not None or rule.current is not None:
        met = _queried(rule, met, versions)
    if rule.expression is not None and met:
        met = _expressed(rule.expression, met, versions)
    return met


def _queried(rule: Rule, some: list[Fired], versions: Versions) -> list[Fired]:
    trigger = rule.trigger
    was = _meeting(rule.previous, [each.change.before for each in some], versions)
    present = [each.change.after for each in some if each.change.interaction != DELETE]
    is_ = _meeting(rule.current, present, versions)
    met = []
    for each in some:
        change, by, asked = each.change, each, []
        if rule.current is not None:
            gone = change.interaction == DELETE
            asked.append(bool(trigger.for_delete) if gone else change.after in is_)
        # Where the present version is enough, nobody has to have seen the one before.
        if rule.previous is not None and (trigger.both or not any(asked)):
            asked.append(bool(trigger.for_create) if change.before is None else change.before in was)
            by = _looking_back(each)
        if all(asked) if trigger.both else any(asked):
            met.append(by)
    return met


def _looking_back(one: Fired) -> Fired:
    return Fired(one.change, one.by | {one.change.before}) if one.change.before else one


def _meeting(asked: tuple[Question, ...] | None, keys: Sequence[Key | None], versions: Versions) -> set[Key]:
    return versions.meeting_all(asked, [key for key in keys if key]) if asked is not None else set()


def _expressed(expression: Expression, some: list[Fired], versions: Versions) -> list[Fired]:
    keys = {key for each in some for key in (each.change.before, each.change.after) if key}
    said = versions.resources(keys)

    def holds(change: Change) -> bool:
        before = said.get(change.before) if change.before else None
        after = said.get(change.after) if change.interaction != DELETE else None
        return is_true(expression, before, after)

    return [_looking_back(each) for each in some if holds(each.change)]


def is_true(expression: Expression, before: Json | None, after: Json | None) -> bool:
    """Whether an expression is true of what a resource was and is: what cannot be told is not."""
    node = after or before
    if node is None:
        return False
    variables = {"previous": [before] if before else [], "current": [after] if after else []}
    try:
        return expression.values(node, Environment(resource=node, variables=variables)) == [True]
    except (Misused, TooCostly):
        return False
