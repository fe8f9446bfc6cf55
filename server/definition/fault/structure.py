"""Whether a StructureDefinition can be, and takes nothing back of what it derives from.

https://hl7.org/fhir/R4/profiling.html#resources
"""

from collections.abc import Iterator, Sequence
from typing import Any

from server.definition.fault.element import of_step
from server.definition.library import Library
from server.definition.snapshot import Unbuildable, snapshot, steps
from server.fhir import Json
from server.fhir.issue import Issue

_TYPE = "StructureDefinition"


def faults(definition: Json, library: Library) -> Iterator[Issue]:
    """Those of the whole, then those of each element of the differential."""
    if whole := tuple(_of_the_whole(definition, library)):
        yield from whole
        return
    try:
        made = steps(definition, library.definition) if "baseDefinition" in definition else ()
        elements = snapshot(definition, library.definition)["snapshot"]["element"]
    except Unbuildable as error:
        yield Issue("business-rule", str(error), (f"{_TYPE}.differential",))
        return
    yield from _of_the_snapshot(definition, elements)
    for step in made:
        yield from of_step(step, definition, library)
    if definition["type"] == "Extension" and definition.get("derivation") == "constraint":
        yield from _of_the_extension(definition, elements)


def _of_the_whole(definition: Json, library: Library) -> Iterator[Issue]:
    kind, type_ = definition.get("kind"), definition.get("type", "")
    if definition.get("derivation") != "constraint":
        # A logical model is no type of resource: nothing is kept by it, and it may be what its author wants.
        if kind != "logical" and not library.ships(_TYPE, definition["url"]):
            told = f"'{type_}' would be a new type: only profiles, extensions and models can be added."
            yield Issue("business-rule", told, (f"{_TYPE}.derivation",))
        return
    base = definition.get("baseDefinition")
    above = library.definition(base) if base and base.partition("|")[0] != definition["url"] else None
    if above is None:
        told = f"What it derives from is not known: '{base}'." if base else "It derives from nothing."
        yield Issue("not-found", told, (f"{_TYPE}.baseDefinition",))
    elif above["type"] != type_:
        told = f"It is of type '{type_}' and derives from '{base}', which is of type '{above['type']}'."
        yield Issue("business-rule", told, (f"{_TYPE}.type",))


def _of_the_snapshot(definition: Json, elements: Sequence[Json]) -> Iterator[Issue]:
    """A snapshot that was sent is used as it is, and has to be one."""
    root = elements[0].get("path")
    if root != definition["type"].rpartition("/")[2]:
        told = f"The first element is '{root}', and it is of type '{definition['type']}'."
        yield Issue("business-rule", told, (f"{_TYPE}.snapshot.element[0].path",))
    for place, element in enumerate(elements):
        if not {"path", "min", "max"} <= element.keys():
            told = f"The element '{element.get('id', place)}' has no path, no 'min' or no 'max'."
            yield Issue("required", told, (f"{_TYPE}.snapshot.element[{place}]",))


def _of_the_extension(definition: Json, elements: Sequence[Json]) -> Iterator[Issue]:
    """The url of an extension is its definition's; an abstract one has none."""
    found = next((each for each in elements if each["path"] == "Extension.url"), {})
    url: Any = found.get("fixedUri")
    if url != definition["url"] and not definition.get("abstract"):
        told = f"The url of this extension is fixed to '{url}', and must be '{definition['url']}'."
        yield Issue("business-rule", told, (f"{_TYPE}.differential",))
