"""Ids of elements: within one resource each is one element's, so that a link can lead to it.

https://hl7.org/fhir/R4/element.html#id
"""

from collections.abc import Iterator
from typing import Any

from server.fhir import Json
from server.validation.fault import Fault, Faults
from server.validation.visit import Visit


def check(resource: Json, visit: Visit) -> Faults:
    """The elements of a resource that have the id of another."""
    if not visit.identified:
        return None
    seen: set[str] = set()
    faults: Faults = None
    for id, path in ids(resource):
        if id in seen:
            faults = [*(faults or ()), Fault("business-rule", "has the id of another element.", path)]
        seen.add(id)
    return faults


def ids(resource: Json) -> Iterator[tuple[str, str]]:
    """The ids of the elements of a resource, each with its place, without those of the resources in it."""
    todo: list[tuple[Any, str]] = [(resource, "")]
    while todo:
        node, path = todo.pop()
        for key, value in node.items():
            if type(value) is dict:
                inside = [(value, f"{path}.{key.removeprefix('_')}")]
            elif type(value) is list:
                name = key.removeprefix("_")
                inside = [(each, f"{path}.{name}[{index}]") for index, each in enumerate(value)]
            else:
                continue
            for each, place in inside:
                if type(each) is not dict or "resourceType" in each:
                    continue
                if "id" in each:
                    yield each["id"], place
                todo.append((each, place))
