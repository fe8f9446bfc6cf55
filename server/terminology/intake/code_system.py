"""A CodeSystem resource too large to be kept as a definition.

https://hl7.org/fhir/R4/codesystem.html
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from server.definition.archive import decode
from server.fhir import Json
from server.terminology.intake.release import PARENT, Declared, Progress, Release, Unreadable
from server.terminology.intake.source import Source, named
from server.terminology.memory import Listed
from server.terminology.provider import Concept

_RESOURCES = r".*\.json"


def is_release(files: Sequence[Source]) -> bool:
    """Whether one of them is a CodeSystem."""
    return len(files) == 1 and bool(named(files, _RESOURCES))


def read(files: Sequence[Source], progress: Progress, version: str | None = None) -> Release:
    """The code system.

    Raises:
        Unreadable: it is no CodeSystem, or does not hold all of its codes.
    """
    definition = _definition(files[0])
    listed = Listed(definition)
    codes = tuple(listed)
    progress("Reading concepts", len(codes), len(codes))
    declared = (each for each in definition.get("property", ()) if each["code"] not in _HIERARCHY)
    return Release(
        url=definition["url"],
        version=version or definition.get("version", "unknown"),
        title=listed.name,
        parents={code: listed.parents(code) for code in codes},
        concept=lambda code: _concept(listed, code),
        properties=tuple(map(_declared, declared)),
    )


_HIERARCHY = frozenset({PARENT, "child", "subsumedBy"})


def _concept(listed: Listed, code: str) -> Concept:
    found = listed.find(code)
    assert found is not None
    # Where it stands in the hierarchy is kept as such.
    return replace(found, properties=tuple(each for each in found.properties if each.code not in _HIERARCHY))


def _definition(source: Source) -> Json:
    with source.open() as file:
        try:
            found: Any = decode(file.read())
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Unreadable(f"'{source.name}' is no JSON: {error}.") from error
    if not isinstance(found, dict) or found.get("resourceType") != "CodeSystem" or "url" not in found:
        raise Unreadable(f"'{source.name}' is no CodeSystem with a url.")
    if found.get("content") != "complete":
        raise Unreadable(f"'{source.name}' does not hold all codes of '{found['url']}' (content: complete).")
    return found


def _declared(raw: Json) -> Declared:
    return Declared(raw["code"], raw.get("type", "string"), raw.get("description", ""))
