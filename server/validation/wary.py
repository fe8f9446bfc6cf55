"""Text that reads like HTML, and URLs that are only examples: FHIR allows both, and not every place should.

https://hl7.org/fhir/R4/security.html#narrative
"""

import re
from collections.abc import Iterator
from typing import Any

from server.fhir import Json
from server.validation.fault import Fault, Faults
from server.validation.visit import Visit

_TAG = re.compile(r"<[A-Za-z/!?]")
_EXAMPLE = re.compile(r"https?://([\w\-]+\.)*(example\.(org|com|net)|acme\.com)([:/?#]|$)", re.IGNORECASE)
# What names a definition or a system is no address that anyone would go to.
_NAMES = frozenset({"system", "profile", "instantiatesCanonical", "instantiatesUri", "fullUrl"})
_HTML = "has text that reads like an HTML tag, and might be shown as one."


def check(resource: Json, visit: Visit) -> Faults:
    """What is to be refused in the strings of a resource, or told of in full."""
    context = visit.context
    if context.html and context.examples and not context.full:
        return None
    found: list[Fault] = []
    for path, key, text in _strings(resource):
        if _TAG.search(text):
            severity = "warning" if context.html else "error"
            found.append(Fault("security" if context.html else "invalid", _HTML, path, severity))
        elif not context.examples and key not in _NAMES and _EXAMPLE.match(text):
            found.append(Fault("invalid", "has a URL that is only an example.", path))
    return found or None


def _strings(resource: Json) -> Iterator[tuple[str, str, str]]:
    """Every string but the narratives and what says which extension this is; resources inside look after
    themselves."""
    todo: list[tuple[str, str, Any]] = [("", "", resource)]
    while todo:
        path, key, node = todo.pop()
        if type(node) is str:
            yield path, key, node
        elif type(node) is list:
            todo.extend((f"{path}[{index}]", key, each) for index, each in enumerate(node))
        elif type(node) is dict and ("resourceType" not in node or not path):
            todo.extend(
                (f"{path}.{name.removeprefix('_')}", name, each)
                for name, each in node.items()
                if name != "div" and not (name == "url" and ("extension" in path or "Extension" in path))
            )
