"""A search as it was asked: the query string, understood.

https://hl7.org/fhir/R4/search.html
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from server.definition.searchparameter import SearchParameter
from server.fhir.issue import Invalid, NotSupported
from server.search.chain import asked
from server.search.complete import require_complete
from server.search.conjunct import conjuncts
from server.search.criterion import Unknown
from server.search.inclusion import Include, inclusion
from server.search.listed import LIST, of_list
from server.search.named import meant
from server.search.registry import Registry, kind
from server.search.score import CODE as SCORE
from server.search.score import PARAMETER, Part, parts
from server.search.types import Condition, Join
from server.search.types.filter import CODE

__all__ = ["Condition", "Include", "Query", "SortKey", "parse"]

MAX_COUNT = 1000
"""The longest page: a client that asks for more gets this many and a link to the next."""

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class SortKey:
    """`ranked`: what a score is made of, where that is the key."""

    parameter: SearchParameter
    descending: bool
    ranked: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """`self_parameters` is what was understood, in order, for the `self` link; `ignored`: the other names.

    `joins`: the criteria that speak of other resources.
    `summary` and `elements`: the part of each resource that is wanted; None and () for all of it.
    `contained`: "true" or "both", if contained resources are searched; `as_contained`: they are wanted
    themselves, and not what contains them. `most`: matches that are wanted in all.
    """

    type: str
    conditions: tuple[Condition, ...] = ()
    sort: tuple[SortKey, ...] = ()
    count: int | None = None
    total: str | None = None
    include: tuple[Include, ...] = ()
    revinclude: tuple[Include, ...] = ()
    self_parameters: tuple[Pair, ...] = ()
    ignored: tuple[str, ...] = ()
    summary: str | None = None
    elements: tuple[str, ...] = ()
    joins: tuple[Join, ...] = ()
    contained: str | None = None
    as_contained: bool = False
    most: int | None = None


def parse(type_: str, query: Sequence[Pair], registry: Registry, strict: bool) -> Query:
    """Raises NotSupported for what is known and not built, Invalid for what makes no sense, and under
    `Prefer: handling=strict` for what is unknown; otherwise that is ignored."""
    reading = _Reading(type_, registry, strict)
    named = meant(type_, query)
    for pair in query:
        if pair not in named.said:
            reading.take(*pair)
    understood = [*reading.understood, *named.said]
    for pair in named.pairs:
        reading.take(*pair)
    if named.said:
        reading.understood = understood
    return reading.query()


@dataclass(slots=True)
class _Reading:
    """The query so far."""

    type: str
    registry: Registry
    strict: bool
    conditions: list[Condition] = field(default_factory=list)
    sort: list[SortKey] = field(default_factory=list)
    count: int | None = None
    total: str | None = None
    include: list[Include] = field(default_factory=list)
    revinclude: list[Include] = field(default_factory=list)
    understood: list[Pair] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    summary: str | None = None
    elements: list[str] = field(default_factory=list)
    joins: list[Join] = field(default_factory=list)
    contained: str | None = None
    as_contained: bool = False
    most: int | None = None

    def take(self, name: str, value: str) -> None:
        """One parameter of the query string."""
        _check_text(name, value)
        code, _, modifier = name.partition(":")
        if code in _SILENT:
            return
        if not value:
            self.ignore(name, f"The search parameter '{name}' has no value.")
        elif code in _RESULT:
            if modifier and code not in ("_include", "_revinclude"):
                raise NotSupported(f"'{name}': '{code}' has no modifier '{modifier}'.")
            _RESULT[code](self, name, value)
        else:
            self.criterion(name, value)

    def criterion(self, name: str, value: str) -> None:
        try:
            if name == LIST:
                self.joins.append(of_list(self.type, value, self.registry))
            elif name == CODE:
                conditions, joins = conjuncts(self.type, value, self.registry)
                self.conditions += conditions
                self.joins += joins
            else:
                found = asked(self.type, name, value, self.registry)
                if isinstance(found, Condition):
                    self.conditions.append(found)
                else:
                    self.joins.append(found)
        except Unknown as error:
            self.ignore(name, str(error))
            return
        self.understood.append((name, value))

    def ignore(self, name: str, reason: str) -> None:
        if self.strict:
            raise Invalid(reason)
        self.ignored.append(name)

    def take_sort(self, name: str, value: str) -> None:
        kept = [text for text in value.split(",") if self._sort_key(name, text)]
        if kept:
            self.understood.append((name, ",".join(kept)))

    def _sort_key(self, name: str, text: str) -> bool:
        code = text.removeprefix("-")
        parameter = PARAMETER if code == SCORE else self.registry.parameter(self.type, code)
        if parameter is None:
            self.ignore(name, f"'{code}' is not a search parameter of {self.type}, and cannot be sorted by.")
            return False
        if parameter != PARAMETER:
            self._check_sortable(parameter)
        if any(key.parameter == parameter for key in self.sort):
            return False
        self.sort.append(SortKey(parameter, descending=text.startswith("-")))
        return True

    def _check_sortable(self, parameter: SearchParameter) -> None:
        require_complete(self.type, parameter)
        answer = kind(parameter)
        if answer is None or not answer.sortable:
            raise NotSupported(
                f"Sorting by '{parameter.code}', of type {parameter.type}, is not built: it has no order."
            )

    def take_count(self, name: str, value: str) -> None:
        if not _NUMBER.fullmatch(value):
            raise Invalid(f"'_count' is a number from 0 up, and was given '{value}'.")
        self.count = min(_whole(value), MAX_COUNT)
        self.understood.append((name, str(self.count)))

    def take_most(self, name: str, value: str) -> None:
        if not _NUMBER.fullmatch(value) or not _whole(value):
            raise Invalid(f"'_maxresults' is a number from 1 up, and was given '{value}'.")
        self.most = _whole(value)
        self.understood.append((name, value))

    def take_total(self, name: str, value: str) -> None:
        if value not in _TOTALS:
            raise Invalid(f"'_total' is one of {', '.join(_TOTALS)}, and was given '{value}'.")
        self.total = value
        self.understood.append((name, value))

    def take_summary(self, name: str, value: str) -> None:
        if value not in _SUMMARIES:
            raise Invalid(f"'_summary' is one of {', '.join(_SUMMARIES)}, and was given '{value}'.")
        self.summary = None if value == "false" else value
        self.understood.append((name, value))

    def take_elements(self, name: str, value: str) -> None:
        """`identifier,active` or `Patient.identifier`: which of them there are, whoever shows them knows."""
        self.elements += (text for text in map(str.strip, value.split(",")) if text)
        self.understood.append((name, value))

    def take_contained(self, name: str, value: str) -> None:
        if value not in _CONTAINED:
            raise Invalid(f"'_contained' is one of {', '.join(_CONTAINED)}, and was given '{value}'.")
        self.contained = None if value == "false" else value
        self.understood.append((name, value))

    def take_contained_type(self, name: str, value: str) -> None:
        if value not in _CONTAINED_TYPES:
            raise Invalid(
                f"'_containedType' is one of {', '.join(_CONTAINED_TYPES)}, and was given '{value}'."
            )
        self.as_contained = value == "contained"
        self.understood.append((name, value))

    def take_include(self, name: str, value: str) -> None:
        self._bring(self.include, name, value)

    def take_revinclude(self, name: str, value: str) -> None:
        self._bring(self.revinclude, name, value)

    def _bring(self, along: list[Include], name: str, value: str) -> None:
        try:
            along.append(inclusion(name, value, self.type, self.registry))
        except Unknown as error:
            self.ignore(name, str(error))
            return
        self.understood.append((name, value))

    def query(self) -> Query:
        return Query(
            self.type,
            tuple(self.conditions),
            tuple(map(self._scored, self.sort)),
            0 if self.summary == "count" else self.count,
            self.total,
            tuple(dict.fromkeys(self.include)),
            tuple(dict.fromkeys(self.revinclude)),
            tuple(self.understood),
            tuple(self.ignored),
            self.summary,
            tuple(dict.fromkeys(self.elements)),
            tuple(self.joins),
            self.contained,
            self.as_contained,
            self.most,
        )

    def _scored(self, key: SortKey) -> SortKey:
        """
        Raises:
            Invalid: there is nothing to give a score for.
        """
        if key.parameter != PARAMETER:
            return key
        ranked = parts(self.conditions)
        if not ranked:
            raise Invalid("There is no order by '_score' where neither words nor a place are searched for.")
        return replace(key, ranked=ranked)


_RESULT: Mapping[str, Callable[[_Reading, str, str], None]] = {
    "_contained": _Reading.take_contained,
    "_containedType": _Reading.take_contained_type,
    "_count": _Reading.take_count,
    "_elements": _Reading.take_elements,
    "_include": _Reading.take_include,
    "_maxresults": _Reading.take_most,
    "_revinclude": _Reading.take_revinclude,
    "_sort": _Reading.take_sort,
    "_summary": _Reading.take_summary,
    "_total": _Reading.take_total,
}
_SILENT = frozenset({"_format", "_pretty"})
_TOTALS = ("none", "estimate", "accurate")
_SUMMARIES = ("true", "text", "data", "count", "false")
_CONTAINED = ("false", "true", "both")
_CONTAINED_TYPES = ("container", "contained")
_NUMBER = re.compile(r"\d+", re.ASCII)
_DIGITS = 9


def _whole(text: str) -> int:
    """Of digits; what no page and no result is long enough for is cut."""
    return int(text[-_DIGITS:]) if len(text.lstrip("0")) <= _DIGITS else 10**_DIGITS


def _check_text(name: str, value: str) -> None:
    """A database takes neither: better said here."""
    try:
        text = (name + value).encode()
    except UnicodeEncodeError as error:
        raise Invalid("A search parameter holds half a surrogate pair, which is no character.") from error
    if b"\0" in text:
        raise Invalid("A search parameter holds the character NUL.")
