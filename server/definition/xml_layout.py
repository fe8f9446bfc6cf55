"""XML laid out for reading by people: an element a line, narratives untouched."""

from typing import Any
from xml.parsers import expat

from server.definition.xml_writer import NAMESPACE

_STEP = b"  "
_OURS = f"{NAMESPACE} "


def indented(text: bytes) -> bytes:
    """The same document with line breaks between the elements of FHIR."""
    breaks: list[tuple[int, int]] = []
    # For each element that is open: whether it holds elements of FHIR or a narrative.
    holds: list[bool] = []
    narrative = 0

    def start(name: str, _: Any) -> None:
        nonlocal narrative
        if narrative or not name.startswith(_OURS):
            narrative += 1
        if narrative < 2 and holds:
            holds[-1] = True
            breaks.append((parser.CurrentByteIndex, len(holds)))
        if not narrative:
            holds.append(False)

    def end(_: str) -> None:
        nonlocal narrative
        if narrative:
            narrative -= 1
        elif holds.pop():
            breaks.append((parser.CurrentByteIndex, len(holds)))

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.Parse(text, True)
    starts = [0, *(index for index, _ in breaks)]
    ends = [*starts[1:], len(text)]
    lines = [text[first:last] for first, last in zip(starts, ends, strict=True)]
    return lines[0] + b"".join(
        b"\n" + _STEP * depth + line for (_, depth), line in zip(breaks, lines[1:], strict=True)
    )
