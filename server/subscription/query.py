"""Criteria held against versions of resources: by the hashes beside each, or else in the SQL of search.

Each distinct criterion is asked once of a batch of versions, however many subscriptions have it.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from server.access.criteria import conditions_of
from server.definition.library import library
from server.fhir import Json, json
from server.record.door import Door
from server.search.contained import matching
from server.search.extract import extract
from server.search.registry import Registry, ask
from server.search.types import Condition, Context
from server.store import changes
from server.store.changes import Key, Version
from server.store.row import Row

_HASHED = frozenset({"token", "reference", "uri"})


@dataclass(frozen=True)
class Question:
    """One criterion on the resources of a type. Two that ask the same are one."""

    type: str
    condition: Condition
    context: Context = field(compare=False, repr=False)

    @cached_property
    def hashes(self) -> frozenset[int] | None:
        """A version meets it if it bears one of these; None: hashes do not decide."""
        found = self._carried
        return found[0] if found and not found[1] else None

    @cached_property
    def _carried(self) -> tuple[frozenset[int], bool] | None:
        """The hashes that decide, and whether a version must bear none of them."""
        if self.condition.parameter.type not in _HASHED or self.condition.parameter.code == "_id":
            return None
        asked = ask(self.condition, self.context)
        if asked.shape[0] != "carries":
            return None
        negated = asked.shape[1] if self.condition.parameter.type == "token" else False
        return frozenset(asked.values[0]), bool(negated)

    def decides(self, version: Version) -> bool | None:
        """Whether a version meets it; None: its hashes do not tell."""
        carried = self._carried
        if carried is None:
            return None
        hashes, negated = carried
        return hashes.isdisjoint(version.tokens) == negated


def questions(type_: str, criteria: str, registry: Registry, door: Door) -> tuple[Question, ...]:
    """What a query string asks: `status=finished&patient=Patient/1`, with or without `Encounter?` before it.

    Raises:
        Invalid: it cannot be decided by one version of a resource alone.
    """
    named, mark, query = criteria.partition("?")
    text = query if mark and named == type_ else criteria
    context = Context(type_, door.hasher, door.base_url)
    return tuple(Question(type_, each, context) for each in conditions_of(type_, text, registry))


@dataclass
class Versions:
    """The versions of a batch, each with its predecessor where there is one, and what was asked of them."""

    door: Door
    connection: Any
    found: Mapping[Key, Version]
    _bodies: dict[Key, str] = field(default_factory=dict)
    _resources: dict[Key, Json] = field(default_factory=dict)
    _rows: dict[Key, Row] = field(default_factory=dict)
    _answers: dict[tuple[Hashable, Key], bool] = field(default_factory=dict)

    def resources(self, keys: Collection[Key]) -> Mapping[Key, Json]:
        """What the versions say; of a deletion nothing."""
        missing = [key for key in keys if key not in self._bodies]
        if missing:
            places = [(child, self.found[child, rid, v].type, rid, v) for child, rid, v in missing]
            bodies = changes.bodies(self.connection, places)
            self._bodies |= {key: bodies.get(key, "") for key in missing}
        for key in keys:
            if key not in self._resources and self._bodies[key]:
                self._resources[key] = json.decode(self._bodies[key].encode())
        return self._resources

    def meeting(self, question: Question, keys: Collection[Key]) -> set[Key]:
        """Those of the versions that meet a criterion."""
        open_: list[Key] = []
        for key in keys:
            if (question, key) not in self._answers:
                decided = question.decides(self.found[key])
                if decided is None:
                    open_.append(key)
                else:
                    self._answers[question, key] = decided
        if open_:
            met = self._searched(question, open_)
            self._answers |= {(question, key): key in met for key in open_}
        return {key for key in keys if self._answers[question, key]}

    def meeting_all(self, asked: Sequence[Question], keys: Collection[Key]) -> set[Key]:
        """Those that meet every one of the criteria."""
        left = set(keys)
        for question in asked:
            if not left:
                break
            left = self.meeting(question, left)
        return left

    def _searched(self, question: Question, keys: Sequence[Key]) -> set[Key]:
        """As a search would find them, if these versions were all there is."""
        resources = self.resources(keys)
        given = [key for key in keys if key in resources]
        rows = [self._row(key, place) for place, key in enumerate(given, 1)]
        met = matching(self.connection, rows, [question.condition], question.context)
        return {given[place - 1] for place in met}

    def _row(self, key: Key, place: int) -> Row:
        """A version as a search finds it, alone in the world: its place stands for its number."""
        version = self.found[key]
        index = extract(self._resources[key], self.door.hasher, self.door.base_url)
        return Row(
            type=version.type,
            id=version.id,
            rid=place,
            child=place,
            version=version.version,
            author=version.author,
            last_updated=version.at,
            body="{}",
            date=index.date,
            tokens=index.tokens,
            sorts=index.sorts,
            strings=index.strings,
            dates=index.dates,
            numbers=index.numbers,
            words=index.words,
            identifiers=index.identifiers,
        )


def type_of(version: Version) -> str:
    """The type of the resource that a version is of."""
    return library().type_name(version.type)


def by_type(keys: Iterable[Key], found: Mapping[Key, Version]) -> dict[int, list[Key]]:
    """The versions of each type, by its number."""
    groups: dict[int, list[Key]] = defaultdict(list)
    for key in keys:
        groups[found[key].type].append(key)
    return groups
