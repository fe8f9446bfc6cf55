"""Code systems that are kept in the tables of the database, loaded there by a command.

What is asked again is remembered: a version that was loaded does not change.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from functools import lru_cache, reduce
from operator import and_
from threading import Lock
from typing import Any, TypeVar

from server import clock
from server.definition.archive import decode
from server.fhir import Json
from server.fhir.issue import TooCostly, Unavailable
from server.fhir.name import fold
from server.store import concepts
from server.store.concepts import Kept, Line
from server.store.database import Database
from server.terminology import implicit, table_filter
from server.terminology.provider import (
    EVERY,
    CannotTell,
    Concept,
    Designation,
    Filter,
    Property,
    Query,
)

T = TypeVar("T")

AGE = 1.0
"""Seconds for which it is believed which systems there are."""

_LINES = 20_000
_SETS = 32
"""What is remembered of a code system: concepts, and sets of numbers (of 100,000 each takes 400 KB)."""

_PAGE = 1000
"""Concepts that are fetched at once."""


class Tables:
    """Those of one database; one a process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self._due = 0.0
        self._systems: tuple[Table, ...] = ()

    def systems(self) -> Sequence["Table"]:
        """Every version, as it is now or was a second ago; of one system the last loaded last."""
        if clock.monotonic() >= self._due:
            with self._lock:
                if clock.monotonic() >= self._due:
                    self._look()
        return self._systems

    def forget(self) -> None:
        """Something was loaded: look again."""
        self._due = 0.0

    def _look(self) -> None:
        due = clock.monotonic() + AGE
        try:
            with self._database.aside() as connection:
                kept = concepts.systems(connection)
        except Unavailable:
            # They are as they were when last seen: what is asked of them now says that the database is away.
            return
        known = {each.kept.number: each for each in self._systems}
        if [each.number for each in kept] != [*known]:
            self._systems = tuple(known.get(each.number) or Table(each, self._database) for each in kept)
        self._due = due


_held: ContextVar[Tables | None] = ContextVar("tables", default=None)


def hold(tables: Tables | None) -> None:
    """Let the request at hand find its code systems here, until the next one begins; None: in no tables."""
    _held.set(tables)


def system(url: str, version: str | None = None) -> "Table | None":
    """The last loaded that fits."""
    fitting = [each for each in _all() if each.url == url and (version is None or each.is_version(version))]
    return fitting[-1] if fitting else None


def moment() -> object:
    """Another object once there are other code systems: what was told by the ones before is out of date."""
    return _all()


def value_set(url: str) -> Json | None:
    """What SNOMED CT and LOINC say by a URL."""
    return implicit.value_set(url)


def systems() -> Iterator[tuple[str, str | None]]:
    """URL and version of every one."""
    return ((each.url, each.version) for each in _all())


def _all() -> Sequence["Table"]:
    held = _held.get()
    return held.systems() if held else ()


class Table:
    """One version of a code system."""

    # Codes are compared letter by letter, whatever a publisher allows.
    case_sensitive = True
    complete = True
    hierarchical = True

    def __init__(self, kept: Kept, database: Database) -> None:
        self.url = kept.url
        self.version = kept.version
        self.name: str = kept.detail["title"]
        self.size = kept.count
        self.kept = kept
        self._database = database
        self._declared: dict[str, Json] = {each["code"]: each for each in kept.detail["properties"]}
        self._known: dict[str, Line | None] = {}
        self._chosen = lru_cache(maxsize=_SETS)(self._choose)

    def is_version(self, asked: str) -> bool:
        """Whether it is the one asked for; an edition of SNOMED CT may be asked for without its date."""
        return self.version == asked or self.version.startswith(f"{asked.rstrip('/')}/version/")

    def find(self, code: str) -> Concept | None:
        line = self._line(code)
        return self._concept(line) if line else None

    def subsumes(self, above: str, below: str) -> bool:
        if above == below:
            return True
        upper, lower = self._lines((above, below))
        return upper is not None and lower is not None and upper.number in lower.above

    def parents(self, code: str) -> Sequence[str]:
        line = self._line(code)
        return self.codes(line.parents) if line else ()

    def children(self, code: str) -> Sequence[str]:
        return self.codes(self.members("parent", code))

    def holds(self, code: str, filters: tuple[Filter, ...]) -> bool:
        line = self._line(code)
        return line is not None and all(self._fits(line, each) for each in filters)

    def _fits(self, line: Line, wanted: Filter) -> bool:
        by_ancestry = _BY_ANCESTRY.get(wanted.op)
        if by_ancestry is not None:
            root = self._line(wanted.value)
            return root is not None and by_ancestry(line, root.number)
        return _is_in(self._chosen(Query((wanted,))), line.number)

    def matching(self, query: Query) -> Iterator[Concept]:
        numbers = self._numbers(query)
        stop = len(numbers) if query.limit is None else min(len(numbers), query.offset + query.limit)
        for start in range(query.offset, stop, _PAGE):
            page = numbers[start : min(stop, start + _PAGE)]
            lines = self._ask(concepts.by_number, page)
            self._remember({line.code: line for line in lines})
            yield from map(self._concept, lines)

    def count(self, query: Query) -> int:
        return len(self._numbers(query))

    # ---- what a filter asks (`terminology.table_filter`, `terminology.ecl`) --------------------------------

    def every(self) -> set[int]:
        """The numbers of all concepts."""
        return set(range(1, self.size + 1))

    def number(self, code: str) -> int | None:
        """None: there is no such code."""
        line = self._line(code)
        return line.number if line else None

    def numbers(self, codes: Iterable[str]) -> set[int]:
        """Those of the codes that exist."""
        return set(self._ask(concepts.numbers, codes).values())

    def codes(self, numbers: Iterable[int]) -> Sequence[str]:
        """In the order of the numbers."""
        return [code for _, code in sorted(self._ask(concepts.codes, numbers).items())]

    def above(self, code: str) -> Sequence[int]:
        """All that stand above a code."""
        line = self._line(code)
        return line.above if line else ()

    def members(self, property: str, value: str) -> Sequence[int]:
        """The concepts of which the property has the value."""
        return self._ask(concepts.members, self._grouped(property), value)

    def values(self, property: str) -> Sequence[str]:
        """What the property says of any concept."""
        return self._ask(concepts.values, self._grouped(property))

    def groups(self, property: str) -> Sequence[tuple[str, Sequence[int]]]:
        """For each value of the property those that have it."""
        return self._ask(concepts.groups, self._grouped(property))

    def groups_like(self, property: str, pattern: str) -> Sequence[Sequence[int]]:
        """For each value that fits the pattern those that have it."""
        return self._ask(concepts.groups_like, self._grouped(property), pattern)

    def like(self, column: str, pattern: str) -> Sequence[int]:
        """Those whose `code` or `display` fits the pattern."""
        return self._ask(concepts.like, column, pattern)

    def _grouped(self, property: str) -> str:
        declared = self._declared.get(property)
        if declared is None or not declared["grouped"]:
            raise CannotTell(f"The code system '{self.url}' cannot be filtered by '{property}'.")
        return property

    # ---- what is remembered --------------------------------------------------------------------------------

    def _numbers(self, query: Query) -> Sequence[int]:
        whole = replace(query, offset=0, limit=None)
        return range(1, self.size + 1) if whole == EVERY else self._chosen(whole)

    def _choose(self, query: Query) -> Sequence[int]:
        found = self._fitting(query.filters)
        for others in query.others:
            found |= self._fitting(others)
        for those in query.without:
            found -= self._fitting(those)
        if query.text is not None and (words := fold(query.text).split()):
            found &= set(self._ask(concepts.reading, words))
        if query.active:
            found.difference_update(self.members("inactive", "true"))
        return array("i", sorted(found))

    def _fitting(self, filters: tuple[Filter, ...]) -> set[int]:
        parts = [table_filter.numbers(self, each) for each in filters]
        return reduce(and_, parts) if parts else self.every()

    def _line(self, code: str) -> Line | None:
        return self._lines((code,))[0]

    def _lines(self, codes: Sequence[str]) -> Sequence[Line | None]:
        """What is kept of each of the codes; what is not remembered is asked for at once."""
        known = self._known
        missing = [code for code in codes if code not in known]
        if not missing:
            return [known[code] for code in codes]
        found = {line.code: line for line in self._ask(concepts.by_code, missing)}
        fetched = {code: found.get(code) for code in missing}
        self._remember(fetched)
        return [fetched[code] if code in fetched else known[code] for code in codes]

    def _remember(self, lines: Mapping[str, Line | None]) -> None:
        if len(self._known) > _LINES:
            self._known = {}
        self._known.update(lines)

    def _ask(self, question: Callable[..., T], *given: Any) -> T:
        # On a connection of its own: what takes too long is then not known, and the write goes on.
        try:
            with self._database.aside() as connection:
                return question(connection, self.kept.number, *given)
        except TooCostly as error:
            raise CannotTell(
                f"The code system '{self.url}' takes too long to answer this.", "too-costly"
            ) from error

    def _concept(self, line: Line) -> Concept:
        said = decode(line.detail.encode())
        return Concept(
            code=line.code,
            display=line.display or None,
            definition=said.get("definition"),
            designations=tuple(Designation(**each) for each in said.get("designations", ())),
            properties=tuple(map(self._property, said.get("properties", ()))),
            abstract=said.get("abstract", False),
            inactive=line.inactive,
            valid_from=said.get("valid_from"),
            valid_to=said.get("valid_to"),
        )

    def _property(self, said: Json) -> Property:
        declared = self._declared.get(said["code"], {})
        return Property(**{"description": declared.get("description"), **said})


_BY_ANCESTRY: dict[str, Callable[[Line, int], bool]] = {
    "is-a": lambda line, root: line.number == root or root in line.above,
    "descendent-of": lambda line, root: root in line.above,
    "is-not-a": lambda line, root: line.number != root and root not in line.above,
}


def _is_in(numbers: Sequence[int], number: int) -> bool:
    place = bisect_left(numbers, number)
    return place < len(numbers) and numbers[place] == number
