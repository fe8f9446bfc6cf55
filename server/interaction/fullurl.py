"""What the entries of a transaction call one another, and the links that become what they turn out to be.

https://hl7.org/fhir/R4/http.html#trules and https://hl7.org/fhir/R4/bundle.html#references
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from html import escape, unescape
from typing import Any

from server.definition.structure import Element, structure
from server.fhir import Json
from server.fhir.reference import parse

_URIS = frozenset({"uri", "url", "canonical", "oid", "uuid"})
_IDENTITIES = frozenset({"system", "url", "implicitRules"})
"""Elements of type uri that name a system or a definition, and lead nowhere."""

_SUFFIX = re.compile(r"[#|]")
_LINK = re.compile(r"""(\b(?:href|src)\s*=\s*)(?:"([^"]*)"|'([^']*)')""")


@dataclass(frozen=True, slots=True)
class Name:
    """What a fullUrl will be. `version`: the one it gets, where that is known; `given`: the one that its
    sender knew it by; `canonical`: the fullUrl is what its resource calls itself everywhere."""

    path: str
    version: int | None = None
    given: str | None = None
    canonical: bool = False


@dataclass(slots=True)
class Names:
    """Every fullUrl of a transaction and every condition that it refers by, each with what it stands for."""

    urls: dict[str, Name] = field(default_factory=dict)
    conditions: dict[str, str] = field(default_factory=dict)

    def replaced(self, resource: Json, full_url: str | None) -> Json:
        """A copy in which each link to an entry leads to what the entry turned out to be."""
        if not (self.urls or self.conditions):
            return resource
        replaced: Json = _resource(resource, _Links(self, _root(full_url)))
        return replaced


def _root(full_url: str | None) -> str:
    """What a relative reference in an entry goes on from; "": this server."""
    told = parse(full_url or "")
    return told.base


@dataclass(frozen=True, slots=True)
class _Links:
    names: Names
    root: str

    def reference(self, text: str) -> str:
        """The text of a Reference."""
        return self.names.conditions.get(text) or self.link(text)

    def canonical(self, text: str) -> str:
        name = self.names.urls.get(_SUFFIX.split(text, 1)[0])
        return text if name and name.canonical else self.link(text)

    def link(self, text: str) -> str:
        """A url, of an entry or into it; itself if there is no such entry."""
        # A relative one goes on from the fullUrl of the entry that holds it, if that is an address.
        whole = f"{self.root}/{text}" if self.root and ":" not in text and text[:1] not in "#/" else text
        name = self.names.urls.get(whole)
        if name:
            return name.path
        at = _SUFFIX.search(whole)
        stem, rest = (whole[: at.start()], whole[at.start() :]) if at else (whole, "")
        stem, _, version = stem.partition("/_history/")
        name = self.names.urls.get(stem)
        if name is None or (version and version != name.given):
            return text
        return f"{name.path}/_history/{name.version}{rest}" if version and name.version else name.path + rest

    def narrative(self, div: str) -> str:
        """The links and images of a narrative."""
        return _LINK.sub(self._attribute, div)

    def _attribute(self, match: re.Match[str]) -> str:
        given = unescape(match[2] if match[2] is not None else match[3])
        told = self.link(given)
        return match[0] if told == given else f'{match[1]}"{escape(told)}"'


_Change = Callable[[Any, _Links], Any]


def _resource(node: Any, links: _Links) -> Any:
    """A resource, of the type that it says it is of."""
    type_ = node.get("resourceType") if type(node) is dict else None
    return _complex(node, type_, links) if isinstance(type_, str) else node


def _complex(node: Any, type_: str, links: _Links) -> Any:
    # What is not as the definitions have it is left for the validator to speak of.
    if type(node) is not dict:
        return node
    changes = _changes(type_)
    return {
        name: _each(value, changes[name], links) if name in changes else value for name, value in node.items()
    }


def _each(value: Any, change: _Change, links: _Links) -> Any:
    return [change(each, links) for each in value] if type(value) is list else change(value, links)


@cache
def _changes(type_: str) -> Mapping[str, _Change]:
    """What is to be done with each property of a type, or of an element that is defined in place."""
    root = structure(type_.partition(".")[0]) if type_[:1].isalpha() else None
    if root is None or type_ not in root.elements:
        return {}
    found: dict[str, _Change] = {}
    for child in root.elements[type_].children:
        for name, each in child.properties():
            change = _change(type_, child, name, each.code)
            if change:
                found[name] = change
            if each.code[:1].islower():
                # The extensions of a primitive.
                found[f"_{name}"] = _into("Element")
    return found


def _change(parent: str, element: Element, name: str, code: str) -> _Change | None:
    if parent == "Reference" and name == "reference":
        return _text(_Links.reference)
    if code == "canonical":
        return _text(_Links.canonical)
    if code == "xhtml":
        return _text(_Links.narrative)
    if code in _URIS:
        return None if code == "uri" and name in _IDENTITIES else _text(_Links.link)
    if code == "Resource":
        return _resource
    if code[:1].islower():
        return None
    return _into(element.content or (element.path if code in ("BackboneElement", "Element") else code))


def _text(change: Callable[[_Links, str], str]) -> _Change:
    return lambda value, links: change(links, value) if type(value) is str else value


def _into(type_: str) -> _Change:
    return lambda value, links: _complex(value, type_, links)
