"""Parts of resources: what `_summary` and `_elements` leave, marked SUBSETTED.

https://hl7.org/fhir/R4/search.html#summary
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from server.definition.library import library
from server.definition.structure import Element, Structure, structure
from server.fhir import Json, json
from server.fhir.exchange import FhirRequest
from server.fhir.issue import Invalid
from server.fhir.primitive import PRIMITIVES
from server.search.query import Query
from server.store.row import Stored

PARAMETERS = ("_summary", "_elements")

SUMMARIES = ("true", "text", "data", "count", "false")

SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}


@dataclass(frozen=True, slots=True)
class Subset:
    """What is wanted of each resource. `summary` is None where all of it is; `elements` are names of
    elements, each for the resources asked for or, as `Patient.name`, for those of a type.

    `type` is what is asked for; None: of every type.
    """

    summary: str | None = None
    elements: tuple[str, ...] = ()
    type: str | None = None

    def of(self, row: Stored) -> Stored:
        """The version, reduced to what is wanted."""
        if row.deleted or not (self.summary or self.elements):
            return row
        resource = self.part(json.decode(row.body.encode()))
        return replace(row, body=json.encode(resource).decode())

    def part(self, resource: Json) -> Json:
        """The resource, reduced to what is wanted."""
        type_ = resource["resourceType"]
        if self.summary in _SUMMARY:
            return _marked(_SUMMARY[self.summary](type_, resource))
        names = self._names(type_)
        return resource if names is None else _marked(_only(resource, names | _always(type_)))

    def _names(self, type_: str) -> frozenset[str] | None:
        """The properties that are wanted of a type; None if nothing was said of it."""
        asked = _asked_of(type_, self.elements, bare=self.type in (None, type_))
        if not asked:
            return None
        return frozenset().union(*(_properties(type_).get(name, frozenset()) for name in asked))


WHOLE = Subset()


def of_request(request: FhirRequest, type_: str | None, *, counted: bool = False) -> Subset:
    """What a read or a history asks for; `counted`: it may be asked for the number of resources alone.

    Raises:
        Invalid: `_summary` has no such value, or `_elements` names what no resource here has.
    """
    summary, elements = "", ""
    for name, value in request.query:
        match name:
            case "_summary":
                summary = value
            case "_elements":
                elements = f"{elements},{value}"
    if not (summary or elements):
        return WHOLE
    if summary and summary not in SUMMARIES:
        raise Invalid(f"'_summary' is one of {', '.join(SUMMARIES)}, and was given '{summary[:60]}'.")
    if summary == "count" and not counted:
        raise Invalid("'_summary=count' counts what a search or a history finds; here there is one resource.")
    names = dict.fromkeys(name.strip() for name in elements.split(",") if name.strip())
    return _checked(Subset(None if summary in ("", "false") else summary, tuple(names), type_))


def of_query(query: Query, type_: str | None) -> Subset:
    """What a search asks for.

    Raises:
        Invalid: it makes no sense, or `_elements` names what no resource here has.
    """
    if query.summary == "text" and (query.include or query.revinclude):
        raise Invalid("'_summary=text' cannot stand beside '_include' or '_revinclude'.")
    if not (query.summary or query.elements):
        return WHOLE
    return _checked(Subset(query.summary, query.elements, type_))


def _checked(subset: Subset) -> Subset:
    if subset.summary and subset.elements:
        raise Invalid("'_summary' and '_elements' each name another part of a resource: give one of them.")
    for name in subset.elements:
        of_type, dot, bare = name.rpartition(".")
        types: Collection[str] = [of_type] if dot else [subset.type] if subset.type else []
        known = library().resource_types
        if any(type not in known or bare not in _properties(type) for type in types):
            raise Invalid(
                f"'_elements' names '{name[:60]}', which is no element at the root of "
                f"{of_type[:60] if dot else subset.type}."
            )
    return subset


def _asked_of(type_: str, elements: tuple[str, ...], *, bare: bool) -> set[str]:
    own = {name.removeprefix(f"{type_}.") for name in elements if name.startswith(f"{type_}.")}
    return own | {name for name in elements if bare and "." not in name}


@cache
def _properties(type_: str) -> Mapping[str, frozenset[str]]:
    """By each name that an element may be asked for by (`value`, `value[x]`, `valueQuantity`): the properties
    that carry it, with those of its extensions."""
    found: dict[str, frozenset[str]] = {}
    for child in _known(type_).root.children:
        keys = _keys(child)
        for name in (child.name, f"{child.name}[x]" if child.choice else child.name, *keys):
            if not name.startswith("_"):
                found[name] = keys
    return found


@cache
def _always(type_: str) -> frozenset[str]:
    """What no part is without: whose it is, and what the type requires."""
    required = (_keys(child) for child in _known(type_).root.children if child.min > 0)
    return frozenset({"resourceType", "id", "meta"}).union(*required)


def _keys(child: Element) -> frozenset[str]:
    return frozenset(key for name, _ in child.properties() for key in (name, f"_{name}"))


def _only(resource: Json, names: Collection[str]) -> Json:
    return {name: value for name, value in resource.items() if name in names}


def _text(type_: str, resource: Json) -> Json:
    return _only(resource, _always(type_) | {"text"})


def _data(type_: str, resource: Json) -> Json:
    # A type that has an element `text` of another kind (none has in R4) would keep it.
    return {name: value for name, value in resource.items() if name != "text"}


def _true(type_: str, resource: Json) -> Json:
    return {"resourceType": type_, **_reduction(type_)(resource)}


_SUMMARY: Mapping[str | None, Callable[[str, Json], Json]] = {"true": _true, "text": _text, "data": _data}

Reduce = Callable[[Any], Any]
"""From an object to what a summary has of it."""


@cache
def _reduction(type_: str) -> Reduce:
    """Of a resource or a datatype."""
    known = _known(type_)
    return _object(known, known.root)


@cache
def _part_reduction(url: str, path: str) -> Reduce:
    """Of an element that is defined in place."""
    known = _known(url)
    return _object(known, known.elements[path])


def _object(within: Structure, parent: Element) -> Reduce:
    kept = {
        key: (child, type.code)
        for child in parent.children
        if child.summary or child.min > 0
        for key, type in child.properties()
    }

    def reduce(value: Json) -> Json:
        found = {}
        for key, item in value.items():
            if key in kept:
                found[key] = _value(within, *kept[key], item)
            elif key[1:] in kept and key[0] == "_" and _stands_in(value.get(key[1:])):
                found[key] = item
        # What says nothing but by its extensions would say nothing at all without them.
        return found or value

    return reduce


def _stands_in(value: Any) -> bool:
    """Whether the companion of a primitive says what its value does not."""
    return value is None or (isinstance(value, list) and None in value)


def _value(within: Structure, child: Element, code: str, value: Any) -> Any:
    if code in PRIMITIVES or code in ("xhtml", "Resource"):
        return value
    if child.children or child.content:
        reduce = _part_reduction(within.url, child.content or child.path)
    else:
        reduce = _reduction(code)
    return [reduce(each) for each in value] if child.repeats else reduce(value)


def _marked(resource: Json) -> Json:
    meta = resource.get("meta", {})
    tags = [tag for tag in meta.get("tag", ()) if tag.get("code") != SUBSETTED["code"]]
    return {**resource, "meta": {**meta, "tag": [*tags, SUBSETTED]}}


def _known(type_: str) -> Structure:
    known = structure(type_)
    assert known is not None, f"The library has no definition of {type_}."
    return known
