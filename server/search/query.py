"""A search as it was asked: the query string, understood.

https://hl7.org/fhir/R4/search.html
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from server.definition.searchparameter import SearchParameter
from server.fhir.issue import Invalid, NotSupported
from server.search.escape import split
from server.search.registry import Registry, kind
from server.search.types import Condition, check_missing

__all__ = ["Condition", "Include", "Query", "SortKey", "parse"]

MAX_COUNT = 1000
"""The longest page: a client that asks for more gets this many and a link to the next."""

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class SortKey:
    parameter: SearchParameter
    descending: bool


@dataclass(frozen=True, slots=True)
class Include:
    """`source` is the type that holds the reference, `target` the only type to be followed to, if named."""

    source: str
    parameter: SearchParameter
    target: str | None


@dataclass(frozen=True, slots=True)
class Query:
    """`self_parameters` is what was understood, in order, for the `self` link; `ignored`: the other names."""

    type: str
    conditions: tuple[Condition, ...] = ()
    sort: tuple[SortKey, ...] = ()
    count: int | None = None
    total: str | None = None
    include: tuple[Include, ...] = ()
    revinclude: tuple[Include, ...] = ()
    self_parameters: tuple[Pair, ...] = ()
    ignored: tuple[str, ...] = ()


def parse(type_: str, query: Sequence[Pair], registry: Registry, strict: bool) -> Query:
    """Raises NotSupported for what is known and not built, Invalid for what makes no sense, and under
    `Prefer: handling=strict` for what is unknown; otherwise that is ignored."""
    reading = _Reading(type_, registry, strict)
    for name, value in query:
        reading.take(name, value)
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

    def take(self, name: str, value: str) -> None:
        """One parameter of the query string."""
        _check_text(name, value)
        code, _, modifier = name.partition(":")
        if code in _SILENT:
            return
        if not value:
            self.ignore(name, f"The search parameter '{name}' has no value.")
        elif code in _UNBUILT:
            raise NotSupported(f"'{code}' is not built yet.")
        elif code in _RESULT:
            if modifier:
                raise NotSupported(f"'{name}': the modifier '{modifier}' is not built yet.")
            _RESULT[code](self, name, value)
        else:
            self.criterion(name, value)

    def criterion(self, name: str, value: str) -> None:
        head, chain, _ = name.partition(".")
        code = head.partition(":")[0]
        parameter = self.registry.parameter(self.type, code)
        if parameter is None:
            self.ignore(name, f"'{code}' is not a search parameter of {self.type}.")
            return
        if chain and parameter.type == "reference":
            raise NotSupported(f"'{name}': chained parameters are not built yet.")
        condition = Condition(parameter, name[len(code) + 1 :] or None, _alternatives(value))
        if not condition.values:
            self.ignore(name, f"The search parameter '{name}' has no value.")
            return
        _check(self.type, condition, self.registry)
        self.conditions.append(condition)
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
        parameter = self.registry.parameter(self.type, code)
        if parameter is None:
            self.ignore(name, f"'{code}' is not a search parameter of {self.type}, and cannot be sorted by.")
            return False
        if kind(parameter) is None:
            raise NotSupported(f"Sorting by '{code}', of type {parameter.type}, is not built yet.")
        if any(key.parameter == parameter for key in self.sort):
            return False
        self.sort.append(SortKey(parameter, descending=text.startswith("-")))
        return True

    def take_count(self, name: str, value: str) -> None:
        if not _NUMBER.fullmatch(value):
            raise Invalid(f"'_count' is a number from 0 up, and was given '{value}'.")
        self.count = min(int(value[-9:]) if len(value.lstrip("0")) <= 9 else MAX_COUNT, MAX_COUNT)
        self.understood.append((name, value))

    def take_total(self, name: str, value: str) -> None:
        if value not in _TOTALS:
            raise Invalid(f"'_total' is one of {', '.join(_TOTALS)}, and was given '{value}'.")
        self.total = value
        self.understood.append((name, value))

    def take_summary(self, name: str, value: str) -> None:
        if value not in _SUMMARIES:
            raise Invalid(f"'_summary' is one of {', '.join(_SUMMARIES)}, and was given '{value}'.")
        if value != "false":
            raise NotSupported(f"'_summary={value}' is not built yet.")
        self.understood.append((name, value))

    def take_contained(self, name: str, value: str) -> None:
        if value != "false":
            raise NotSupported(f"'_contained={value}' is not built yet.")
        self.understood.append((name, value))

    def take_include(self, name: str, value: str) -> None:
        found = self._include(name, value)
        if found is None:
            return
        if found.source != self.type:
            self.ignore(name, f"'_include={value}' does not begin at {self.type}, which is searched.")
            return
        self.include.append(found)
        self.understood.append((name, value))

    def take_revinclude(self, name: str, value: str) -> None:
        found = self._include(name, value)
        if found is None:
            return
        if found.target not in (None, self.type):
            self.ignore(name, f"'_revinclude={value}' does not lead to {self.type}, which is searched.")
            return
        self.revinclude.append(found)
        self.understood.append((name, value))

    def _include(self, name: str, value: str) -> Include | None:
        """`Observation:encounter` or `Observation:performer:Organization`."""
        if "*" in value:
            raise NotSupported(f"'{name}={value}': including every reference is not built yet.")
        source, _, rest = value.partition(":")
        code, _, target = rest.partition(":")
        types = self.registry.library.resource_types
        parameter = self.registry.parameter(source, code) if source in types else None
        if parameter is None or parameter.type != "reference" or (target and target not in types):
            self.ignore(
                name,
                f"'{name}={value}' names no reference, as Type:parameter or Type:parameter:Type.",
            )
            return None
        return Include(source, parameter, target or None)

    def query(self) -> Query:
        return Query(
            self.type,
            tuple(self.conditions),
            tuple(self.sort),
            self.count,
            self.total,
            tuple(dict.fromkeys(self.include)),
            tuple(dict.fromkeys(self.revinclude)),
            tuple(self.understood),
            tuple(self.ignored),
        )


_RESULT: Mapping[str, Callable[[_Reading, str, str], None]] = {
    "_contained": _Reading.take_contained,
    "_count": _Reading.take_count,
    "_include": _Reading.take_include,
    "_revinclude": _Reading.take_revinclude,
    "_sort": _Reading.take_sort,
    "_summary": _Reading.take_summary,
    "_total": _Reading.take_total,
}
_SILENT = frozenset({"_format", "_pretty"})
_UNBUILT = frozenset(
    {
        "_containedType",
        "_content",
        "_elements",
        "_filter",
        "_has",
        "_list",
        "_query",
        "_text",
        "_type",
    }
)
_TOTALS = ("none", "estimate", "accurate")
_SUMMARIES = ("true", "text", "data", "count", "false")
_NUMBER = re.compile(r"\d+", re.ASCII)


def _check_text(name: str, value: str) -> None:
    """A database takes neither: better said here."""
    try:
        text = (name + value).encode()
    except UnicodeEncodeError as error:
        raise Invalid("A search parameter holds half a surrogate pair, which is no character.") from error
    if b"\0" in text:
        raise Invalid("A search parameter holds the character NUL.")


def _alternatives(value: str) -> tuple[str, ...]:
    return tuple(text for text in split(value, ",") if text)


def _check(type_: str, condition: Condition, registry: Registry) -> None:
    parameter, modifier = condition.parameter, condition.modifier
    answer = kind(parameter)
    if answer is None:
        raise NotSupported(f"'{parameter.code}', of type {parameter.type}, cannot be searched by yet.")
    if modifier == "missing":
        check_missing(condition)
        return
    of_type = parameter.type == "reference" and modifier in registry.library.resource_types
    if modifier is not None and modifier not in answer.modifiers and not of_type:
        raise NotSupported(
            f"'{parameter.code}:{modifier}': the modifier '{modifier}' is not built for parameters "
            f"of type {parameter.type}."
        )
    answer.check(type_, condition)
