"""The codes of a value set that can be listed.

https://hl7.org/fhir/R4/valueset.html#compositions
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from server.fhir import Json

Find = Callable[[str, str], Json | None]
"""A definition by type and canonical."""

_Expansion = dict[str, set[str]]
_PARENTS = frozenset({"parent", "subsumedBy"})


@dataclass(frozen=True, slots=True)
class Codes:
    """`listed`: system → its codes."""

    listed: Mapping[str, frozenset[str]]

    @property
    def systems(self) -> tuple[str, ...]:
        return tuple(self.listed)

    def contains(self, system: str | None, code: str) -> bool:
        """Whether the code is in the set; without a system (a `code` element has none) in any of them."""
        if system is not None:
            return code in self.listed.get(system, ())
        return any(code in codes for codes in self.listed.values())

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((system, code) for system, codes in self.listed.items() for code in sorted(codes))

    def __len__(self) -> int:
        return sum(map(len, self.listed.values()))


def codes(url: str, find: Find) -> Codes | None:
    """None if the set is unknown or cannot be listed: all of SNOMED CT, every media type."""
    expansion = _value_set(url, find, ())
    if expansion is None:
        return None
    return Codes({system: frozenset(listed) for system, listed in expansion.items()})


def _value_set(url: str, find: Find, within: tuple[str, ...]) -> _Expansion | None:
    definition = find("ValueSet", url)
    if definition is None or url in within:
        return None
    compose = definition.get("compose")
    if compose is None:
        return _expanded(definition)
    total: _Expansion = {}
    for include in compose.get("include", ()):
        part = _include(include, find, (*within, url))
        if part is None:
            return None
        for system, listed in part.items():
            total.setdefault(system, set()).update(listed)
    for exclude in compose.get("exclude", ()):
        part = _include(exclude, find, (*within, url))
        if part is None:
            return None
        for system, listed in part.items():
            total.get(system, set()).difference_update(listed)
    return total


def _expanded(definition: Json) -> _Expansion | None:
    """A set that is published as its expansion only."""
    if "expansion" not in definition:
        return None
    total: _Expansion = {}
    todo = list(definition["expansion"].get("contains", ()))
    while todo:
        each = todo.pop()
        if "code" in each and not each.get("abstract"):
            total.setdefault(each.get("system", ""), set()).add(each["code"])
        todo.extend(each.get("contains", ()))
    return total


def _include(include: Json, find: Find, within: tuple[str, ...]) -> _Expansion | None:
    """What all of its parts have in common: the codes of the system, and each of the value sets."""
    parts = [_value_set(url.partition("|")[0], find, within) for url in include.get("valueSet", ())]
    if "system" in include:
        parts.append(_system(include, find))
    total: _Expansion | None = None
    for part in parts:
        if part is None:
            return None
        total = part if total is None else _common(total, part)
    return total


def _common(one: _Expansion, other: _Expansion) -> _Expansion:
    return {system: listed & other[system] for system, listed in one.items() if system in other}


def _system(include: Json, find: Find) -> _Expansion | None:
    url: str = include["system"].partition("|")[0]
    if "concept" in include:
        return {url: {concept["code"] for concept in include["concept"]}}
    definition = find("CodeSystem", url)
    if definition is None or definition.get("content") != "complete":
        return None
    system = _System({concept["code"]: concept for concept in concepts(definition)}, parents(definition))
    listed = set(system.concepts)
    for each in include.get("filter", ()):
        if each["op"] not in _FILTERS:
            return None
        listed &= _FILTERS[each["op"]](system, each["property"], each["value"])
    return {url: listed}


def concepts(definition: Json) -> Iterator[Json]:
    """Every concept of a code system, those inside others too."""
    todo = list(definition.get("concept", ()))
    while todo:
        concept = todo.pop()
        yield concept
        todo.extend(concept.get("concept", ()))


def parents(definition: Json) -> dict[str, set[str]]:
    """A concept stands under another by nesting, or by a property that names the other."""
    found: dict[str, set[str]] = {}
    for concept in concepts(definition):
        for below in concept.get("concept", ()):
            found.setdefault(below["code"], set()).add(concept["code"])
        for each in concept.get("property", ()):
            if each["code"] in _PARENTS and "valueCode" in each:
                found.setdefault(concept["code"], set()).add(each["valueCode"])
    return found


@dataclass(frozen=True, slots=True)
class _System:
    concepts: Mapping[str, Json]
    parents: Mapping[str, set[str]]

    def under(self, code: str) -> set[str]:
        found: set[str] = set()
        while more := {each for each, above in self.parents.items() if above & ({code} | found)} - found:
            found |= more
        return found

    def having(self, name: str, values: Iterable[str]) -> set[str]:
        wanted = set(values)
        return {code for code in self.concepts if self.values(code, name) & wanted}

    def with_any(self, name: str) -> set[str]:
        return {code for code in self.concepts if self.values(code, name)}

    def values(self, code: str, name: str) -> set[str]:
        """What a concept says under a property's name, in the form that a filter writes it."""
        concept = self.concepts[code]
        if name in ("code", "concept", "display"):
            return {concept.get("display", "") if name == "display" else code}
        nested = self.parents.get(code, set()) if name == "parent" else set()
        return nested | {
            _written(value)
            for each in concept.get("property", ())
            if each["code"] == name
            for key, value in each.items()
            if key.startswith("value")
        }


# https://hl7.org/fhir/R4/valueset-filter-operator.html; `regex` and `generalizes` are not listed by.
_FILTERS: Mapping[str, Callable[[_System, str, str], set[str]]] = {
    "=": lambda system, name, value: system.having(name, [value]),
    "in": lambda system, name, value: system.having(name, value.split(",")),
    "not-in": lambda system, name, value: system.concepts.keys() - system.having(name, value.split(",")),
    "exists": lambda system, name, value: (
        system.with_any(name) if value == "true" else system.concepts.keys() - system.with_any(name)
    ),
    "is-a": lambda system, name, value: system.under(value) | ({value} & system.concepts.keys()),
    "descendent-of": lambda system, name, value: system.under(value),
    "is-not-a": lambda system, name, value: system.concepts.keys() - system.under(value) - {value},
}


def _written(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case {"code": code}:
            return str(code)
    return str(value)
