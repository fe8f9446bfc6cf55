"""Value sets: which codes are in them, asked of one code or listed.

https://hl7.org/fhir/R4/valueset.html#compositions
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from server.definition.library import library
from server.fhir import Json
from server.fhir.json import shown
from server.fhir.name import fold
from server.terminology import systems
from server.terminology.memory import Listed
from server.terminology.provider import CannotTell, Concept, Filter, Query, System
from server.terminology.table import Table

MOST = 1_000_000
"""Steps: one for each code, and for each part that it is held against. Who pages by itself has no limit."""

_MOST_FOR_ONE = 100_000
"""The same, where it is asked of one code."""

_DEEPEST = 20
"""Value sets inside value sets."""

_VISIT = 4
"""Steps that it takes to look into a value set."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One code of a value set. `listed` is how the set itself writes it, where it does."""

    system: str
    version: str | None
    concept: Concept
    listed: Json | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.system, self.concept.code


@dataclass(frozen=True, slots=True)
class Find:
    """Where a value set finds what it is made of."""

    system: Callable[[str, str | None], System]
    value_set: Callable[[str], "ValueSet"]


@dataclass(frozen=True, slots=True)
class Page:
    """`total` is how many there are in all."""

    entries: tuple[Entry, ...]
    total: int


@dataclass(slots=True)
class _Left:
    steps: int


@dataclass(frozen=True, slots=True)
class Walk:
    """A question on its way into value sets inside of value sets, which may lead to one in many ways."""

    depth: int
    left: _Left

    @classmethod
    def begun(cls, steps: int | None = None) -> "Walk":
        return cls(0, _Left(MOST if steps is None else steps))

    def into(self, url: str) -> "Walk":
        """On to a value set.

        Raises:
            CannotTell: it is too deep, or all would be too much.
        """
        if self.depth > _DEEPEST:
            raise CannotTell(f"The value set '{url}' includes itself, or others too deep.", "invalid")
        self.spend(url, _VISIT)
        return Walk(self.depth + 1, self.left)

    def spend(self, url: str, steps: int) -> None:
        self.left.steps -= steps
        if self.left.steps < 0:
            raise CannotTell(
                f"'{url}' has more codes and value sets to go through than is done.", "too-costly"
            )


def value_set(url: str) -> "ValueSet":
    """The value set of a canonical.

    Raises:
        CannotTell: it is not held.
    """
    memo, key = library().memo, ("value set", url)
    found: ValueSet | None = memo.get(key)
    if found is None:
        definition = library().resource("ValueSet", url)
        # What only its URL describes may be any of millions, and is not kept.
        if definition is None:
            return of(_implicit(url))
        found = memo[key] = of(definition)
    return found


def of(definition: Json, find: Find | None = None) -> "ValueSet":
    """The value set of a definition that may stand nowhere else."""
    return ValueSet(definition, find or _HERE)


def _implicit(url: str) -> Json:
    found = systems.implicit(url)
    if found is None:
        raise CannotTell(f"The value set '{url}' is not held by this server.", "not-found")
    return found


_HERE = Find(systems.known, value_set)


class ValueSet:
    """`compose`, or else the expansion that it was published with."""

    def __init__(self, definition: Json, find: Find) -> None:
        self.definition = definition
        self.url: str = definition.get("url", "")
        self.find = Find(find.system, self._inside(definition, find))
        compose = definition.get("compose") or {"include": _expanded(definition)}
        self.includes = tuple(_part(each) for each in compose.get("include", ()))
        self.excludes = tuple(_part(each) for each in compose.get("exclude", ()))
        self.locked: str | None = compose.get("lockedDate")
        self.without_inactive: bool = compose.get("inactive") is False

    @staticmethod
    def _inside(definition: Json, find: Find) -> Callable[[str], "ValueSet"]:
        """Value sets by canonical, and those that the definition contains by `#id`."""
        contained = {f"#{each.get('id')}": each for each in definition.get("contained", ())}
        return lambda url: of(contained[url], find) if url in contained else find.value_set(url)

    def contains(self, system: str, code: str, walk: Walk | None = None) -> bool:
        """Whether a code is in the set.

        Raises:
            CannotTell: it depends on a code system or value set that is not here.
        """
        walk = (walk or Walk.begun(_MOST_FOR_ONE)).into(self.url)
        if not self._any(self.includes, system, code, walk):
            return False
        return not self._any(self.excludes, system, code, walk)

    def _any(self, parts: Iterable["Part"], system: str, code: str, walk: Walk) -> bool:
        untold: CannotTell | None = None
        for part in parts:
            try:
                if self._holds(part, system, code, walk):
                    return True
            except CannotTell as why:
                untold = why
        if untold is not None:
            raise untold
        return False

    def _holds(self, part: "Part", system: str, code: str, walk: Walk) -> bool:
        if part.system is not None and not (part.system == system and self._in_system(part, code)):
            return False
        return all(self.find.value_set(url).contains(system, code, walk) for url in part.value_sets)

    def _in_system(self, part: "Part", code: str) -> bool:
        if part.listed is not None and not self.without_inactive:
            return code in part.listed
        if part.listed is not None and code not in part.listed:
            return False
        assert part.system is not None
        system = self.find.system(part.system, part.version)
        concept = system.find(code)
        if concept is None:
            if not system.complete:
                raise CannotTell(
                    f"Of the code system '{system.url}' only a part is held, without '{shown(code)}'."
                )
            return False
        if concept.inactive and self.without_inactive:
            return False
        return not part.filters or system.holds(concept.code, part.filters)

    def systems(self, walk: Walk | None = None) -> tuple[str, ...]:
        """The code systems whose codes may be in it, each once."""
        walk = (walk or Walk.begun()).into(self.url)
        found: dict[str, None] = {}
        for part in self.includes:
            if part.system is not None:
                found[part.system] = None
            elif part.value_sets:
                found |= dict.fromkeys(self.find.value_set(part.value_sets[0]).systems(walk))
        return tuple(found)

    def version_of(self, system: str) -> str | None:
        """The version in which the set asks for a code system."""
        return next((part.version for part in self.includes if part.system == system), None)

    def written(self, system: str, code: str) -> Json | None:
        """A code as the set itself lists it."""
        for part in self.includes:
            if part.system == system and part.listed is not None and code in part.listed:
                return part.listed[code]
        return None

    def page(self, text: str | None, active: bool, offset: int, limit: int | None) -> Page:
        """Some of the list, which is in the order of the set, and of the code system within its parts."""
        active = active or self.without_inactive
        if self._apart():
            return self._page_of_parts(text, active, offset, limit)
        if (table := self._one_table()) is not None:
            return _page_of_table(table, self._query(text, active), offset, limit)
        every = tuple(self.entries(text, active))
        return Page(every[offset : None if limit is None else offset + limit], len(every))

    def _apart(self) -> bool:
        """Whether its parts can be counted one by one: none has a code of another, and none is refused."""
        named = [part.system for part in self.includes if not part.value_sets]
        return not self.excludes and len(named) == len(self.includes) == len(set(named))

    def _one_table(self) -> Table | None:
        """The code system whose tables tell all of the set, so that nothing is gone through one by one."""
        parts = (*self.includes, *self.excludes)
        systems_ = {(part.system, part.version) for part in parts}
        listed = any(part.listed is not None for part in self.includes)
        if len(systems_) != 1 or listed or not all(map(_is_told_by_filters, parts)):
            return None
        ((url, version),) = systems_
        assert url is not None
        found = self.find.system(url, version)
        return found if isinstance(found, Table) else None

    def _query(self, text: str | None, active: bool) -> Query:
        first, *others = map(_filters, self.includes)
        return Query(first, text, active, others=tuple(others), without=tuple(map(_filters, self.excludes)))

    def _page_of_parts(self, text: str | None, active: bool, offset: int, limit: int | None) -> Page:
        found: list[Entry] = []
        total = 0
        for part in self.includes:
            count = self._count(part, text, active)
            skip, wanted = max(0, offset - total), None if limit is None else limit - len(found)
            if skip < count and wanted != 0:
                found += self._of_system(part, text, active, skip, wanted)
            total += count
        return Page(tuple(found), total)

    def _count(self, part: "Part", text: str | None, active: bool) -> int:
        if part.listed is not None:
            return sum(1 for _ in self._of_system(part, text, active))
        assert part.system is not None
        return self.find.system(part.system, part.version).count(Query(part.filters, text, active))

    def entries(
        self, text: str | None = None, active: bool = False, walk: Walk | None = None
    ) -> Iterator[Entry]:
        """All of them, each once.

        Raises:
            CannotTell: they cannot be listed, or are more than can be gone through.
        """
        walk = (walk or Walk.begun()).into(self.url)
        seen: set[tuple[str, str]] = set()
        for part in self.includes:
            for entry in self._of_part(part, text, active or self.without_inactive, walk):
                walk.spend(self.url, 1 + len(self.excludes))
                if entry.key in seen or self._any(self.excludes, *entry.key, walk):
                    continue
                seen.add(entry.key)
                yield entry

    def _of_part(self, part: "Part", text: str | None, active: bool, walk: Walk) -> Iterator[Entry]:
        """What the codes of the system, and each of the value sets, have in common."""
        sets = [self.find.value_set(url) for url in part.value_sets]
        if part.system is not None:
            first, others = self._of_system(part, text, active), sets
        elif sets:
            first, others = sets[0].entries(text, active, walk), sets[1:]
        else:
            return iter(())
        return (each for each in first if all(one.contains(*each.key, walk) for one in others))

    def _of_system(
        self, part: "Part", text: str | None, active: bool, offset: int = 0, limit: int | None = None
    ) -> Iterator[Entry]:
        assert part.system is not None
        if part.listed is not None:
            every = self._listed(part, part.system, part.listed, text, active)
            return islice(every, offset, None if limit is None else offset + limit)
        system = self.find.system(part.system, part.version)
        found = system.matching(Query(part.filters, text, active, offset, limit))
        return (Entry(system.url, system.version, concept) for concept in found)

    def _listed(
        self, part: "Part", url: str, listed: Mapping[str, Json], text: str | None, active: bool
    ) -> Iterator[Entry]:
        try:
            system: System | None = self.find.system(url, part.version)
        except CannotTell:
            system = None
        words = [f" {word}" for word in fold(text).split()] if text else []
        for code, raw in listed.items():
            concept = (system.find(code) if system else None) or Concept(code, raw.get("display"))
            if (active and concept.inactive) or (words and not _says(concept, raw, words)):
                continue
            yield Entry(url, system.version if system else part.version, concept, raw)

    def steady(self, walk: Walk | None = None) -> bool:
        """Whether the list can change only with the definitions: it needs no tables and no other server."""
        walk = (walk or Walk.begun()).into(self.url)
        return all(self._is_steady(part, walk) for part in (*self.includes, *self.excludes))

    def _is_steady(self, part: "Part", walk: Walk) -> bool:
        of_definition = (
            part.system is None
            or part.listed is not None
            or isinstance(self.find.system(part.system, part.version), Listed)
        )
        return of_definition and all(self.find.value_set(url).steady(walk) for url in part.value_sets)


@dataclass(frozen=True, slots=True)
class Part:
    """One `include` or `exclude`."""

    system: str | None
    version: str | None
    listed: Mapping[str, Json] | None
    filters: tuple[Filter, ...]
    value_sets: tuple[str, ...]


def _is_told_by_filters(part: Part) -> bool:
    return (
        part.system is not None and not part.value_sets and not any("," in code for code in part.listed or ())
    )


def _filters(part: Part) -> tuple[Filter, ...]:
    listed = () if part.listed is None else (Filter("code", "in", ",".join(part.listed)),)
    return (*part.filters, *listed)


def _page_of_table(table: Table, query: Query, offset: int, limit: int | None) -> Page:
    found = table.matching(replace(query, offset=offset, limit=limit))
    entries = tuple(Entry(table.url, table.version, concept) for concept in found)
    return Page(entries, table.count(query))


def _part(raw: Json) -> Part:
    system, _, version = raw.get("system", "").partition("|")
    return Part(
        system or None,
        raw.get("version") or version or None,
        {each["code"]: each for each in raw["concept"]} if "concept" in raw else None,
        tuple(Filter(each["property"], each["op"], each["value"]) for each in raw.get("filter", ())),
        tuple(raw.get("valueSet", ())),
    )


def _expanded(definition: Json) -> list[Json]:
    """What a set that is published as its expansion only would have included."""
    found: dict[tuple[str, str | None], list[Json]] = {}
    todo = [*reversed(definition.get("expansion", {}).get("contains", ()))]
    while todo:
        each = todo.pop()
        if "code" in each and not each.get("abstract"):
            found.setdefault((each.get("system", ""), each.get("version")), []).append(each)
        todo += reversed(each.get("contains", ()))
    return [
        {"system": system, "concept": listed} | ({"version": version} if version else {})
        for (system, version), listed in found.items()
    ]


def _says(concept: Concept, raw: Json, words: list[str]) -> bool:
    said = [concept.code, concept.display or "", raw.get("display", "")]
    said += [each.value for each in concept.designations]
    said += [each["value"] for each in raw.get("designation", ())]
    text = " " + " ".join(map(fold, said))
    return all(word in text for word in words)
