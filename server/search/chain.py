"""Criteria that speak of other resources: chains, and `_has`, of any length and mixed.

https://hl7.org/fhir/R4/search.html#chaining
"""

from server.definition.searchparameter import SearchParameter
from server.fhir.issue import FhirError, Incomplete, Invalid
from server.search.complete import require_complete
from server.search.criterion import Unknown, criterion, filtered
from server.search.element import targets
from server.search.filter import parse
from server.search.reach import is_reach, reach
from server.search.registry import Registry
from server.search.types import Chain, Condition, Criterion, Has
from server.search.types.filter import CODE as FILTER
from server.search.types.filter import codes

HAS = "_has"

LONGEST = 8
"""Links of a chain."""


def is_join(type_: str, name: str, registry: Registry) -> bool:
    """Whether a parameter of a query speaks of other resources than those that are searched."""
    head, dot, _ = name.partition(".")
    code = head.partition(":")[0]
    if not dot or code == HAS:
        return code == HAS
    parameter = registry.parameter(type_, code)
    return parameter is not None and parameter.type == "reference"


def join(type_: str, name: str, value: str, registry: Registry) -> Chain | Has:
    """`subject:Patient.name=x`, `_has:Observation:patient:code=x`.

    Raises:
        Unknown: a name in it is none. Invalid, NotSupported: of what it ends in.
    """
    if name.count(".") + name.count(HAS) > LONGEST:
        raise Invalid(f"A chain has at most {LONGEST} links.")
    return (
        _has(type_, name, value, registry) if name.startswith(HAS) else _chain(type_, name, value, registry)
    )


def parameters(found: Criterion) -> set[str]:
    """The codes by which the searched resources themselves are asked about."""
    match found:
        case Has():
            return set()
        case Condition():
            return set(codes(found))
    return {found.parameter.code}


def asked(type_: str, name: str, value: str, registry: Registry) -> Criterion:
    """One parameter of a query, or what stands at the end of a chain, of whatever kind.

    Raises:
        Unknown, Incomplete. Invalid, NotSupported: of the value.
    """
    if name == FILTER:
        return filtered(type_, parse(value), registry)
    if is_reach(type_, name, registry):
        return reach(type_, name, value, registry)
    if is_join(type_, name, registry):
        return join(type_, name, value, registry)
    return criterion(type_, name, value, registry)


def _chain(type_: str, name: str, value: str, registry: Registry) -> Chain:
    head, _, rest = name.partition(".")
    code, _, wanted = head.partition(":")
    parameter = _reference(type_, code, registry)
    types = targets(type_, parameter)
    if wanted and wanted not in types:
        raise Invalid(f"'{code}' of {type_} never points at a '{wanted}'.")
    found, refusals = [], []
    for target in (wanted,) if wanted else types:
        try:
            found.append((target, asked(target, rest, value, registry)))
        except Incomplete:
            raise
        except FhirError as refusal:
            refusals.append(refusal)
    if not found:
        # The types that do not know the name say less than the one that knows it and refuses the value.
        raise next((each for each in refusals if not isinstance(each, Unknown)), refusals[0])
    return Chain(parameter, tuple(found))


def _has(type_: str, name: str, value: str, registry: Registry) -> Has:
    parts = name.split(":", 3)
    if len(parts) < 4 or parts[1] not in registry.library.resource_types or not parts[3]:
        raise Unknown(f"'{name}' is not of the form _has:Type:reference:parameter.")
    _, source, code, rest = parts
    parameter = _reference(source, code, registry)
    if type_ not in targets(source, parameter):
        raise Invalid(f"'{code}' of {source} never points at a '{type_}'.")
    return Has(source, parameter, asked(source, rest, value, registry))


def _reference(type_: str, code: str, registry: Registry) -> SearchParameter:
    parameter = registry.parameter(type_, code)
    if parameter is None or parameter.type != "reference":
        raise Unknown(f"'{code}' is not a reference of {type_}.")
    require_complete(type_, parameter)
    return parameter
