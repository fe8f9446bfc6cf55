"""By what a result is sorted.

https://hl7.org/fhir/R4/search.html#sort
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from server.definition.searchparameter import SearchParameter
from tests.differential.naive import match, value
from tests.differential.naive.match import target
from tests.differential.naive.path import Node


def sortable(parameter: SearchParameter, node: Node, base: str) -> Iterator[Any]:
    """A code or a url as it is written, in small letters; amounts in base units."""
    match parameter.type:
        case "string":
            yield from map(value.fold, match.strings(node))
        case "date":
            yield match.dates(node)
        case "number":
            yield from filter(None, [match.numbers(node)])
        case "quantity":
            for low, high, system, code, _ in match.quantities(node):
                yield (
                    value.convert(low, system, code or "")[1],
                    value.convert(high, system, code or "")[1],
                )
        case "token" if parameter.code == "_id":
            yield node.value
        case "token":
            found = [code for _, code in value.codings(*node)][: 1 if node.type == "ContactPoint" else None]
            text = node.value.get("text", "") if node.type == "CodeableConcept" else ""
            yield from ((code or "").lower() for code in found or [text])
        case "reference":
            found = target(node, base)
            stated = node.value.get("reference", "") if isinstance(node.value, dict) else node.value
            stated = "" if stated.startswith("#") else match.known_as(stated, base)
            yield "/".join(found) if found else stated
        case "uri":
            yield node.value


@dataclass(frozen=True)
class Falling:
    """A value of an order that descends."""

    value: Any

    def __lt__(self, other: "Falling") -> bool:
        return bool(other.value < self.value)
