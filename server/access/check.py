"""Whether the rights of an agency can be kept, every one of them: what cannot stops the start."""

from collections.abc import Collection, Iterator

from server.access import element_path
from server.access.access import purposes
from server.access.agency import Agency
from server.access.criteria import conditions_of
from server.access.right import PRIVATE, Right
from server.definition.compartment import child_parameter
from server.definition.library import Library
from server.fhir.issue import FhirError
from server.search.hidden import TooMany, bit
from server.search.registry import Registry


def faults(agency: Agency, registry: Registry, operations: Collection[str]) -> Iterator[str]:
    """What the SQL could not keep, or nobody could have meant; `operations`: those that there are."""
    for right in agency.rights:
        for fault in _faults(right, registry, operations):
            yield f"{right.name}: {fault}"
    if agency.break_glass:
        yield from _unknown_purposes(agency.break_glass.purposes)


def _faults(right: Right, registry: Registry, operations: Collection[str]) -> Iterator[str]:
    library = registry.library
    for type_ in right.types:
        if type_ != "*" and type_ not in library.resource_types:
            yield f"There is no type '{type_}'."
            return
        yield from _unkeepable(type_, right, registry)
        yield from _without_path(type_, right)
    yield from _unknown_purposes(right.purposes)
    if unknown := set(right.operations) - set(operations):
        yield f"There is no operation {', '.join(sorted(unknown))}."
    if not right.ages and _is_private(right) and _is_of_children(right, library):
        yield "What families see of children is bounded by 'ages'."


def _unkeepable(type_: str, right: Right, registry: Registry) -> Iterator[str]:
    for criteria in right.criteria:
        try:
            conditions_of(type_, criteria, registry)
        except FhirError as error:
            yield str(error)


def _without_path(type_: str, right: Right) -> Iterator[str]:
    for path in (*right.hidden, *right.read_only):
        if type_ == "*":
            yield f"'{path}' is an element of some types: name them."
        elif fault := element_path.fault(type_, path):
            yield fault
        else:
            try:
                bit(path)
            except TooMany as error:
                yield str(error)


def _unknown_purposes(given: Collection[str]) -> Iterator[str]:
    for code in given:
        if code not in purposes():
            yield f"'{code}' is no purpose of use (v3-PurposeOfUse)."


def _is_private(right: Right) -> bool:
    return not set(PRIVATE.values()).isdisjoint(right.roles)


def _is_of_children(right: Right, library: Library) -> bool:
    types = library.resource_types if "*" in right.types else right.types
    return any(type_ == "Patient" or child_parameter(type_) for type_ in types)
