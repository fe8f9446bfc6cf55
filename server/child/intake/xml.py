"""An XML file from outside: read without entities and without the network, as rows that know their place."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import cast

from lxml import etree

from server.child.intake.source import Row, Unreadable


class Document:
    """A file and which of its elements were turned into rows, so that the others can be named."""

    def __init__(self, path: Path) -> None:
        self.file = path.name
        self.root = _root(path)
        self._seen: set[etree._Element] = set()
        self._steps: dict[etree._Element, dict[etree._Element, str]] = {}

    def row(self, element: etree._Element) -> Row:
        """The leaves of the element as the cells of a row.

        What stands where no cell can be (attributes, stray text, a leaf twice) gets a name that no one asks
        for, and so ends among what is not held.
        """
        found: dict[str, str] = {}
        for leaf in leaves(element):
            self._seen.add(leaf)
            found[_free(name(leaf), found)] = leaf.text or ""
            found |= _attributes(leaf, f"{name(leaf)}/@")
        found |= _attributes(element, "@")
        found |= {"text()": stray} if (stray := _stray(element)) else {}
        return Row(self.file, _line(element), found, self.place(element))

    def single(self, leaf: etree._Element) -> Row:
        """A leaf that may come several times, as a row of one cell."""
        self._seen.add(leaf)
        return Row(self.file, _line(leaf), {name(leaf): leaf.text or ""}, self.place(leaf))

    def unseen(self) -> Iterator[str]:
        """The names, from the root, of each leaf that holds something and is in no row."""
        for element in self.root.iter(etree.Element):
            if len(element) == 0 and element not in self._seen and (element.text or "").strip():
                ancestors = [name(one) for one in element.iterancestors()]
                yield "/".join([*reversed(ancestors), name(element)])

    def place(self, element: etree._Element) -> str:
        """The path of the element below the root: `Children/Child[3]/CINdetails[1]`."""
        path = [element, *element.iterancestors()]
        steps = [self._step(parent, one) for one, parent in pairwise(path)]
        return "/".join(reversed(steps))

    def _step(self, parent: etree._Element, element: etree._Element) -> str:
        if parent not in self._steps:
            self._steps[parent] = _numbered(parent)
        return self._steps[parent][element]


def name(element: etree._Element) -> str:
    """The element's name without a namespace."""
    return str(etree.QName(element).localname)


def children(element: etree._Element, *names: str) -> Iterator[etree._Element]:
    """The elements of these names within the element, in order."""
    return (child for child in element if name(child) in names)


def leaves(element: etree._Element) -> list[etree._Element]:
    """The elements within the element that hold no others."""
    return [child for child in element if len(child) == 0]


def _root(path: Path) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(path.read_bytes(), parser)
    except etree.XMLSyntaxError as error:
        raise Unreadable(f"The file is not well-formed XML: {error.msg}.") from None
    # An entity that is not resolved would drop text without a trace.
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unreadable("The file has a document type declaration, which no statutory format has.")
    return root


def _numbered(parent: etree._Element) -> dict[etree._Element, str]:
    counts = Counter(map(name, parent))
    so_far: dict[str, int] = defaultdict(int)
    steps = {}
    for child in parent:
        so_far[name(child)] += 1
        steps[child] = f"{name(child)}[{so_far[name(child)]}]" if counts[name(child)] > 1 else name(child)
    return steps


def _attributes(element: etree._Element, prefix: str) -> dict[str, str]:
    return {prefix + str(key): str(value) for key, value in element.attrib.items()}


def _line(element: etree._Element) -> int:
    return cast("int | None", element.sourceline) or 0


def _free(name: str, taken: dict[str, str]) -> str:
    count, free = 1, name
    while free in taken:
        count += 1
        free = f"{name}[{count}]"
    return free


def _stray(element: etree._Element) -> str:
    texts = [element.text if len(element) else None, *(child.tail for child in element)]
    return " ".join(text.strip() for text in texts if text and text.strip())
