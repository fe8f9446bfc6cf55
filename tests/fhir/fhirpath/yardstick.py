"""fhirpathpy, with what it lacks added; and the invariants of R4, each with the elements it is asked of."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from fhirpathpy import compile as compiled
from fhirpathpy.engine.nodes import ResourceNode
from fhirpathpy.models import models

from server.definition.library import library
from server.fhir import Json

ASKED_ELSEWHERE = frozenset({"ele-1", "dom-3", "rng-2"})
"""What fhirpathpy cannot ask: what is beside a value, a union on the left of `in`, an order of quantities."""


def has_value(nodes: list[Any]) -> bool:
    return len(nodes) == 1 and not isinstance(getattr(nodes[0], "data", nodes[0]), dict | list | None)


ADDED = {
    "hasValue": {"fn": has_value, "arity": {0: []}},
    "htmlChecks": {"fn": lambda nodes: True, "arity": {0: []}},
    "resolve": {"fn": lambda nodes: [], "arity": {0: []}},
    "trace": {"fn": lambda nodes, *_: nodes, "arity": {1: ["String"], 2: ["String", "Expr"]}},
}


@cache
def _engine(expression: str) -> Any:
    return compiled(expression, models["r4"], {"userInvocationTable": ADDED})


def finds(expression: str, node: Any, type: str, resource: Json) -> list[Any]:
    whole = node if node is resource else ResourceNode.create_node(node, type)
    found: list[Any] = _engine(expression)(whole, {"resource": resource, "rootResource": resource})
    return found


@cache
def invariants(path: str) -> tuple[tuple[str, str], ...]:
    """Of a type, or of an element that is defined in place: (key, expression)."""
    definition = library().definition(path.partition(".")[0]) or {}
    elements = definition.get("snapshot", {}).get("element", ())
    return tuple(
        (each["key"], each["expression"])
        for element in elements
        if element["path"] == path
        for each in element.get("constraint", ())
        if "expression" in each
    )


def every() -> Iterator[tuple[str, str, str]]:
    """(key, type of the element, expression) of all definitions of types, HL7's and ours."""
    for definition in definitions():
        for element in definition.get("snapshot", definition.get("differential", {})).get("element", ()):
            for constraint in element.get("constraint", ()):
                for type in types(element["path"]):
                    if "expression" in constraint:
                        yield constraint["key"], type, constraint["expression"]


def definitions() -> Iterator[Json]:
    known = library()
    urls = {f"http://hl7.org/fhir/StructureDefinition/{type}" for type in known.resource_types}
    urls |= set(known._archive.urls("StructureDefinition"))
    yield from (each for url in sorted(urls) if (each := known.definition(url)))
    yield from (each for each in known.ours() if each["resourceType"] == "StructureDefinition")


def types(path: str) -> list[str]:
    parent, _, name = path.rpartition(".")
    if not parent:
        return [path]
    return [each.type for each in library().children(parent, name.removesuffix("[x]"))]


def elements(resource: Json) -> Iterator[tuple[Any, str]]:
    """Every element of a resource with its type, but for what is in another resource."""
    yield from _elements(resource, resource["resourceType"])


def _elements(value: Any, type: str) -> Iterator[tuple[Any, str]]:
    yield value, type
    if not isinstance(value, dict):
        return
    for key, inside in value.items():
        stems = (key, *(key[:at] for at, letter in enumerate(key) if letter.isupper()))
        found = (each for stem in stems for each in library().children(type, stem) if each.key == key)
        if (property_ := next(found, None)) and property_.type != "Resource":
            for each in inside if property_.repeated else (inside,):
                if each is not None:
                    yield from _elements(each, property_.type)
