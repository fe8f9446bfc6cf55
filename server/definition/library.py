"""All definitions that the server works by: HL7's of R4 and the project's own, found by canonical or name."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from server.definition import codes as _codes
from server.definition import folder as _folder
from server.definition.added import added
from server.definition.archive import NAME, Archive
from server.definition.children import Children, children
from server.definition.codes import Codes
from server.definition.own import Own, Unusable
from server.definition.reach import dangling
from server.definition.searchparameter import SearchParameter, by_code
from server.fhir import Json
from server.fhir.path import Property

HL7 = "http://hl7.org/fhir/StructureDefinition/"
_WITHOUT_NARRATIVE = frozenset({"Binary", "Bundle", "Parameters"})


class Library:
    """Nothing in it changes after it was loaded, and what it hands out is shared: read, never altered.

    `memo` is for what others compile from its definitions: it is right for as long as the library is.
    """

    def __init__(self, folder: Path) -> None:
        self._archive = Archive(folder / "profiles" / NAME)
        self._own = Own(folder)
        self.resource_types = self._archive.types
        self._numbers = {type: number for number, type in enumerate(self.resource_types, 1)}
        # Few stay decoded: whoever needs one again and again (validation, search) compiles it and keeps that.
        self._decoded = lru_cache(maxsize=32)(self._decode)
        self._children: dict[str, Children] = {}
        self._search_parameters: dict[str, Mapping[str, SearchParameter]] = {}
        self._codes: dict[str, Codes | None] = {}
        self.memo: dict[object, Any] = {}

    def type_number(self, type: str) -> int:
        """The place of a resource type in R4's alphabet, from 1: fixed, it stands in the store's rows."""
        return self._numbers[type]

    def type_name(self, number: int) -> str:
        return self.resource_types[number - 1]

    def definition(self, url_or_type: str) -> Json | None:
        """A StructureDefinition by its canonical; R4's own by its bare name too."""
        bare = ":" not in url_or_type
        return self.resource("StructureDefinition", HL7 + url_or_type if bare else url_or_type)

    def resource(self, kind: str, url: str) -> Json | None:
        """Any definition by its type and canonical, whatever version the canonical asks for."""
        return self._decoded(kind, url.partition("|")[0])

    def _decode(self, kind: str, url: str) -> Json | None:
        return self._own.resource(kind, url) or self._archive.resource(kind, url)

    def __contains__(self, name: tuple[str, str]) -> bool:
        return name in self._own or name in self._archive

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

    def codes(self, valueset_url: str) -> Codes | None:
        """The codes of a value set; None if they cannot be listed."""
        url = valueset_url.partition("|")[0]
        if url not in self._codes:
            self._codes[url] = _codes.codes(url, self.resource)
        return self._codes[url]

    def code_systems(self) -> Mapping[str, str | None]:
        """The code systems whose codes are here, each with its version."""
        own = (each for each in self.ours() if each["resourceType"] == "CodeSystem")
        hl7 = (self._archive.resource("CodeSystem", url) for url in self._archive.urls("CodeSystem"))
        return {
            each["url"]: each.get("version")
            for each in (*hl7, *own)
            if each is not None and each["content"] == "complete"
        }

    def check(self) -> None:
        """Raises Unusable on what must stop the start, naming the definition and what is wrong with it."""
        for path, definition in self._own:
            for canonical in dangling(definition, self.__contains__):
                raise Unusable(f"'{path}' names '{canonical}', which does not exist.")
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


def _try(parameter: SearchParameter, type: str) -> None:
    try:
        parameter.extract({"resourceType": type})
    except Exception as error:  # of fhirpathpy: it has none narrower, and some only when it runs
        raise Unusable(f"The search parameter '{parameter.url}' cannot be: {error}") from error


def load(folder: Path | None = None) -> Library:
    """The library of a folder that holds `profiles/` and `terminology/`; without one, the program's."""
    return library() if folder is None else Library(folder)


@cache
def library() -> Library:
    """The program's own, loaded once a process."""
    return Library(_folder.root())
