"""Where in the XML of a resource each element stands: for messages, the document is read a second time.

A path is written without `[0]`: `Patient.name[1].given`. The type of a resource inside another is no step.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from xml.parsers import expat

Place = tuple[int, int]
"""Line and column, both from 1."""

_HOLDERS = frozenset({"resource", "contained", "outcome"})


@dataclass(slots=True)
class _Open:
    """An element that has begun: its path, and how often each name came inside it."""

    path: str
    holds_resource: bool = False
    inside: dict[str, int] = field(default_factory=dict)


class _Reading:
    """One pass over a document, or over its beginning."""

    def __init__(self, body: bytes) -> None:
        self.open = [_Open("", holds_resource=True)]
        self.places: dict[str, Place] = {}
        self._parser = expat.ParserCreate("utf-8")
        self._parser.StartElementHandler, self._parser.EndElementHandler = self._start, self._end
        # What is no XML has been told already, and what came before it is all that is asked for.
        with suppress(expat.ExpatError):
            self._parser.Parse(body, False)

    def _start(self, name: str, _: dict[str, str]) -> None:
        self.open.append(_inside(self.open[-1], name.rpartition(":")[2]))
        place = (self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1)
        self.places.setdefault(self.open[-1].path, place)

    def _end(self, _: str) -> None:
        self.open.pop()


def places(body: bytes) -> dict[str, Place]:
    """The place of every element by its path."""
    return _Reading(body).places


def element_at(body: bytes, offset: int) -> str:
    """The path of the element whose tag begins at a byte, or of the one that is open there."""
    begins = body[offset : offset + 1] == b"<" and body[offset + 1 : offset + 2] != b"/"
    read = body[: body.find(b">", offset) + 1 if begins else offset]
    if read.endswith(b"/>"):
        # It is to stay open.
        read = read[:-2] + b">"
    return _Reading(read).open[-1].path


def _inside(within: _Open, name: str) -> _Open:
    if within.holds_resource:
        return _Open(within.path or name)
    count = within.inside[name] = within.inside.get(name, -1) + 1
    return _Open(f"{within.path}.{name}[{count}]" if count else f"{within.path}.{name}", name in _HOLDERS)
