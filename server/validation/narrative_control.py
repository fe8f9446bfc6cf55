"""What a profile asks of a narrative beyond its element: sources that are told, languages that are there.

http://hl7.org/fhir/StructureDefinition/narrative-source-control
http://hl7.org/fhir/StructureDefinition/narrative-language-control
"""

from collections.abc import Callable, Iterator, Mapping

from lxml import etree

from server.definition.library import library
from server.fhir import Json
from server.validation.fault import Fault, Faults

_HL7 = "http://hl7.org/fhir/StructureDefinition"
_SOURCE = f"{_HL7}/narrative-source-control"
_LANGUAGE = f"{_HL7}/narrative-language-control"
_SOURCES = frozenset({"boilerplate", "generated", "original"})
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
# A narrative has been found to be XML before this is asked; nothing from outside is ever fetched.
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)

_Control = tuple[str, str]
"""The extension, and its value."""


def under(resource: Json, url: str) -> Faults:
    """The faults of the narrative of a resource, under one of the profiles that it claims."""
    controls = _controls(url)
    narrative = resource.get("text")
    if not controls or not narrative or "div" not in narrative:
        return None
    div = etree.fromstring(narrative["div"], _PARSER)
    found = [text for name, value in controls for text in _CHECKS[name](div, value, resource)]
    return [Fault("business-rule", text, ".text") for text in dict.fromkeys(found)] or None


def _controls(url: str) -> tuple[_Control, ...]:
    known: dict[str, tuple[_Control, ...]] = library().memo.setdefault(under, {})
    if url not in known:
        definition = library().definition(url)
        known[url] = tuple(_stated(definition)) if definition else ()
    return known[url]


def _stated(definition: Json) -> Iterator[_Control]:
    path = f"{definition['type']}.text"
    for element in definition["snapshot"]["element"]:
        if element["path"] == path:
            for each in element.get("extension", ()):
                if each["url"] in _CHECKS and "valueCode" in each:
                    yield each["url"], each["valueCode"]


def _unsourced(div: etree._Element, _: str, __: Json) -> Iterator[str]:
    """Each part of the narrative has a class that says where it comes from."""
    told = all(_SOURCES & set((each.get("class") or "").split()) for each in div)
    loose = [div.text, *(each.tail for each in div)]
    if not told or any(text and text.strip() for text in loose):
        yield f"has parts without one of the classes {', '.join(sorted(_SOURCES))} that say their source."


def _spoken(div: etree._Element, wanted: str, resource: Json) -> Iterator[str]:
    """The languages of the sections: none, some, that of the resource, or a certain one."""
    languages = {language for each in div if (language := each.get(_LANG) or each.get("lang"))}
    match wanted:
        case "_no":
            if languages:
                yield f"has sections in languages ({', '.join(sorted(languages))}), and may have none."
        case "_yes":
            if not languages:
                yield "has to have sections in languages."
        case _:
            language = resource.get("language", "") if wanted == "_resource" else wanted
            if language and language not in languages:
                yield f"has to have a section in the language '{language}'."


_CHECKS: Mapping[str, Callable[[etree._Element, str, Json], Iterator[str]]] = {
    _SOURCE: _unsourced,
    _LANGUAGE: _spoken,
}
