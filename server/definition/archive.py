"""The committed archive of HL7's definitions: mapped into memory, an index read at once, the rest when asked.

It is a plain zip (`unzip -l` lists it) whose first member is an index of where each resource lies, so that
opening costs one small decode, and all processes share the pages of one file.
"""

import mmap
import struct
import zlib
from decimal import Decimal
from pathlib import Path
from typing import TypedDict, cast

import msgspec

from server.fhir import Json

INDEX = "index.json"
NAME = "hl7.fhir.r4.core.zip"

_HEADER = struct.Struct("<4s5H3L2H")
_JSON = msgspec.json.Decoder(float_hook=Decimal)


def decode(text: bytes) -> Json:
    """A definition of ours or HL7's: well-formed, or it would not be among the files of the program."""
    return cast("Json", _JSON.decode(text))


class Index(TypedDict):
    """`places`: type → canonical → (offset after the index, compressed length)."""

    types: list[str]
    places: dict[str, dict[str, tuple[int, int]]]
    search: dict[str, list[str]]


class Archive:
    """HL7's definitions by type and canonical."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        signature, *_, size, _full, name, extra = _HEADER.unpack_from(self._pages)
        if signature != b"PK\x03\x04":
            raise ValueError(f"'{path}' is not an archive of definitions.")
        start = _HEADER.size + name + extra
        self._start = start + size
        index = msgspec.json.decode(self._inflate(start, size), type=Index)
        self.types = tuple(index["types"])
        self.search = index["search"]
        self._places = index["places"]

    def text(self, kind: str, url: str) -> bytes | None:
        """The JSON of one resource."""
        place = self._places.get(kind, {}).get(url)
        return self._inflate(self._start + place[0], place[1]) if place else None

    def resource(self, kind: str, url: str) -> Json | None:
        text = self.text(kind, url)
        return decode(text) if text else None

    def urls(self, kind: str) -> tuple[str, ...]:
        return tuple(self._places.get(kind, ()))

    def __contains__(self, name: tuple[str, str]) -> bool:
        kind, url = name
        return url in self._places.get(kind, ())

    def _inflate(self, start: int, size: int) -> bytes:
        return zlib.decompress(self._pages[start : start + size], -15)
