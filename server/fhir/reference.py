"""References between resources: what their text means, and where a resource has them.

https://hl7.org/fhir/R4/references.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from server.fhir import Json


@dataclass(frozen=True, slots=True)
class Reference:
    """`url` is the text without its fragment; `type` and `id` are known if it has the form of a RESTful URL.

    A reference to the resource itself or into its `contained` has a fragment and no url.
    """

    type: str | None
    id: str | None
    version: str | None
    url: str
    fragment: str | None

    @property
    def local(self) -> bool:
        """Whether it names a resource of this server by `Type/id` alone."""
        return self.id is not None and ":" not in self.url

    @property
    def base(self) -> str:
        """What stands before `Type/id` in an absolute reference, without the slash; "" in a relative one."""
        return self.url.rpartition(f"{self.type}/{self.id}")[0].rstrip("/") if self.id is not None else ""


# The pattern of the specification, its list of types widened to any capitalised word: a type that R4 does not
# have is for the validator to say.
_RESTFUL = re.compile(
    r"(?:https?://[^\s?#]+/)?([A-Z][A-Za-z]{1,63})/([A-Za-z0-9.\-]{1,64})(?:/_history/([A-Za-z0-9.\-]{1,64}))?"
)

_PROPERTIES = frozenset(
    {"id", "extension", "reference", "_reference", "type", "_type", "identifier", "display", "_display"}
)


@lru_cache(maxsize=4096)
def parse(text: str) -> Reference:
    """What the text of a `Reference.reference` means."""
    url, hash_, fragment = text.partition("#")
    found = _RESTFUL.fullmatch(url)
    type_, id_, version = found.groups() if found else (None, None, None)
    return Reference(type_, id_, version, url, fragment if hash_ else None)


def references(resource: Json) -> Iterator[tuple[Json, str]]:
    """Every Reference element of the resource, contained resources included, with its text."""
    todo: list[Any] = [resource]
    while todo:
        node = todo.pop()
        if type(node) is dict:
            text = node.get("reference")
            # Other types have an element of that name too: a URI, or a Reference of its own.
            if type(text) is str and node.keys() <= _PROPERTIES:
                yield node, text
            todo.extend(reversed(node.values()))
        elif type(node) is list:
            todo.extend(reversed(node))
