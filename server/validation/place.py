"""The places that an extension's definition allows it in.

https://hl7.org/fhir/R4/defining-extensions.html#context
"""

import re
from collections.abc import Iterator
from typing import Any

from server.definition.library import library
from server.definition.structure import Element, Structure, structure
from server.fhir import Json
from server.fhir.fhirpath import Expression, Unknown, Unread, compile
from server.fhir.issue import TooCostly
from server.validation.visit import Visit

Contexts = tuple[tuple[str, str], ...]
"""Pairs of a kind (`element`, `extension`, `fhirpath`) and an expression."""

_KEPT = 1000
_INDEX = re.compile(r"\[\d+\]")
_LAST = re.compile(r"\.(?:modifierE|e)xtension$")
_WAY = re.compile(r"\.(\w+)(?:\.ofType\((\w+)\))?(?:\[(\d+)\])?")
_STEP = re.compile(r"\.(\w+)(?:\.ofType\((\w+)\))?")


def allowed_by_type(contexts: Contexts, within: Structure, parent: Element) -> bool:
    """By what the place is in its own type, wherever the type is used.

    An element of a datatype may be allowed for the resource around it: that is judged by its path.
    """
    codes = [each.code for each in parent.types] if parent is not within.root else [within.type]
    names = {parent.path, *(name for code in codes for name in _above(code))}
    return any(_is_named(expression, names) for kind, expression in contexts if kind != "extension")


def allowed_by_holder(contexts: Contexts, holder: Json, visit: Visit) -> bool:
    """By the extension that it is inside of, or by a path that leads to the element that has it."""
    for kind, expression in contexts:
        if kind == "extension" and holder.get("url") == expression:
            return True
        if kind == "fhirpath" and visit.sound and _leads_to(expression, holder, visit):
            return True
    return False


def allowed_by_path(contexts: Contexts, path: str, resource: Json) -> bool:
    """By the whole path in a resource: `Patient.address[0].extension[1]`."""
    if any(kind == "extension" and _outer(path, resource) == expression for kind, expression in contexts):
        return True
    key = contexts, _LAST.sub("", _INDEX.sub("", path))
    memo: dict[object, bool] = library().memo.setdefault(allowed_by_path, {})
    if key not in memo:
        if len(memo) >= _KEPT:
            memo.clear()
        names = _names(key[1])
        memo[key] = any(_is_named(expression, names) for kind, expression in contexts if kind != "extension")
    return memo[key]


def _outer(path: str, resource: Json) -> str | None:
    """The URL of the extension around an extension, at whatever depth."""
    url: str | None = None
    node: Any = resource
    for name, chosen, index in _WAY.findall(path.rpartition(".")[0]):
        key = f"{name}{chosen[:1].upper()}{chosen[1:]}"
        if type(node) is not dict:
            return url
        node = node.get(f"_{key}") if type(node.get(key)) not in (dict, list) else node[key]
        if index and type(node) is list and int(index) < len(node):
            node = node[int(index)]
        if name in ("extension", "modifierExtension") and type(node) is dict:
            url = node.get("url")
    return url


def _is_named(expression: str, names: set[str]) -> bool:
    # Of an "Element" R4 says that it may stand anywhere, and its own extensions of resources say no more.
    return expression in ("*", "Element") or expression.rpartition("#")[2] in names


def _names(path: str) -> set[str]:
    """All that an element may be called: by its path in the resource, in its datatypes, and by its type."""
    root, _, _ = path.partition(".")
    known, element = structure(root), None
    names = {root, *_above(root)}
    element = known.root if known else None
    for name, chosen in _STEP.findall(path):
        child = _child(known, element, name)
        if known is None or child is None:
            return set()
        codes = [chosen] if chosen else [each.code for each in child.types]
        names = {f"{each}.{part}" for each in names for part in {name, child.path.rpartition(".")[2]}}
        names |= {above for code in codes for above in _above(code)}
        element = child
        if not child.children and not child.content:
            known = structure(codes[0]) if codes else None
            element = known.root if known else None
        elif child.content:
            element = known.elements[child.content]
    return names


def _child(known: Structure | None, element: Element | None, name: str) -> Element | None:
    return element.child(name) if known is not None and element is not None else None


def _above(type_: str) -> Iterator[str]:
    """The type and those that it is made from."""
    while True:
        yield type_
        definition = library().definition(type_)
        base = definition.get("baseDefinition") if definition else None
        if base is None:
            return
        type_ = base.rpartition("/")[2]


def _leads_to(expression: str, holder: Json, visit: Visit) -> bool:
    compiled = _compiled(expression, str(visit.resource.get("resourceType")))
    if compiled is None:
        return False
    try:
        found = compiled.evaluate(visit.resource, visit.environment)
    except TooCostly:
        # It is not held against the extension that nobody can say where it may stand.
        return True
    return any(value is holder or beside is holder for value, _, beside in found)


def _compiled(expression: str, type_: str) -> Expression | None:
    memo: dict[object, Expression | None] = library().memo.setdefault(_compiled, {})
    key = expression, type_
    if key not in memo:
        try:
            memo[key] = compile(expression, type_, library().children, counted=True)
        except (Unread, Unknown):
            memo[key] = None
    return memo[key]
