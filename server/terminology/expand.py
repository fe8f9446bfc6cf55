"""A value set as the list of its codes, all of it or a page.

https://hl7.org/fhir/R4/valueset-operation-expand.html
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from server.fhir import Json
from server.terminology import systems
from server.terminology.provider import CannotTell, Concept, System
from server.terminology.validate_code import in_use, speaks
from server.terminology.valueset import Entry, Find, Page, ValueSet, value_set

MOST = 10_000
"""Codes that are given to who asks for no page."""

_DEFINITION = ("compose", "contained", "text", "extension", "modifierExtension")
_OF_THE_STORE = ("id", "meta")


@dataclass(frozen=True, slots=True)
class Asked:
    """`nested`: codes inside of those that they stand under. `said`: what the expansion repeats of it.

    `designation`: of designations only those of these languages and uses (`system|code`).
    """

    text: str | None = None
    at: date | None = None
    offset: int | None = None
    count: int | None = None
    designations: bool = False
    designation: tuple[str, ...] = ()
    definition: bool = False
    active: bool = False
    nested: bool = False
    without_abstract: bool = False
    language: str | None = None
    without_systems: frozenset[str] = frozenset()
    said: tuple[Json, ...] = ()

    @property
    def is_paged(self) -> bool:
        return self.offset is not None or self.count is not None


@dataclass(frozen=True, slots=True)
class Versions:
    """Of a code system: meant where a set names none, the only one that will do, whatever a set says."""

    default: Mapping[str, str]
    checked: Mapping[str, str]
    forced: Mapping[str, str]

    def system(self, url: str, version: str | None) -> System:
        wanted = self.forced.get(url) or version or self.default.get(url)
        found = systems.known(url, wanted)
        checked = self.checked.get(url)
        if checked is not None and found.version != checked:
            raise CannotTell(
                f"The code system '{url}' is of version '{found.version}', and has to be of '{checked}'.",
                "business-rule",
            )
        return found

    def find(self) -> Find:
        """Where a value set, and those inside of it, find code systems in these versions."""
        return Find(self.system, lambda url: ValueSet(value_set(url).definition, self.find()))


def expand(of: ValueSet, asked: Asked, timestamp: str, identifier: str) -> Json:
    """The ValueSet with its expansion.

    Raises:
        CannotTell: it cannot be listed, or is too long to be listed at once.
    """
    page = _page(of, asked)
    if not asked.is_paged and page.total > MOST:
        raise CannotTell(
            f"The value set has {page.total} codes, and {MOST} are the most that are listed at once: ask for "
            "pages by 'count' and 'offset', or for some of them by 'filter'.",
            "too-costly",
        )
    expansion: Json = {"identifier": identifier, "timestamp": timestamp, "total": page.total}
    if asked.is_paged:
        expansion["offset"] = asked.offset or 0
    if said := [*asked.said, *_versions(page.entries)]:
        expansion["parameter"] = said
    if page.entries:
        expansion["contains"] = _contains(of, page.entries, asked)
    return {**_described(of.definition, asked.definition), "expansion": expansion}


def _contains(of: ValueSet, entries: Sequence[Entry], asked: Asked) -> list[Json]:
    return _nested(of, entries, asked) if asked.nested else [_line(each, asked) for each in entries]


def _page(of: ValueSet, asked: Asked) -> Page:
    offset = asked.offset or 0
    if not (asked.at or of.locked or asked.without_systems or asked.without_abstract):
        # One more than may be listed tells that there are too many.
        return of.page(asked.text, asked.active, offset, asked.count if asked.is_paged else MOST + 1)
    every = tuple(each for each in of.entries(asked.text, asked.active) if _wanted(each, asked, of))
    return Page(every[offset : None if asked.count is None else offset + asked.count], len(every))


def _wanted(entry: Entry, asked: Asked, of: ValueSet) -> bool:
    at = asked.at or (date.fromisoformat(of.locked) if of.locked else None)
    return not (
        (at is not None and not in_use(entry.concept, at))
        or entry.system in asked.without_systems
        or (asked.without_abstract and entry.concept.abstract)
    )


def _described(definition: Json, whole: bool) -> Json:
    left_out = ("expansion",) if whole else ("expansion", *_DEFINITION, *_OF_THE_STORE)
    rest = {name: value for name, value in definition.items() if name not in left_out}
    return {"resourceType": "ValueSet", **rest, "status": definition.get("status", "active")}


def _versions(entries: Sequence[Entry]) -> Iterator[Json]:
    used = dict.fromkeys((each.system, each.version) for each in entries)
    return ({"name": "version", "valueUri": f"{system}|{version}"} for system, version in used if version)


def _line(entry: Entry, asked: Asked) -> Json:
    concept = entry.concept
    line: Json = {"system": entry.system}
    if concept.abstract:
        line["abstract"] = True
    if concept.inactive:
        line["inactive"] = True
    line["code"] = concept.code
    display = _display(entry, asked.language)
    if display is not None:
        line["display"] = display
    if asked.designations and (designations := _designations(entry, asked.designation)):
        line["designation"] = designations
    return line


def _display(entry: Entry, language: str | None) -> str | None:
    written = entry.listed or {}
    if language is not None:
        for each in (*written.get("designation", ()), *_as_json(entry.concept)):
            if "language" in each and speaks(each["language"], language):
                text: str = each["value"]
                return text
    return written.get("display") or entry.concept.display


def _designations(entry: Entry, wanted: tuple[str, ...]) -> list[Json]:
    every = [*(entry.listed or {}).get("designation", ()), *_as_json(entry.concept)]
    once = {(each.get("language"), each["value"]): each for each in every}
    return [each for each in once.values() if not wanted or any(_is_of(each, token) for token in wanted)]


def _is_of(designation: Json, token: str) -> bool:
    """Of a language (`en`, `urn:ietf:bcp:47|en`) or a use (`system|code`)."""
    system, _, code = token.rpartition("|")
    if system in ("", "urn:ietf:bcp:47"):
        return speaks(designation.get("language", ""), code)
    use = designation.get("use", {})
    return bool(use.get("system") == system and use.get("code") == code)


def _as_json(concept: Concept) -> Iterator[Json]:
    for each in concept.designations:
        said = {"language": each.language, "use": each.use, "value": each.value}
        yield {name: value for name, value in said.items() if value is not None}


def _nested(of: ValueSet, entries: Sequence[Entry], asked: Asked) -> list[Json]:
    """Each code inside of the nearest that it stands under and that is listed too."""
    lines = {each.key: _line(each, asked) for each in entries}
    roots: list[Json] = []
    for each in entries:
        above = _nearest(of, each, lines)
        within = roots if above is None else above.setdefault("contains", [])
        within.append(lines[each.key])
    return roots


def _nearest(of: ValueSet, entry: Entry, lines: Mapping[tuple[str, str], Json]) -> Json | None:
    try:
        system = of.find.system(entry.system, entry.version)
    except CannotTell:
        return None
    todo, seen = [entry.concept.code], {entry.concept.code}
    while todo:
        for above in system.parents(todo.pop(0)):
            if (entry.system, above) in lines:
                return lines[entry.system, above]
            if above not in seen:
                seen.add(above)
                todo.append(above)
    return None
