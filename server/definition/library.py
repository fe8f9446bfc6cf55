"""All definitions that the server works by: HL7's of R4 and the project's own, found by canonical or name."""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from server.definition import added as _added
from server.definition import folder as _folder
from server.definition.added import added
from server.definition.archive import NAME, Archive
from server.definition.children import Children, children
from server.definition.overlay import NOTHING, Overlay
from server.definition.own import Own, Unusable
from server.definition.reach import dangling
from server.definition.searchparameter import SearchParameter, by_code
from server.definition.snapshot import Find, Unbuildable, snapshot
from server.fhir import Json
from server.fhir.fhirpath import Misused, Unknown, Unread
from server.fhir.property import Property

HL7 = "http://hl7.org/fhir/StructureDefinition/"
_WITHOUT_NARRATIVE = frozenset({"Binary", "Bundle", "Parameters"})


class Library:
    """Nothing in it changes after it was loaded, and what it hands out is shared: read, never altered.

    `memo` is for what others compile from its definitions: it is right for as long as the library is.
    """

    def __init__(self, folder: Path) -> None:
        self._archive = Archive(folder / "profiles" / NAME)
        self._own = Own(folder)
        self._added: Overlay = NOTHING
        self._alone = self
        self.resource_types = self._archive.types
        self._numbers = {type: number for number, type in enumerate(self.resource_types, 1)}
        self._children: dict[str, Children] = {}
        self._search_parameters: dict[str, Mapping[str, SearchParameter]] = {}
        self._fresh()

    def _fresh(self) -> None:
        # Few stay decoded: whoever needs one again and again (validation, search) compiles it and keeps that.
        self._decoded = lru_cache(maxsize=32)(self._decode)
        self.memo: dict[object, Any] = {}

    def beside(self, added: Overlay) -> "Library":
        """This library with definitions that were added: another one, with a `memo` of its own.

        Files, types and search parameters are shared, and so is what is made of one definition that ships.
        """
        other = copy(self)
        other._added = added
        other._fresh()
        return other

    def type_number(self, type: str) -> int:
        """The place of a resource type in R4's alphabet, from 1: fixed, it stands in the store's rows."""
        return self._numbers[type]

    def type_name(self, number: int) -> str:
        return self.resource_types[number - 1]

    def definition(self, url_or_type: str) -> Json | None:
        """A StructureDefinition with its snapshot, by its canonical; R4's own by its bare name too."""
        return self._structure(_canonical(url_or_type), ())

    def _structure(self, url: str, within: tuple[str, ...]) -> Json | None:
        """With the snapshot that was made of it, which is kept. `within`: those that are being made."""
        found = self.resource("StructureDefinition", url)
        if found is None or found.get("snapshot", {}).get("element"):
            return found
        if (own := found["url"]) in within:
            return None
        home, key = self._home("StructureDefinition", own), ("snapshot", url)
        if key not in home.memo:
            inside = (*within, own)
            home.memo[key] = home._made(found, lambda other: home._structure(_canonical(other), inside))
        made: Json | None = home.memo[key]
        return made

    def _home(self, kind: str, url: str) -> "Library":
        return self._alone if self.ships(kind, url.partition("|")[0]) else self

    def memo_of(self, url_or_type: str) -> dict[object, Any]:
        """The memo for what is made of one StructureDefinition: that of what ships outlives what is added."""
        return self._home("StructureDefinition", _canonical(url_or_type)).memo

    def _made(self, definition: Json, find: Find) -> Json | None:
        try:
            return snapshot(definition, find)
        except Unbuildable:
            if self.ships("StructureDefinition", definition["url"]):
                raise
            # It was refused, or kept by a release that did not look: there is no such profile.
            return None

    def resource(self, kind: str, url: str) -> Json | None:
        """Any definition by its type and canonical; in the version that it asks for, or as there is."""
        return self._home(kind, url)._decoded(kind, url)

    def _decode(self, kind: str, url: str) -> Json | None:
        bare = url.partition("|")[0]
        return (
            self._own.resource(kind, bare)
            or self._archive.resource(kind, bare)
            or self._added.resource(kind, url)
            or self._added.resource(kind, bare)
        )

    def __contains__(self, name: tuple[str, str]) -> bool:
        return self.ships(*name) or name in self._added

    def ships(self, kind: str, url: str) -> bool:
        """Whether a definition is HL7's or the project's own, and not one that was added."""
        return (kind, url) in self._own or (kind, url) in self._archive

    def is_own(self, kind: str, url: str) -> bool:
        """Whether a definition is the project's own."""
        return (kind, url) in self._own

    def canonicals(self, kind: str, *, hl7: bool = True) -> Iterator[str]:
        """Those of every definition of a type: HL7's, the project's own, what was added."""
        if hl7:
            yield from self._archive.urls(kind)
        yield from self._own.urls(kind)
        yield from self._added.urls(kind)

    def ours(self) -> Iterator[Json]:
        """The definitions of this project, which it serves and no client may change."""
        return (resource for _, resource in self._own)

    def search_parameters(self, type: str) -> Mapping[str, SearchParameter]:
        """Those of the type by code, the ones that every resource has included; and what was added."""
        return added().beside(type, self.shipped(type))

    def shipped(self, type: str) -> Mapping[str, SearchParameter]:
        """The same without what was added while the server runs: the same at any time."""
        known = self._search_parameters.get(type)
        if known is None:
            known = self._search_parameters[type] = by_code(type, self._parameters(type), self.children)
        return known

    def _parameters(self, type: str) -> Iterator[Json]:
        bases = ("Resource", type) if type in _WITHOUT_NARRATIVE else ("Resource", "DomainResource", type)
        for source in (self._archive, self._own):
            for base in bases:
                for url in source.search.get(base, ()):
                    definition = source.resource("SearchParameter", url)
                    assert definition is not None
                    yield definition

    def children(self, type: str, name: str) -> tuple[Property, ...]:
        """The properties that carry an element: `("Observation", "value")` → `valueQuantity`, ….

        `type` is a type's name, or the path of an element that is defined in place (`Patient.contact`).
        """
        root = type.partition(".")[0]
        known = self._children.get(root)
        if known is None:
            text = self._archive.text("StructureDefinition", HL7 + root)
            known = self._children[root] = children(text) if text else {}
        return known.get(type, {}).get(name, ())

    def check(self) -> None:
        """Raises Unusable or Unbuildable on what must stop the start, saying which definition and why."""
        for path, definition in self._own:
            for canonical in dangling(definition, self.__contains__):
                raise Unusable(f"'{path}' names '{canonical}', which does not exist.")
            if definition["resourceType"] == "StructureDefinition":
                self.definition(definition["url"])
        for type in self._types_with_own_parameters():
            for parameter in self.shipped(type).values():
                if ("SearchParameter", parameter.url) in self._own:
                    _try(parameter, type)

    def _types_with_own_parameters(self) -> Sequence[str]:
        bases = self._own.search.keys()
        if unknown := bases - {*self.resource_types, "Resource", "DomainResource"}:
            raise Unusable(f"A search parameter has the base '{min(unknown)}', which is no resource type.")
        if bases & {"Resource", "DomainResource"}:
            return self.resource_types
        return sorted(bases)


def _canonical(url_or_type: str) -> str:
    return url_or_type if ":" in url_or_type else HL7 + url_or_type


def _try(parameter: SearchParameter, type: str) -> None:
    try:
        parameter.extract({"resourceType": type})
    except (Misused, Unknown, Unread) as error:
        raise Unusable(f"The search parameter '{parameter.url}' cannot be: {error}") from error


def load(folder: Path | None = None) -> Library:
    """The library of a folder that holds `profiles/` and `terminology/`; without one, the program's."""
    return shipped() if folder is None else Library(folder)


@cache
def shipped() -> Library:
    """The program's own, loaded once a process."""
    return Library(_folder.root())


def library() -> Library:
    """The one in force for the request at hand: the program's own, with what was added while it runs.

    Whoever opens a record holds it (`record.added`). Keep what is compiled from it in its `memo`: another
    moment has another library.
    """
    return _added.library() or shipped()
