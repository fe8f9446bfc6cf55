"""Narratives: well-formed XHTML of the plain elements that FHIR allows, so that a reader may show it as is.

https://hl7.org/fhir/R4/narrative.html#xhtml
"""

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from server.fhir import Json
from server.validation import element_id
from server.validation.fault import Fault, Faults, is_name, kind
from server.validation.visit import Visit

_XHTML = "{http://www.w3.org/1999/xhtml}"
_XML = "{http://www.w3.org/XML/1998/namespace}"
_DIV = f"{_XHTML}div"
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
# Entities would have to be declared, and nothing that is declared can be trusted to stay small.
_DECLARATION = re.compile(r"<!DOCTYPE|<!ENTITY|<\?")

# The two lists of the constraint txt-1, and what HTML 4 has in the chapters that it names.
_WORD = re.compile(r"\w+")
_ELEMENTS = frozenset(
    _WORD.findall(
        "a abbr acronym address area b bdo big blockquote br caption cite code col colgroup dd del dfn div "
        "dl dt em h1 h2 h3 h4 h5 h6 hr i img ins kbd li map ol p pre q samp small span strong sub sup table "
        "tbody td tfoot th thead tr tt u ul var"
    )
)
_ATTRIBUTES = frozenset(
    _WORD.findall(
        "abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char "
        "charoff charset cite class colspan compact coords datetime dir frame headers height href hreflang "
        "hspace id ismap lang longdesc name nowrap rel rev rowspan rules scope shape space span src start "
        "style summary tabindex title type usemap valign value vspace width"
    )
)
_LINKS = frozenset({"href", "src", "cite", "longdesc", "usemap"})
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
# What a reader's program knows how to open; data and cid are for what is shown in place.
_SCHEMES = frozenset({"http", "https", "ftp", "mailto", "tel", "sms", "cid", "data"})
_SCRIPT = re.compile(r"(java|vb)script:|data:(?!image/(png|jpeg|gif|webp|bmp)\b)", re.IGNORECASE)
# A browser leaves these out of a URL before it looks at the scheme.
_IGNORED = re.compile(r"[\x00-\x20]+")


def check(value: Any, _: Json) -> Faults:
    """The faults of a `Narrative.div`."""
    if not isinstance(value, str):
        return [Fault("structure", f"has to be a string with an XHTML <div> in it; {kind(value)} is not.")]
    if _DECLARATION.search(value):
        return [Fault("value", "may have no DOCTYPE, entity declaration or processing instruction.")]
    try:
        root = etree.fromstring(value, _PARSER)
    except (etree.XMLSyntaxError, ValueError) as error:
        return [Fault("value", f"has to be well-formed XML: {_syntax(error)}.")]
    if root.tag != _DIV:
        return [Fault("value", "has to be one <div> in the namespace http://www.w3.org/1999/xhtml.")]
    return [Fault("value", text) for text in dict.fromkeys(_offences(root))] or None


def links(resource: Json, _: Visit) -> Faults:
    """The links of a narrative to places in its own resource: each has to lead to one."""
    narrative = resource.get("text")
    div: str = narrative.get("div", "") if narrative else ""
    wanted = _WITHIN.findall(div)
    if not wanted:
        return None
    there = {*_ANCHOR.findall(div), *(id for id, _ in element_id.ids(resource))}
    there |= {each.get("id") for each in resource.get("contained", ())}
    lost = len({*wanted} - there)
    if not lost:
        return None
    text = f"has {lost} links to places in the resource that are not there."
    return [Fault("invalid", text, ".text.div")]


_WITHIN = re.compile(r"""\bhref\s*=\s*["']#([^"']+)""")
_ANCHOR = re.compile(r"""\b(?:id|name)\s*=\s*["']([^"']+)""")


def _offences(root: etree._Element) -> Iterator[str]:
    content = False
    for element in root.iter(etree.Element):
        name = str(element.tag).removeprefix(_XHTML)
        if name not in _ELEMENTS:
            yield f"may not have the element {_shown(name)}."
        for key, text in element.attrib.items():
            yield from _attribute(str(key).removeprefix(_XML), str(text))
        content = content or name == "img"
    if not content and not str(root.xpath("string()")).strip():
        yield "has to have some text or an image in it (txt-2)."


def _attribute(name: str, text: str) -> Iterator[str]:
    if name not in _ATTRIBUTES:
        yield f"may not have the attribute {_shown(name)}."
    if name in _LINKS:
        yield from _link(name, _IGNORED.sub("", text))


def _link(name: str, url: str) -> Iterator[str]:
    scheme = _SCHEME.match(url)
    if _SCRIPT.match(url):
        yield f"may not have a script or data in the attribute '{name}'."
    elif scheme and scheme[1].lower() not in _SCHEMES:
        yield f"may not have a link of the scheme {_shown(scheme[1])}, which no reader can follow."


def _shown(name: str) -> str:
    local = name.rpartition("}")[2]
    return f"'{local}'" if is_name(local) else "whose name cannot be shown"


def _syntax(error: Exception) -> str:
    """Where the parser stopped; its own words could quote the narrative."""
    if isinstance(error, etree.XMLSyntaxError) and error.position is not None:
        line, column = error.position
        return f"it is not so at line {line}, column {column}; HTML's own entities such as &nbsp; are no XML"
    return "it holds a character that XML does not have"
