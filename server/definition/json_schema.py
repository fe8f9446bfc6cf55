"""The JSON Schema of every type, made of its definition: what a resource looks like in JSON.

It says which elements there are, of which type and how often. What else holds (values, codes, invariants) is
for the validator to say, and a summary or a masked resource fits too.

https://hl7.org/fhir/R4/json.html and https://json-schema.org/draft/2020-12
"""

from collections.abc import Iterator

from server.definition.library import library
from server.definition.structure import Element, ElementType, structure
from server.fhir import Json
from server.fhir.primitive import PRIMITIVES

REFERENCE = "#/components/schemas/"
"""Where an OpenAPI document keeps its schemas."""

_ANY: Json = {
    "type": "object",
    "properties": {"resourceType": {"type": "string"}},
    "required": ["resourceType"],
}
# A narrative is a text like others in JSON.
_PRIMITIVE = frozenset({*PRIMITIVES, "xhtml"})
_JSON_TYPES = {
    "boolean": "boolean",
    "decimal": "number",
    "integer": "integer",
    "positiveInt": "integer",
    "unsignedInt": "integer",
}


def schemas() -> dict[str, Json]:
    """A schema for each resource type and for each type that these are made of, by name."""
    found: dict[str, Json] = {"Resource": _ANY}
    todo = [*library().resource_types, "Element"]
    while todo:
        type_ = todo.pop()
        if type_ not in found:
            made = dict(_of(type_))
            found |= made
            todo += sorted(_named(made) - found.keys())
    return dict(sorted(found.items()))


def _of(type_: str) -> Iterator[tuple[str, Json]]:
    """The schemas of a type and of the elements that are defined in it."""
    if type_ in _PRIMITIVE:
        yield type_, _primitive(type_)
        return
    found = structure(type_)
    assert found is not None, "a type of R4 has a definition"
    for element in found.elements.values():
        if element.children:
            yield _name(element.path), _object(element, type_ if found.kind == "resource" else None)


def _primitive(type_: str) -> Json:
    return {"type": _JSON_TYPES.get(type_, "string")}


def _object(element: Element, resource: str | None) -> Json:
    properties: dict[str, Json] = {}
    required = []
    if resource == element.path:
        properties["resourceType"] = {"const": resource}
        required.append("resourceType")
    for child in element.children:
        for name, type_ in child.properties():
            properties |= _property(name, type_, child)
            # A primitive may be there by its extensions alone, unless XML makes an attribute of it.
            if child.min and not child.choice and (type_.attribute or not _is_primitive(type_)):
                required.append(name)
    found: Json = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**found, "required": required} if required else found


def _property(name: str, type_: ElementType, element: Element) -> dict[str, Json]:
    """The schema of an element, and of what stands beside a primitive one."""
    own = {"$ref": REFERENCE + (_name(element.content or element.path) if _has_own(element) else type_.code)}
    if not _is_primitive(type_):
        return {name: _repeated(own) if element.repeats else own}
    if type_.attribute:
        return {name: own}
    beside: Json = {"$ref": f"{REFERENCE}Element"}
    if element.repeats:
        # Either has a place for each of the other's, which may be empty.
        nothing = {"type": "null"}
        own, beside = _repeated({"anyOf": [own, nothing]}), _repeated({"anyOf": [beside, nothing]})
    return {name: own, f"_{name}": beside}


def _repeated(one: Json) -> Json:
    return {"type": "array", "items": one, "minItems": 1}


def _has_own(element: Element) -> bool:
    """Whether what it holds is defined where it stands."""
    return bool(element.children or element.content)


def _is_primitive(type_: ElementType) -> bool:
    return type_.code in _PRIMITIVE


def _name(path: str) -> str:
    return path.replace(".", "_")


def _named(made: dict[str, Json]) -> set[str]:
    """The types that schemas refer to."""
    names: set[str] = set()
    todo: list[object] = [*made.values()]
    while todo:
        match todo.pop():
            case {"$ref": str() as reference}:
                names.add(reference.removeprefix(REFERENCE))
            case dict() as node:
                todo.extend(node.values())
            case list() as nodes:
                todo.extend(nodes)
    return {name for name in names if "_" not in name}
