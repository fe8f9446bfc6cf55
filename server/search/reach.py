"""References up and down a hierarchy: the wards of a hospital, the teams of an agency.

https://hl7.org/fhir/R4/search.html#recursive
"""

from server.definition.searchparameter import SearchParameter
from server.fhir.issue import Invalid
from server.search.complete import require_complete
from server.search.criterion import Unknown, alternatives
from server.search.element import targets
from server.search.registry import Registry
from server.search.types import Reach

MODIFIERS = ("above", "below")
_PART_OF = ("partof", "part-of")


def is_reach(type_: str, name: str, registry: Registry) -> bool:
    """Whether a parameter of a query asks a reference for more than what it points at."""
    code, _, modifier = name.partition(":")
    if modifier not in MODIFIERS:
        return False
    parameter = registry.parameter(type_, code)
    return parameter is not None and parameter.type == "reference"


def reach(type_: str, name: str, value: str, registry: Registry) -> Reach:
    """`location:below=1`.

    Raises:
        Unknown: there is no value. Invalid: nothing that it points at is a part of another.
    """
    code, _, modifier = name.partition(":")
    parameter = registry.parameter(type_, code)
    assert parameter is not None
    require_complete(type_, parameter)
    found = ((target, _link(target, registry)) for target in targets(type_, parameter))
    links = tuple((target, link) for target, link in found if link is not None)
    if not links:
        raise Invalid(f"'{name}': nothing that '{code}' of {type_} points at is a part of another.")
    values = alternatives(value)
    if not values:
        raise Unknown(f"The search parameter '{name}' has no value.")
    return Reach(parameter, modifier, links, values)


def _link(type_: str, registry: Registry) -> SearchParameter | None:
    """The parameter that says what resources of a type are parts of."""
    for code in _PART_OF:
        parameter = registry.parameter(type_, code)
        if parameter is not None and parameter.type == "reference" and type_ in targets(type_, parameter):
            require_complete(type_, parameter)
            return parameter
    return None
