"""What is wrong with a definition: of itself, and beside the others that it names."""

from collections.abc import Callable, Iterator, Mapping

from server.definition.fault import structure, terminology
from server.definition.library import Library
from server.fhir import Json
from server.fhir.issue import Issue

_FAULTS: Mapping[str, Callable[[Json, Library], Iterator[Issue]]] = {
    "CodeSystem": terminology.of_code_system,
    "StructureDefinition": structure.faults,
    "ValueSet": terminology.of_value_set,
}


def faults(definition: Json, library: Library) -> tuple[Issue, ...]:
    """Errors, with which it cannot be used, and warnings; the library is the one that it is to be part of.

    Only what the definition means is looked at: that it is a good resource, validation tells.
    """
    find = _FAULTS.get(definition["resourceType"])
    return tuple(find(definition, library)) if find else ()
