"""Which entry of a Bundle a reference leads to.

https://hl7.org/fhir/R4/bundle.html#references
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from server.fhir import Json
from server.fhir.reference import Reference, parse

_UUID = "urn:uuid:"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry that has a resource; `index` is its place in the Bundle."""

    index: int
    full_url: str
    resource: Json

    @property
    def name(self) -> str:
        return f"{self.resource.get('resourceType')}/{self.resource.get('id')}"

    @property
    def base(self) -> str | None:
        """What a relative reference in the resource begins with; None where nothing says."""
        return self.full_url.removesuffix(self.name) if self.full_url.endswith(self.name) else None


class Entries:
    """The entries of a Bundle, found by the references of one another."""

    def __init__(self, bundle: Json) -> None:
        self.all = tuple(_entries(bundle))
        self._by_url: dict[str, list[Entry]] = {}
        self._by_name: dict[str, list[Entry]] = {}
        for entry in self.all:
            self._by_url.setdefault(entry.full_url, []).append(entry)
            self._by_name.setdefault(entry.name, []).append(entry)

    def matches(self, text: str, source: Entry) -> list[Entry]:
        """Those that a reference in `source` may mean; more than one is a fault of the Bundle."""
        reference = parse(text)
        if not reference.url:
            return []
        found = self._found(reference, source)
        if reference.version is None:
            return found
        return [entry for entry in found if _version(entry.resource) in (None, reference.version)]

    def namesakes(self, text: str) -> list[Entry]:
        """Those of the type and id that a reference names, wherever their fullUrl says they are."""
        reference = parse(text)
        return self._by_name.get(f"{reference.type}/{reference.id}", []) if reference.id else []

    def _found(self, reference: Reference, source: Entry) -> list[Entry]:
        whole = reference.url.removesuffix(f"/_history/{reference.version}")
        if ":" in whole:
            return self._by_url.get(whole, [])
        if not source.full_url:
            return self._by_name.get(whole, [])
        if source.base is None:
            # What is no place of a server has no base; senders mean the number that the entry goes by.
            return self._by_url.get(f"{_UUID}{reference.id}", []) if source.full_url.startswith(_UUID) else []
        return self._by_url.get(f"{source.base}{whole}", [])


def _entries(bundle: Json) -> Iterator[Entry]:
    entries: Any = bundle.get("entry")
    for index, entry in enumerate(entries if type(entries) is list else ()):
        resource = entry.get("resource") if type(entry) is dict else None
        if type(resource) is dict:
            full_url = entry.get("fullUrl")
            yield Entry(index, full_url if type(full_url) is str else "", resource)


def _version(resource: Json) -> str | None:
    meta = resource.get("meta")
    version = meta.get("versionId") if type(meta) is dict else None
    return version if type(version) is str else None
