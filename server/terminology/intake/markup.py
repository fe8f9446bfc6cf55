"""The XML files of a release, element by element: whole files would not fit."""

from collections.abc import Iterator

from lxml import etree

from server.terminology.intake.release import Unreadable
from server.terminology.intake.source import Source

Element = etree._Element


def elements(source: Source, *names: str) -> Iterator[Element]:
    """Each element of the names when it has ended; afterwards it is emptied.

    Raises:
        Unreadable: it is no XML.
    """
    with source.open() as file:
        try:
            # Nothing outside of the file is read, and no entity of its own is expanded.
            parsed = etree.iterparse(
                file, events=("end",), tag=names, resolve_entities=False, no_network=True, load_dtd=False
            )
            for _, element in parsed:
                yield element
                element.clear()
        except etree.XMLSyntaxError as error:
            raise Unreadable(f"'{source.name}' is no XML: {error}.") from error


def root(source: Source) -> str:
    """The name of its outermost element; "" if it is no XML."""
    with source.open() as file:
        try:
            for _, element in etree.iterparse(
                file, events=("start",), resolve_entities=False, no_network=True
            ):
                return etree.QName(element).localname
        except etree.XMLSyntaxError:
            pass
    return ""


def text(element: Element, name: str) -> str:
    """What a child of the name says; "" if there is none."""
    return (element.findtext(name) or "").strip()


def all_text(element: Element) -> str:
    """All that is said inside, without markup and with single spaces."""
    return " ".join("".join(map(str, element.itertext())).split())
