"""Code systems whose codes follow a rule or are a standard's short list: units, languages, countries, ….

https://hl7.org/fhir/R4/terminologies-systems.html
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from server.definition.folder import terminology
from server.fhir import Json
from server.terminology import language, ucum
from server.terminology.memory import Listed
from server.terminology.provider import CannotTell, Concept, Filter, Query

MEDIA_TYPES = "urn:ietf:bcp:13"
URIS = "urn:ietf:rfc:3986"
COUNTRIES = "urn:iso:std:iso:3166"
SUBDIVISIONS = "urn:iso:std:iso:3166:-2"
CURRENCIES = "urn:iso:std:iso:4217"

Display = Callable[[str], str | None]
"""What a code says; None: it is none."""


@dataclass(frozen=True, slots=True)
class Ruled:
    """Codes that nobody can list, and that stand in no hierarchy."""

    url: str
    name: str
    display: Display
    case_sensitive: bool = True
    version: str | None = None
    complete: bool = True
    hierarchical: bool = False

    def find(self, code: str) -> Concept | None:
        display = self.display(code)
        return None if display is None else Concept(code, display)

    def subsumes(self, above: str, below: str) -> bool:
        return above == below or (not self.case_sensitive and above.lower() == below.lower())

    def parents(self, code: str) -> Sequence[str]:
        return ()

    def children(self, code: str) -> Sequence[str]:
        return ()

    def holds(self, code: str, filters: tuple[Filter, ...]) -> bool:
        if filters:
            raise CannotTell(f"The codes of '{self.url}' are not filtered here.")
        return True

    def matching(self, query: Query) -> Iterator[Concept]:
        raise CannotTell(f"The codes of '{self.url}' follow a rule, and cannot be listed.", "too-costly")

    def count(self, query: Query) -> int:
        raise CannotTell(f"The codes of '{self.url}' follow a rule, and cannot be counted.", "too-costly")


def system(url: str, version: str | None = None) -> "Ruled | Listed | None":
    # None of them has versions that a record would name.
    ruled = _RULED.get(url)
    return ruled if ruled is not None or url not in _LISTED else _listed(url)


def value_set(url: str) -> Json | None:
    return None


def systems() -> Iterator[tuple[str, str | None]]:
    return ((url, None) for url in (*_RULED, *_LISTED))


# The short names are the ones that CapabilityStatement.format takes beside media types.
_MEDIA_TYPE = re.compile(r"json|xml|ttl|html|[\w!#$&^.+\-]+/[\w!#$&^.+*\-]+( ?;.*)?", re.ASCII)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")
_SUBDIVISION = re.compile(r"([A-Z]{2})-[A-Z0-9]{1,3}")


def _matched(pattern: re.Pattern[str]) -> Display:
    return lambda code: code if pattern.fullmatch(code) else None


def _unit(code: str) -> str | None:
    return code if ucum.valid(code) else None


def _subdivision(code: str) -> str | None:
    found = _SUBDIVISION.fullmatch(code)
    return code if found and _listed(COUNTRIES).find(found[1]) else None


_RULED: Mapping[str, Ruled] = {
    each.url: each
    for each in (
        Ruled(ucum.SYSTEM, "Unified Code for Units of Measure", _unit),
        Ruled(language.SYSTEM, "Language tags (BCP 47)", language.described, case_sensitive=False),
        Ruled(MEDIA_TYPES, "Media types (BCP 13)", _matched(_MEDIA_TYPE), case_sensitive=False),
        Ruled(URIS, "URIs (RFC 3986)", _matched(_URI)),
        Ruled(SUBDIVISIONS, "Subdivisions of countries (ISO 3166-2)", _subdivision),
    )
}


def _countries() -> Iterator[tuple[str, str]]:
    for *codes, name in _rows("country.tsv"):
        yield from ((code, name) for code in codes)


def _currencies() -> Iterator[tuple[str, str]]:
    return ((code, name) for code, name in _rows("currency.tsv"))


_LISTED: Mapping[str, tuple[str, Callable[[], Iterator[tuple[str, str]]]]] = {
    COUNTRIES: ("Countries (ISO 3166-1)", _countries),
    CURRENCIES: ("Currencies (ISO 4217)", _currencies),
}


# The files ship with the program and cannot change while it runs.
@cache
def _listed(url: str) -> Listed:
    title, codes = _LISTED[url]
    concepts = [{"code": code, "display": name} for code, name in codes()]
    return Listed({"url": url, "title": title, "content": "complete", "concept": concepts})


def _rows(name: str) -> list[list[str]]:
    lines = (terminology() / "registry" / name).read_text("utf-8").splitlines()
    return [line.split("\t") for line in lines[1:]]
