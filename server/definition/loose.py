"""Definitions in files that are not the project's: known beside those that ship, to who asks for them."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from server.definition import added
from server.definition.library import Library, shipped
from server.definition.overlay import KINDS, Text, overlay
from server.fhir import Json
from server.fhir.json import encode

# Of two versions of one canonical that are equally in use, the one that was given last is taken.
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def library_with(resources: Iterable[Json]) -> Library:
    """The program's own, with these definitions; a Bundle stands for those that are in it."""
    return shipped().beside(overlay(text for each in resources for text in _texts(each)))


def hold(library: Library | None) -> None:
    """Let this command, or this test, work by a library; None: by the program's own."""
    added.hold(added.NONE, library)


def _texts(resource: Json) -> Iterator[Text]:
    kind = resource.get("resourceType")
    if kind == "Bundle":
        for entry in resource.get("entry", ()):
            yield from _texts(entry.get("resource", {}))
    elif kind in KINDS:
        yield Text(kind, resource.get("id", ""), 0, _BEGINNING, encode(resource))
