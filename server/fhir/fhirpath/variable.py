"""The variables of FHIR: `%resource`, `%ucum`, ``%`vs-name` `` and what a caller adds.

https://hl7.org/fhir/R4/fhirpath.html#variables
"""

from collections.abc import Callable
from typing import Any

from server.fhir import Json
from server.fhir.fhirpath.children import EMPTY, resource, system
from server.fhir.fhirpath.environment import Environment, Item, Misused
from server.fhir.fhirpath.step import INTEGER, Step, Types, constant

_SYSTEMS = {
    "%sct": "http://snomed.info/sct",
    "%loinc": "http://loinc.org",
    "%ucum": "http://unitsofmeasure.org",
}
_CANONICALS = {
    "%vs-": "http://hl7.org/fhir/ValueSet/",
    "%ext-": "http://hl7.org/fhir/StructureDefinition/",
}


def step(name: str, resource_types: Types) -> Step:
    """The variable of a name, which begins with its sign."""
    if name in _SYSTEMS:
        return constant([system(_SYSTEMS[name])])
    for prefix, url in _CANONICALS.items():
        if name.startswith(prefix):
            return constant([system(url + name[len(prefix) :])])
    match name:
        case "%resource":
            return _held(lambda environment: environment.resource, resource_types)
        case "%rootResource":
            return _held(lambda environment: environment.root or environment.resource, None)
        case "%context":
            return Step(
                lambda _, environment: [environment.context] if environment.context else EMPTY, None, True
            )
        case "$index":
            return Step(lambda _, environment: _number(environment.index), INTEGER, single=True)
        case "$total":
            return Step(lambda _, environment: environment.total, None, single=False)
    return Step(lambda _, environment: _added(name[1:], environment), None, single=False)


def _held(of: Callable[[Environment], Json | None], types: Types) -> Step:
    def find(_: Item, environment: Environment) -> list[Item]:
        found = of(environment)
        return EMPTY if found is None else [resource(found)]

    return Step(find, types, single=True, hold=(lambda _, environment: of(environment)) if types else None)


def _number(index: int | None) -> list[Item]:
    return EMPTY if index is None else [system(index)]


def _added(name: str, environment: Environment) -> list[Item]:
    if name not in environment.variables:
        raise Misused(f"There is no variable '%{name}'.")
    return [_item(each) for each in environment.variables[name]]


def _item(value: Any) -> Item:
    """A resource, a value of FHIRPath's own types, or an item as it is."""
    if isinstance(value, tuple):
        found: Item = value
        return found
    return resource(value) if isinstance(value, dict) else system(value)
