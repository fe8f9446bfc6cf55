"""The XHTML of a narrative inside an XML document, kept as it is written there.

https://hl7.org/fhir/R4/narrative.html
"""

import re
from collections.abc import Callable
from xml.parsers.expat import XMLParserType
from xml.sax.saxutils import escape, quoteattr

from server.definition.xml_form import XHTML

_XML = "http://www.w3.org/XML/1998/namespace"
_WITH_NAMESPACE = re.compile(rb"<div(\s[^>]*)?\sxmlns\s*=")


def take(
    parser: XMLParserType,
    body: bytes,
    attributes: list[str],
    leans: bool,
    finish: Callable[[str], None],
) -> None:
    """From its `div` on, listen to the parser; when the narrative ends, hand its text to `finish`.

    The text is cut out of the document, unless it leans on a prefix that is declared outside it.
    """
    start = parser.CurrentByteIndex
    if leans or _WITH_NAMESPACE.match(body, start) is None:
        _rewrite(parser, attributes, finish)
    else:
        _cut(parser, body, start, finish)


def _cut(parser: XMLParserType, body: bytes, start: int, finish: Callable[[str], None]) -> None:
    depth = 1

    def begin(*_: object) -> None:
        nonlocal depth
        depth += 1

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1
        if not depth:
            text = body[start : body.index(b">", parser.CurrentByteIndex) + 1].decode()
            # XML has one line end, and writes a carriage return that is meant as a reference.
            finish(text.replace("\r\n", "\n").replace("\r", "\n").replace("&#13;", "\r"))

    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler = parser.CommentHandler = None


def _rewrite(parser: XMLParserType, attributes: list[str], finish: Callable[[str], None]) -> None:
    written: list[str] = []
    depth = 0

    def begin(name: str, said: list[str]) -> None:
        nonlocal depth
        depth += 1
        pairs = zip(said[::2], said[1::2], strict=True)
        attributes = "".join(f" {_attribute(name)}={quoteattr(value)}" for name, value in pairs)
        # An element of another namespace says so, and is refused like any that a narrative may not have.
        own, _, local = name.rpartition(" ")
        space = f' xmlns="{own}"' if depth == 1 or own != XHTML else ""
        written.append(f"<{local}{space}{attributes}>")

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        written.append(f"</{name.rpartition(' ')[2]}>")
        if not depth:
            finish("".join(written))

    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler = lambda text: written.append(escape(text))
    parser.CommentHandler = lambda text: written.append(f"<!--{text}-->")
    begin(f"{XHTML} div", attributes)


def _attribute(name: str) -> str:
    """The name as it is written without declarations: only `xml:` has a prefix that needs none."""
    space, _, local = name.rpartition(" ")
    return f"xml:{local}" if space == _XML else local
