"""The project's own definitions: one JSON file each, under profiles/ and terminology/."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from server.definition.archive import decode
from server.fhir import Json
from server.settings import CannotStart

FOLDERS = {
    "StructureDefinition": "profiles/structuredefinition",
    "SearchParameter": "profiles/searchparameter",
    "OperationDefinition": "profiles/operationdefinition",
    "CompartmentDefinition": "profiles/compartmentdefinition",
    "CodeSystem": "terminology/codesystem",
    "ValueSet": "terminology/valueset",
    "ConceptMap": "terminology/conceptmap",
    "NamingSystem": "terminology/namingsystem",
}


class Unusable(CannotStart):
    """A definition that cannot be understood; the server does not start on it."""


class _Head(msgspec.Struct):
    """What has to be known of a file before anyone asks for it."""

    resourceType: str  # noqa: N815 - FHIR's spelling
    id: str
    url: str | None = None
    base: list[str] | str = []


_HEAD = msgspec.json.Decoder(_Head)


class Own:
    """Where each definition of the project is, by type and canonical."""

    def __init__(self, root: Path) -> None:
        self._paths: dict[str, dict[str, Path]] = {kind: {} for kind in FOLDERS}
        self.search: dict[str, list[str]] = {}
        ids: dict[tuple[str, str], Path] = {}
        for kind, folder in FOLDERS.items():
            for path in sorted((root / folder).glob("*.json")):
                head = _head(path, kind)
                url = head.url or f"{kind}/{head.id}"
                for other in (self._paths[kind].get(url), ids.get((kind, head.id))):
                    if other is not None:
                        raise Unusable(f"'{path}' and '{other}' define the same {kind}.")
                self._paths[kind][url] = ids[kind, head.id] = path
                if kind == "SearchParameter":
                    self._note_bases(head, url)

    def _note_bases(self, head: _Head, url: str) -> None:
        for base in head.base:
            self.search.setdefault(base, []).append(url)

    def resource(self, kind: str, url: str) -> Json | None:
        path = self._paths.get(kind, {}).get(url)
        return _read(path) if path else None

    def urls(self, kind: str) -> tuple[str, ...]:
        return tuple(self._paths.get(kind, ()))

    def __contains__(self, name: tuple[str, str]) -> bool:
        kind, url = name
        return url in self._paths.get(kind, ())

    def __iter__(self) -> Iterator[tuple[Path, Json]]:
        for paths in self._paths.values():
            for path in paths.values():
                yield path, _read(path)


def _head(path: Path, kind: str) -> _Head:
    try:
        head = _HEAD.decode(path.read_bytes())
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unusable(f"'{path}' is not a definition: {error}.") from error
    if head.resourceType != kind:
        raise Unusable(f"'{path}' holds a {head.resourceType}, and {kind}s belong there.")
    return head


def _read(path: Path) -> Json:
    try:
        return decode(path.read_bytes())
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unusable(f"'{path}' is not a definition: {error}.") from error
