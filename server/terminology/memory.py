"""Code systems that a definition lists: R4's own, the project's, those that were added.

https://hl7.org/fhir/R4/codesystem.html
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property, lru_cache
from itertools import islice

from server.definition.codes import concepts, steps
from server.definition.library import library
from server.fhir import Json
from server.fhir.issue import TooCostly
from server.fhir.name import fold
from server.fhir.patience import Patience
from server.fhir.regex import Unreadable, regex
from server.terminology.provider import (
    CannotTell,
    Concept,
    Designation,
    Filter,
    Property,
    Query,
    Value,
    written,
)

_ABSTRACT = frozenset({"notSelectable", "abstract"})
_INACTIVE = frozenset({"retired", "inactive"})
_STEPS = 1_000_000
"""To find the codes that fit a regular expression."""

_KEPT = 64
"""Lists of codes that a code system remembers: one page of a list is followed by the next."""

_WITHOUT_CODES = frozenset({"not-present", "supplement"})


def system(url: str, version: str | None = None) -> "Listed | None":
    """The code system of a definition that has its codes, with what supplements say."""
    memo, key = library().memo, ("code system", url, version)
    if key not in memo:
        memo[key] = _system(url, version)
    found: Listed | None = memo[key]
    return found


def value_set(url: str) -> Json | None:
    """All codes of a code system that says of itself what this set is called."""
    of = _noted().value_sets.get(url)
    return {"resourceType": "ValueSet", "url": url, "compose": {"include": [{"system": of}]}} if of else None


def systems() -> Iterator[tuple[str, str | None]]:
    """Those with all of their codes."""
    memo = library().memo
    if "code systems" not in memo:
        memo["code systems"] = [*_complete()]
    yield from memo["code systems"]


def _complete() -> Iterator[tuple[str, str | None]]:
    for url in library().canonicals("CodeSystem"):
        definition = library().resource("CodeSystem", url)
        if definition is not None and definition.get("content") == "complete":
            yield url, definition.get("version")


def _system(url: str, version: str | None) -> "Listed | None":
    definition = library().resource("CodeSystem", f"{url}|{version}" if version else url)
    if definition is None or definition.get("content") in _WITHOUT_CODES:
        return None
    # Who finds no such version is given another, and must not take it for the one that was asked for.
    if version is not None and definition.get("version") != version:
        return None
    return Listed(definition, [*_supplements(url)])


class _Noted:
    """What code systems say that is looked for the other way round."""

    def __init__(self, definitions: Iterable[Json]) -> None:
        self.supplements: dict[str, list[str]] = {}
        self.value_sets: dict[str, str] = {}
        for each in definitions:
            if "supplements" in each:
                of = each["supplements"].partition("|")[0]
                self.supplements.setdefault(of, []).append(each["url"])
            elif "valueSet" in each and "url" in each:
                self.value_sets[each["valueSet"]] = each["url"]


def _noted() -> _Noted:
    memo = library().memo
    if "code systems noted" not in memo:
        memo["code systems noted"] = _Noted(_beside_hl7())
    found: _Noted = memo["code systems noted"]
    return found


def _beside_hl7() -> Iterator[Json]:
    found = (library().resource("CodeSystem", url) for url in library().canonicals("CodeSystem", hl7=False))
    return (each for each in found if each is not None)


def _supplements(url: str) -> Iterator[Json]:
    for each in _noted().supplements.get(url, ()):
        definition = library().resource("CodeSystem", each)
        if definition is not None:
            yield definition


class Listed:
    """A concept stands under another by nesting, or by a property that names the other."""

    def __init__(self, definition: Json, supplements: Sequence[Json] = ()) -> None:
        self.url: str = definition["url"]
        self.version: str | None = definition.get("version")
        self.name: str = definition.get("title") or definition.get("name") or self.url
        # R4 leaves open what its absence means: codes that differ by case alone are not taken for the same.
        self.case_sensitive: bool = definition.get("caseSensitive", True)
        self.complete: bool = definition.get("content") == "complete"
        self._types = {each["code"]: each for each in definition.get("property", ())}
        self._supplements = supplements
        self._raw: dict[str, Json] = {each["code"]: each for each in concepts(definition)}
        self._parents: dict[str, list[str]] = {}
        self._children: dict[str, list[str]] = {}
        for code, above in steps(definition):
            self._stands(code, above)
        self._made: dict[str, Concept] = {}
        self._fitting = lru_cache(maxsize=_KEPT)(self._list)
        self._chosen = lru_cache(maxsize=_KEPT)(self._choose)

    @property
    def hierarchical(self) -> bool:
        return bool(self._parents)

    def _stands(self, code: str, above: str) -> None:
        parents = self._parents.setdefault(code, [])
        if above not in parents:
            parents.append(above)
            self._children.setdefault(above, []).append(code)

    def __len__(self) -> int:
        return len(self._raw)

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def find(self, code: str) -> Concept | None:
        made = self._made.get(code)
        if made is None:
            raw = self._raw.get(code) or (None if self.case_sensitive else self._by_folded.get(code.lower()))
            if raw is None:
                return None
            made = self._made[raw["code"]] = self._concept(raw)
        return made

    @cached_property
    def _by_folded(self) -> Mapping[str, Json]:
        return {code.lower(): raw for code, raw in self._raw.items()}

    def _concept(self, raw: Json) -> Concept:
        said = [raw, *self._supplementing.get(raw["code"], ())]
        values = {each["code"]: _value(each)[1] for each in raw.get("property", ())}
        return Concept(
            code=raw["code"],
            display=raw.get("display"),
            definition=raw.get("definition"),
            designations=tuple(_designation(each) for one in said for each in one.get("designation", ())),
            properties=tuple(self._property(each) for one in said for each in one.get("property", ())),
            abstract=any(values.get(name) is True for name in _ABSTRACT),
            inactive=values.get("inactive") is True or values.get("status") in _INACTIVE,
            valid_from=_date(values.get("validFrom")),
            valid_to=_date(values.get("validTo")),
        )

    @cached_property
    def _supplementing(self) -> Mapping[str, list[Json]]:
        found: dict[str, list[Json]] = {}
        for supplement in self._supplements:
            for concept in concepts(supplement):
                found.setdefault(concept["code"], []).append(concept)
        return found

    def _property(self, raw: Json) -> Property:
        key, value = _value(raw)
        declared = self._types.get(raw["code"], {})
        type_ = declared.get("type") or key[5:6].lower() + key[6:]
        return Property(
            raw["code"], value, "Coding" if key == "valueCoding" else type_, declared.get("description")
        )

    def parents(self, code: str) -> Sequence[str]:
        return self._parents.get(code, ())

    def children(self, code: str) -> Sequence[str]:
        return self._children.get(code, ())

    def subsumes(self, above: str, below: str) -> bool:
        return above == below or above in self.reached(below, self._parents)

    def reached(self, code: str, steps: Mapping[str, Sequence[str]]) -> set[str]:
        """All that is above or below a code, without itself."""
        found: set[str] = set()
        todo = [code]
        while todo:
            more = set(steps.get(todo.pop(), ())) - found
            found |= more
            todo += more
        return found

    def above(self, code: str) -> set[str]:
        return self.reached(code, self._parents)

    def below(self, code: str) -> set[str]:
        return self.reached(code, self._children)

    def holds(self, code: str, filters: tuple[Filter, ...]) -> bool:
        return all(code in self._fitting(each) for each in filters)

    def matching(self, query: Query) -> Iterator[Concept]:
        codes = self._chosen(query.filters, query.text, query.active)
        stop = None if query.limit is None else query.offset + query.limit
        return map(self._existing, islice(codes, query.offset, stop))

    def count(self, query: Query) -> int:
        return len(self._chosen(query.filters, query.text, query.active))

    def _choose(self, filters: tuple[Filter, ...], text: str | None, active: bool) -> tuple[str, ...]:
        codes: Iterable[str] = self._raw
        if filters:
            fitting = frozenset.intersection(*map(self._fitting, filters))
            codes = (code for code in codes if code in fitting)
        if text and (words := {f" {word}" for word in fold(text).split()}):
            codes = self._reading(codes, words)
        if active:
            codes = (code for code in codes if not self._existing(code).inactive)
        return tuple(codes)

    def _reading(self, codes: Iterable[str], words: Set[str]) -> Iterator[str]:
        return (code for code in codes if all(word in self._said[code] for word in words))

    def _existing(self, code: str) -> Concept:
        found = self.find(code)
        assert found is not None
        return found

    @cached_property
    def _said(self) -> Mapping[str, str]:
        """By code everything it is called, folded, each word after a space; the code too."""
        return {
            code: " " + " ".join(fold(text) for text in self._texts(raw)) for code, raw in self._raw.items()
        }

    def _texts(self, raw: Json) -> Iterator[str]:
        yield raw["code"]
        yield raw.get("display", "")
        for one in (raw, *self._supplementing.get(raw["code"], ())):
            yield from (each["value"] for each in one.get("designation", ()))

    def _list(self, wanted: Filter) -> frozenset[str]:
        listed = _OPERATORS.get(wanted.op)
        if listed is None:
            raise CannotTell(
                f"The code system '{self.url}' is not filtered by '{wanted.property} {wanted.op}' here."
            )
        try:
            return frozenset(listed(self, wanted.property, wanted.value))
        except TooCostly as error:
            raise CannotTell(str(error), "too-costly") from error

    def having(self, name: str, fits: Callable[[str], object]) -> set[str]:
        """The codes of which a value of the property fits."""
        return {
            code for code, raw in self._raw.items() if any(fits(each) for each in self._values(raw, name))
        }

    def all(self) -> set[str]:
        return set(self._raw)

    def _values(self, raw: Json, name: str) -> Iterator[str]:
        """What a concept says under a property's name, in the form that a filter writes it."""
        match name:
            case "code" | "concept":
                yield raw["code"]
            case "display" | "definition":
                yield raw.get(name, "")
            case "parent":
                yield from self._parents.get(raw["code"], ())
            case "child":
                yield from self._children.get(raw["code"], ())
            case "designation":
                yield from (each["value"] for each in raw.get("designation", ()))
            case _:
                yield from (
                    written(_value(each)[1]) for each in raw.get("property", ()) if each["code"] == name
                )


_List = Callable[[Listed, str, str], Iterable[str]]

# https://hl7.org/fhir/R4/valueset-filter-operator.html; the last two are R5's.
_OPERATORS: Mapping[str, _List] = {
    "=": lambda system, name, value: system.having(name, value.__eq__),
    "in": lambda system, name, value: system.having(name, set(_several(value)).__contains__),
    "not-in": lambda system, name, value: (
        system.all() - system.having(name, set(_several(value)).__contains__)
    ),
    "regex": lambda system, name, value: system.having(name, _fitting(value)),
    "exists": lambda system, name, value: (
        system.having(name, bool) if value == "true" else system.all() - system.having(name, bool)
    ),
    "is-a": lambda system, name, value: system.below(value) | ({value} & system.all()),
    "descendent-of": lambda system, name, value: system.below(value),
    "is-not-a": lambda system, name, value: system.all() - system.below(value) - {value},
    "generalizes": lambda system, name, value: system.above(value) | ({value} & system.all()),
    "child-of": lambda system, name, value: system.children(value),
    "descendent-leaf": lambda system, name, value: {
        each for each in system.below(value) if not system.children(each)
    },
}


def _several(text: str) -> list[str]:
    return [each.strip() for each in text.split(",")]


def _fitting(text: str) -> Callable[[str], object]:
    try:
        pattern = regex(text, re.NOFLAG)
    except Unreadable as error:
        raise CannotTell(f"The filter's regular expression cannot be read: {error}", "invalid") from error
    patience = Patience(_STEPS, f"The codes cannot be held against '{text}' in good time.")
    return lambda value: pattern.fullmatch(value, patience)


def _value(raw: Json) -> tuple[str, Value]:
    return next(((key, value) for key, value in raw.items() if key.startswith("value")), ("valueString", ""))


def _date(value: Value | None) -> str | None:
    return value if isinstance(value, str) else None


def _designation(raw: Json) -> Designation:
    return Designation(raw["value"], raw.get("language"), raw.get("use"))
