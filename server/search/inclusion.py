"""What `_include` and `_revinclude` ask for: `Observation:encounter`, `Patient:*`, `*`.

https://hl7.org/fhir/R4/search.html#include
"""

from collections.abc import Iterator
from dataclasses import dataclass

from server.definition.library import library
from server.definition.searchparameter import SearchParameter
from server.search.complete import is_complete, require_complete
from server.search.criterion import Unknown
from server.search.element import targets
from server.search.registry import Registry

EVERY = "*"


@dataclass(frozen=True, slots=True)
class Include:
    """`source`: the type that holds the reference, None any; `parameter`: None every reference of it;
    `target`: the only type to be followed to, if named; `iterate`: from what was brought along, too."""

    source: str | None
    parameter: SearchParameter | None
    target: str | None = None
    iterate: bool = False

    def of(self, type_: str) -> Iterator[SearchParameter]:
        """The references of a type that it speaks of."""
        if self.source in (None, type_):
            every = library().search_parameters(type_).values()
            named = (p for p in every if p.type == "reference" and self.parameter in (None, p))
            # One that is not indexed yet is refused by name, and is none of all.
            yield from (p for p in named if is_complete(p))

    def leads_to(self, type_: str, source: str, parameter: SearchParameter) -> bool:
        """Whether that reference may be one to a resource of the type, and it is to be followed there."""
        return self.target in (None, type_) and type_ in targets(source, parameter)


def inclusion(name: str, value: str, type_: str, registry: Registry) -> Include:
    """`_include=Observation:encounter`, `_revinclude:iterate=Observation:performer:Organization`.

    Raises:
        Unknown: it names no reference, or begins elsewhere than at what is searched.
    """
    code, _, modifier = name.partition(":")
    iterate = modifier in ("iterate", "recurse")
    if modifier and not iterate:
        raise Unknown(f"'{name}': the only modifier of {code} is 'iterate'.")
    if value == EVERY:
        return Include(type_ if code == "_include" and not iterate else None, None, iterate=iterate)
    source, _, rest = value.partition(":")
    reference, _, target = rest.partition(":")
    types = registry.library.resource_types
    parameter = registry.parameter(source, reference) if source in types else None
    is_reference = reference == EVERY or (parameter is not None and parameter.type == "reference")
    if source not in types or not is_reference or (target and target not in types):
        raise Unknown(
            f"'{name}={value}' names no reference, as *, Type:*, Type:parameter or Type:parameter:Type."
        )
    if parameter is not None:
        require_complete(source, parameter)
    found = Include(source, parameter, target or None, iterate)
    if code == "_include" and not iterate and source != type_:
        raise Unknown(f"'{name}={value}' does not begin at {type_}, which is searched.")
    if code == "_revinclude" and not iterate and not _leads(found, type_):
        raise Unknown(f"'{name}={value}' does not lead to {type_}, which is searched.")
    return found


def _leads(found: Include, type_: str) -> bool:
    assert found.source is not None
    if found.parameter is not None:
        return found.target in (None, type_)
    return any(found.leads_to(type_, found.source, each) for each in found.of(found.source))
