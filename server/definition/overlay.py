"""Definitions beside those that ship: what was added while the server runs, found by canonical.

A client may keep several versions of one canonical. Who names no version is given the one in use: the newest
of those that are active, or else of the drafts, or else of what was retired.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from server.definition.archive import decode
from server.fhir import Json

KINDS = ("StructureDefinition", "ValueSet", "CodeSystem", "ConceptMap", "NamingSystem")
"""The types of definition that take effect when they are added."""

_STATUS = ("active", "draft", "unknown", "retired")


class _Head(msgspec.Struct):
    """What has to be known of a definition before anyone asks for it."""

    url: str | None = None
    version: str = ""
    status: str = "unknown"


_HEAD = msgspec.json.Decoder(_Head)


@dataclass(frozen=True, slots=True)
class Text:
    """One version of one definition, as it is kept."""

    kind: str
    id: str
    version: int
    at: datetime
    body: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """Those of one moment: by type, then by canonical with and without its version."""

    texts: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)

    def resource(self, kind: str, url: str) -> Json | None:
        text = self.texts.get(kind, {}).get(url)
        return decode(text) if text else None

    def urls(self, kind: str) -> tuple[str, ...]:
        """Each once, without versions."""
        return tuple(url for url in self.texts.get(kind, ()) if "|" not in url)

    def __contains__(self, name: tuple[str, str]) -> bool:
        kind, url = name
        return url in self.texts.get(kind, ())


NOTHING = Overlay()


def overlay(texts: Iterable[Text]) -> Overlay:
    """Each found by its canonical; of several the one in use."""
    headed = sorted(((_HEAD.decode(each.body), each) for each in texts), key=_usefulness)
    found: dict[str, dict[str, bytes]] = {}
    for head, each in headed:
        by_url = found.setdefault(each.kind, {})
        url = head.url or f"{each.kind}/{each.id}"
        by_url[url] = by_url[f"{url}|{head.version}"] = each.body
    return Overlay(found)


def _usefulness(headed: tuple[_Head, Text]) -> tuple[int, datetime]:
    """The later in order is the one that is taken."""
    head, text = headed
    return -_STATUS.index(head.status if head.status in _STATUS else "unknown"), text.at
