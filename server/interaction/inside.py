"""What a condition finds among the resources that its own Bundle writes, before any of them is written.

Identifiers and codes tell; whatever else is asked, only the database knows, once it is all written.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from server.fhir import Json
from server.search.extract import extract
from server.search.hash import Hasher
from server.search.query import Query
from server.search.registry import ask
from server.search.types import Condition, Context
from server.search.types.token import Value
from server.validation.validate import validate

Posting = Mapping[object, set[int]]


@dataclass(frozen=True, slots=True)
class Matches:
    """The numbers of the entries that a query may find; `sure`: they are what it finds."""

    entries: frozenset[int]
    sure: bool


@dataclass(frozen=True)
class Inside:
    """The resources of one type that a Bundle writes, each with the number of its entry."""

    type: str
    resources: Mapping[int, Json]
    hasher: Hasher
    base_url: str

    def matches(self, query: Query) -> Matches:
        """Those that the query may find."""
        found: set[int] | None = None
        sure = not query.joins
        for condition in query.conditions:
            keys = self._keys(condition)
            if keys is None:
                sure = False
            else:
                posted = self._identifiers if condition.parameter.code == "identifier" else self._tokens
                some = set().union(*(posted.get(key, ()) for key in keys))
                found = some if found is None else found & some
        return Matches(frozenset(self.resources if found is None else found), sure)

    def _keys(self, condition: Condition) -> list[object] | None:
        """Under which the matches are posted; None where that does not tell."""
        if condition.modifier or condition.parameter.type not in ("token", "uri"):
            return None
        if condition.parameter.code == "identifier":
            values = (Value.parse(text) for text in condition.values)
            return [(value.system, value.code) for value in values]
        asked = ask(condition, Context(self.type, self.hasher, self.base_url))
        return list(asked.values[0]) if asked.shape[0] == "carries" else None

    @cached_property
    def _identifiers(self) -> Posting:
        return _posted((form, at) for at, each in self.resources.items() for form in _identifiers(each))

    @cached_property
    def _tokens(self) -> Posting:
        # What is not valid is refused before a condition matters.
        valid = ((at, each) for at, each in self.resources.items() if not validate(each))
        return _posted(
            (token, at) for at, each in valid for token in extract(each, self.hasher, self.base_url).tokens
        )


def _posted(pairs: Iterable[tuple[object, int]]) -> Posting:
    found: dict[object, set[int]] = {}
    for key, at in pairs:
        found.setdefault(key, set()).add(at)
    return found


def _identifiers(resource: Json) -> Iterator[tuple[str | None, str]]:
    """In the forms of a criterion: `s|v`, `v`, `s|`; "" stands for no system and for any code."""
    given = resource.get("identifier", ())
    for each in given if isinstance(given, list) else (given,):
        if isinstance(each, dict) and isinstance(value := each.get("value"), str):
            system = each.get("system", "")
            if isinstance(system, str):
                yield from ((system, value), (None, value), (system, ""))
