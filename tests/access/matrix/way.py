"""Which ways of the registries a request takes: an interaction, an operation, a parameter, a header.

The matrix has a path for each, or a reason why it needs none. Whatever is added to a registry is a way, and
so has to be one of these before the suite passes.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from server.definition.compartment import COMPARTMENTS
from server.definition.library import library
from server.interaction import declared, describe, patch
from server.operation import registry as operations
from server.search.registry import Registry, kind
from tests.caller import Answer, Caller


class Asked(NamedTuple):
    """One request, or one entry of a Bundle."""

    method: str
    url: str
    body: Any = None
    headers: Mapping[str, str] = MappingProxyType({})


class Watched(Caller):
    """A caller that keeps what it asked."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(caller._app, caller._token)
        self.asked: list[Asked] = []

    def ask(self, method: str, path: str = "", body: Any = None, **headers: str) -> Answer:
        self.asked.append(Asked(method, path.removeprefix(f"{self.base}/"), body, headers))
        return super().ask(method, path, body, **headers)


def every(registry: Registry) -> set[str]:
    """The ways that there are."""
    return {*_interactions(), *_operations(), *_parameters(), *_searches(registry), *describe.HEADERS}


def taken(asked: Asked, registry: Registry) -> Iterator[str]:
    """The ways that a request takes."""
    url = urlsplit(asked.url)
    if "_async/" in url.path:
        yield f"{asked.method} _async/[id]"
        return
    code, name = _interaction(asked.method, url.path, asked.body)
    yield name
    yield from (name.replace("_", "-") for name in asked.headers)
    query = url.query if not url.path.endswith("_search") else str(asked.body)
    yield from _criteria(url.path, query, registry)
    if code == "patch":
        yield f"patch {asked.headers.get('Content_Type', 'application/fhir+json')}"
    if code in ("batch", "transaction"):
        for each in asked.body.get("entry", ()):
            sent = each["request"]
            yield from taken(Asked(sent["method"], sent["url"], each.get("resource")), registry)


def _interactions() -> Iterator[str]:
    yield from (f"{each.code} {each.method} {each.url}" for each in declared.INTERACTIONS)
    later = declared.methods("_async/x", ())
    yield from (f"{method} _async/[id]" for method in later if method not in ("HEAD", "OPTIONS"))
    yield from (f"patch {each}" for each in patch.FORMATS)


def _operations() -> Iterator[str]:
    for operation, _ in operations.operations():
        yield from (f"${operation.name} on {level}" for level in operation.levels)
        if operations.is_of_versions(operation):
            yield f"${operation.name} on version"


def _parameters() -> Iterator[str]:
    yield from (name for name, each in describe.PARAMETERS.items() if each["in"] == "query")
    yield from ("chain", "_include:iterate")


def _searches(registry: Registry) -> Iterator[str]:
    """Each class that answers search parameters, each of their modifiers, each special parameter."""
    for type_ in registry.library.resource_types:
        for answer in registry.supported(type_).values():
            yield type(answer).__name__
            yield from (f":{modifier}" for modifier in answer.modifiers)
    yield from (":missing", ":[type]")


def _interaction(method: str, path: str, body: Any) -> tuple[str, str]:
    parts = path.split("/")
    if parts[-1].startswith("$"):
        level = {1: "system", 2: "type"}.get(len(parts), "instance")
        found = operations.find(parts[-1][1:], level, parts[0] if len(parts) > 1 else None)
        assert found, path
        return "", f"${found[0].name} on {level if len(parts) < 4 else 'version'}"
    if not path and method == "POST":
        return body["type"], f"{body['type']} POST "
    method = "GET" if method == "HEAD" else method
    return next(
        (each.code, f"{each.code} {each.method} {each.url}")
        for each in declared.INTERACTIONS
        if each.method == method and _is_at(each.url, path)
    )


def _is_at(url: str, path: str) -> bool:
    pattern = re.escape(url).replace(r"\[type\]", r"([A-Z]\w+|\*)").replace(r"\[vid\]", r"\d+")
    pattern = pattern.replace(r"\[compartment\]", "|".join(COMPARTMENTS).join("()"))
    return re.fullmatch(pattern.replace(r"\[id\]", r"[A-Za-z0-9.-]+"), path) is not None


def _criteria(path: str, query: str, registry: Registry) -> Iterator[str]:
    type_ = next((part for part in reversed(path.split("/")) if part in library().resource_types), "Basic")
    for name, _ in parse_qsl(query, keep_blank_values=True):
        code, _, modifier = name.partition(":")
        yield code
        if code in ("_include", "_revinclude"):
            yield f"{code}:{modifier}"
        elif "." in name:
            yield "chain"
        elif parameter := registry.parameter(type_, code):
            answer = kind(parameter)
            yield type(answer).__name__
            yield ":[type]" if modifier[:1].isupper() else f":{modifier}"
