"""A subscription, compiled: which rules it hangs on, and what it asks of what sets them off.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/StructureDefinition-backport-filter-criteria.html
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from server.definition.library import library
from server.fhir.issue import Invalid, Unprocessable
from server.fhir.json import shown
from server.record.door import Door
from server.store.subscriptions import Subscription
from server.subscription.query import Question, questions
from server.subscription.rule import Rule, rule, rules
from server.subscription.topic import CREATE, UPDATE, Topic, Trigger, topic

_PREFIX = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap)\d")
_NAMED = re.compile(r"([A-Z][A-Za-z]+)(?:\?(.*))?", re.DOTALL)


@dataclass(frozen=True)
class Plan:
    """What becomes an event of a subscription: a change by one of its rules, of a resource that meets the
    filters of its type."""

    subscription: Subscription
    rules: tuple[Rule, ...]
    filters: Mapping[str, tuple[Question, ...]]

    def of_type(self, type_: str) -> tuple[Question, ...]:
        """What is asked of a resource of a type."""
        return self.filters.get(type_, ())

    def codes(self, rule: Rule) -> frozenset[str]:
        """The search parameters by which it is told of what sets off a rule."""
        asked = self.of_type(rule.type)
        return rule.codes.union(each.condition.parameter.code for each in asked)


def plan(subscription: Subscription, door: Door) -> Plan:
    """The subscription, compiled.

    Raises:
        Unprocessable: it asks for what there is not, or what cannot be decided.
    """
    if not subscription.topic:
        return _by_criteria(subscription, door)
    found = topic(subscription.topic)
    if found is None:
        raise Unprocessable(
            f"There is no topic '{shown(subscription.topic)}' here; the CapabilityStatement lists those that "
            "there are.",
            expression="Subscription.criteria",
        )
    return Plan(subscription, rules(found, door), _filters(found, subscription.filters, door))


def _by_criteria(subscription: Subscription, door: Door) -> Plan:
    """A subscription of R4: whatever is written and then meets a search.

    https://hl7.org/fhir/R4/subscription.html
    """
    named = _NAMED.fullmatch(subscription.criteria)
    if named is None or named[1] not in library().resource_types:
        raise Unprocessable(
            "The criteria are the canonical of a topic, or a search such as 'Observation?code=…'.",
            expression="Subscription.criteria",
        )
    type_, text = named[1], named[2] or ""
    try:
        asked = questions(type_, text, door.registry, door)
    except (Invalid, ValueError) as error:
        raise _refused(text, error, "Subscription.criteria") from error
    written = Trigger(type_, frozenset((CREATE, UPDATE)))
    return Plan(subscription, (rule(written, door),), {type_: asked} if asked else {})


# ---- filters -----------------------------------------------------------------------------------------------


def _filters(of: Topic, texts: Iterable[str], door: Door) -> Mapping[str, tuple[Question, ...]]:
    found: dict[str, list[Question]] = defaultdict(list)
    for text in texts:
        for type_, criterion in _parts(of, text):
            try:
                asked = questions(type_, criterion, door.registry, door)
            except (Invalid, ValueError) as error:
                raise _refused(text, error) from error
            found[type_] += asked
    return {type_: tuple(dict.fromkeys(asked)) for type_, asked in found.items()}


def _parts(of: Topic, text: str) -> Iterator[tuple[str, str]]:
    """The criteria of a filter, each with the type that it is for.

    Raises:
        Unprocessable: the topic cannot be filtered so.
    """
    type_, mark, query = text.partition("?")
    if not mark:
        type_, query = "", text
    if type_ and type_ not in of.types:
        raise _refused(text, f"the topic does not tell of any '{shown(type_)}'.")
    for criterion in filter(None, query.split("&")):
        types = [each for each in ((type_,) if type_ else of.types) if _is_allowed(of, each, criterion)]
        # A filter that speaks of no type is for those that have it; of the others nothing is asked.
        if not types:
            raise _refused(text, f"the topic cannot be filtered by '{shown(criterion.partition('=')[0])}'.")
        yield from ((each, criterion) for each in types)


def _is_allowed(of: Topic, type_: str, criterion: str) -> bool:
    name, _, value = criterion.partition("=")
    code, _, modifier = name.partition(":")
    prefix = _PREFIX.match(value)
    return any(
        each.parameter == code
        and each.type in (None, type_)
        and (not modifier or not each.modifiers or modifier in each.modifiers)
        and (prefix is None or not each.comparators or prefix[1] in each.comparators)
        for each in of.filters
    )


_FILTER = "Subscription.criteria.extension"


def _refused(text: str, why: object, where: str = _FILTER) -> Unprocessable:
    return Unprocessable(f"'{shown(text)}' cannot be a filter: {why}", expression=where)


# ---- many of them ------------------------------------------------------------------------------------------


@dataclass
class Plans:
    """The subscriptions that there are, found by what a resource bears: those that can match, and few
    others."""

    _plans: dict[int, Plan] = field(default_factory=dict)
    _hashed: dict[Rule, dict[int, dict[int, Plan]]] = field(default_factory=dict)
    _open: dict[Rule, dict[int, Plan]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._plans)

    def __iter__(self) -> Iterator[Plan]:
        return iter(self._plans.values())

    def get(self, rid: int) -> Plan | None:
        """That of a subscription."""
        return self._plans.get(rid)

    @property
    def rules(self) -> Collection[Rule]:
        """Those that any subscription hangs on."""
        return self._open.keys() | self._hashed.keys()

    @property
    def types(self) -> frozenset[str]:
        """Of which resources anybody wants to be told."""
        return frozenset(each.type for each in self.rules)

    def put(self, plan: Plan) -> None:
        """A subscription as it is now."""
        self.remove(plan.subscription.rid)
        self._plans[plan.subscription.rid] = plan
        for each in plan.rules:
            for group in self._groups(plan, each):
                group[plan.subscription.rid] = plan

    def remove(self, rid: int) -> None:
        """It is no more."""
        known = self._plans.pop(rid, None)
        for each in known.rules if known else ():
            assert known is not None
            for group in self._groups(known, each):
                group.pop(rid, None)
            self._tidy(known, each)

    def candidates(self, rule: Rule, tokens: Collection[int]) -> Iterable[Plan]:
        """Those that hang on a rule, and that hashes do not rule out."""
        found = dict(self._open.get(rule, {}))
        hashed = self._hashed.get(rule)
        if hashed:
            for token in tokens:
                if token in hashed:
                    found |= hashed[token]
        return found.values()

    def _groups(self, plan: Plan, rule: Rule) -> list[dict[int, Plan]]:
        hashes = _rarest(plan.of_type(rule.type))
        if hashes is None:
            return [self._open.setdefault(rule, {})]
        hashed = self._hashed.setdefault(rule, {})
        return [hashed.setdefault(each, {}) for each in hashes]

    def _tidy(self, plan: Plan, rule: Rule) -> None:
        for hashes in _rarest(plan.of_type(rule.type)) or ():
            if not self._hashed[rule][hashes]:
                del self._hashed[rule][hashes]
        for groups in (self._hashed, self._open):
            if rule in groups and not groups[rule]:
                del groups[rule]


def _rarest(asked: Iterable[Question]) -> frozenset[int] | None:
    """The hashes of which every match bears one; of several criteria those of a reference, which are rare."""
    found = [each for each in asked if each.hashes]
    found.sort(key=lambda each: (each.condition.parameter.type != "reference", len(each.hashes or ())))
    return found[0].hashes if found else None
