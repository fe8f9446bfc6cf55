"""The selectors of XML Patch: XPath from the root, step by step, to one node.

https://www.rfc-editor.org/rfc/rfc5261#section-4.1

What a selector may say is a small grammar, so that its cost is that of the document: children, positions, and
comparisons with a text. FHIR keeps its values in attributes; so a comparison may look at a descendant's
(`f:telecom[f:system/@value='phone']`), where the RFC has only an own child's text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from server.fhir.patch import Failed

Element = etree._Element

FHIR = "http://hl7.org/fhir"
LONGEST = 1000
"""Characters of a selector."""

_KNOWN = {"f": FHIR, "h": "http://www.w3.org/1999/xhtml", "xhtml": "http://www.w3.org/1999/xhtml"}
"""Prefixes that need not be declared."""

_UNPREFIXED = "unprefixed"

_NAME = r"(?:[^\W\d][\w-]*:)?[^\W\d][\w-]*"
_LITERAL = r"(?:'[^']*'|\"[^\"]*\")"
_POSITION = r"\[\s*[1-9][0-9]{0,5}\s*\]"
_COMPARED = rf"(?:\.|(?:{_NAME}/){{0,9}}@?{_NAME})\s*=\s*{_LITERAL}"
_PREDICATE = rf"(?:{_POSITION}|\[\s*{_COMPARED}(?:\s+and\s+{_COMPARED}){{0,9}}\s*\])"
_STEP = rf"(?:{_NAME}|\*){_PREDICATE}{{0,9}}"
_LAST = rf"(?:{_STEP}|@{_NAME}|(?:text|comment)\(\)(?:{_POSITION})?)"
_SELECTOR = re.compile(rf"/?(?:{_STEP}/){{0,99}}{_LAST}")
_TOKEN = re.compile(rf"({_LITERAL}|@{_NAME}|\b(?:text|comment)\(\)|\sand\s)|({_NAME})")


@dataclass(frozen=True, slots=True)
class Attribute:
    element: Element
    name: str


@dataclass(frozen=True, slots=True)
class Text:
    """A text node: before the first child of an element, or after the node `before`."""

    parent: Element
    before: Element | None

    def set(self, text: str) -> None:
        if self.before is None:
            self.parent.text = text or None
        else:
            self.before.tail = text or None


Node = Element | Attribute | Text


def select(root: Element, step: Element) -> Node:
    """The one node that the selector of an operation names.

    Raises:
        Failed: it is none of these selectors, or names no node, or more than one.
    """
    selector = step.get("sel", "").strip()
    if len(selector) > LONGEST or not _SELECTOR.fullmatch(selector):
        raise Failed("the selector is none: children, [position], [child/@attribute = 'text'] are understood")
    spaces = {**_KNOWN, **{prefix: uri for prefix, uri in step.nsmap.items() if prefix}}
    # A name without a prefix is of the default namespace, as in XPath 2.0; and of FHIR's if there is none.
    spaces[_UNPREFIXED] = step.nsmap.get(None, FHIR)
    path = _TOKEN.sub(lambda token: token[1] or _qualified(token[2]), selector)
    try:
        found = root.getroottree().xpath("/" + path.removeprefix("/"), namespaces=spaces)
    except etree.XPathEvalError:
        raise Failed("the selector has a prefix that stands for no namespace") from None
    nodes = list(_nodes(found))
    if len(nodes) != 1:
        raise Failed(
            f"the selector names {len(nodes)} nodes, and must name one" if nodes else "there is no such node"
        )
    return nodes[0]


def _qualified(name: str) -> str:
    return name if ":" in name else f"{_UNPREFIXED}:{name}"


def _nodes(found: object) -> Iterator[Node]:
    assert isinstance(found, list)
    for each in found:
        if isinstance(each, etree._Element):
            yield each
        elif each.is_attribute:
            yield Attribute(each.getparent(), each.attrname)
        else:
            # What stands behind an element is, for lxml, that element's.
            owner = each.getparent()
            yield Text(owner, None) if each.is_text else Text(owner.getparent(), owner)
