"""Whether a search parameter can be added while the server runs: it must be understood, and disturb no other.

https://hl7.org/fhir/R4/searchparameter.html
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from server.definition.compartment import COMPARTMENTS, compartment
from server.definition.library import library
from server.definition.own import Unusable
from server.definition.searchparameter import SearchParameter, search_parameter
from server.fhir import Json
from server.fhir.issue import Issue, Unprocessable
from server.fhir.path import Unknown, applicable, is_closure
from server.search.element import element_types
from server.search.types.date import MAIN

_URIS = frozenset({"canonical", "oid", "uri", "url", "uuid"})
_TEXTS = frozenset({"code", "id", "markdown", "string"})
_QUANTITIES = ("Age", "Count", "Distance", "Duration", "Money", "Quantity", "Range", "SampledData")

_FINDS: Mapping[str, frozenset[str]] = {
    "date": frozenset({"date", "dateTime", "instant", "Period", "Timing"}),
    "number": frozenset({"decimal", "integer", "positiveInt", "unsignedInt"}),
    "quantity": frozenset(_QUANTITIES),
    "reference": frozenset({"Reference", "canonical", "uri"}),
    "string": _TEXTS | {"Address", "HumanName"},
    "token": _TEXTS | _URIS | {"boolean", "CodeableConcept", "Coding", "ContactPoint", "Identifier"},
    "uri": _URIS,
}
"""The types of parameter that can be added, each with the types of element that it can find."""

_ABSTRACT = frozenset({"Resource", "DomainResource"})
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}", re.ASCII)
_KEPT_BACK = frozenset({MAIN, "identifier", "near", "patient", "subject"})
"""Codes by which the server itself tells what a resource is about: they are not given to others."""

# What is said beside these does not change what is found.
_DECISIVE = ("code", "base", "type", "expression", "target")


def in_force(definition: Json) -> bool:
    """Whether a SearchParameter is to be searched by: it is active, and none that ships with the server."""
    ours = ("SearchParameter", str(definition.get("url"))) in library()
    return definition.get("status") == "active" and not ours


def decisive(definition: Json) -> Json:
    """The parts of a definition by which resources are indexed."""
    return {name: definition[name] for name in ("url", *_DECISIVE) if name in definition}


def types(definition: Json) -> tuple[str, ...]:
    """The resource types that a definition speaks of."""
    bases, expression = definition.get("base", ()), definition.get("expression", "")
    named = library().resource_types if _ABSTRACT.intersection(bases) else bases
    return tuple(each for each in dict.fromkeys(named) if applicable(expression, each))


def parameters(definitions: Sequence[Json]) -> Mapping[str, Mapping[str, SearchParameter]]:
    """By type and code."""
    found: dict[str, dict[str, SearchParameter]] = {}
    for definition in definitions:
        one = search_parameter(definition, library().children)
        for type_ in types(definition):
            found.setdefault(type_, {})[one.code] = one
    return found


def require_admissible(definition: Json, others: Sequence[Json]) -> None:
    """See to it that it can be added to those that ship with the server and to the others.

    Raises:
        Unprocessable: what stands in the way.
    """
    faults = tuple(_faults(definition)) or tuple(_clashes(definition, others))
    if faults:
        raise Unprocessable(issues=faults)


def _faults(definition: Json) -> Iterator[Issue]:
    code, type_, expression = (definition.get(name, "") for name in ("code", "type", "expression"))
    known = library().resource_types
    if not _CODE.fullmatch(code):
        yield _fault("code", f"'{code}' cannot be a code: a letter, then letters, digits, '-' and '_'.")
    if code in _KEPT_BACK:
        yield _fault("code", f"The code '{code}' is kept for what the server tells resources apart by.")
    if type_ not in _FINDS:
        yield _fault("type", f"What can be added is of type {', '.join(_FINDS)}, and not '{type_}'.")
    for name in ("base", "target"):
        for each in definition.get(name, ()):
            if each not in known and each not in _ABSTRACT:
                yield _fault(name, f"'{each}' is not a resource type of FHIR R4.")
    if definition.get("component"):
        yield _fault("component", "A search parameter that is composed of others cannot be added.")
    if not expression:
        yield _fault("expression", "A search parameter that is added needs an expression.")


def _clashes(definition: Json, others: Sequence[Json]) -> Iterator[Issue]:
    one = search_parameter(definition, library().children)
    bases = definition["base"]
    if any(each in _ABSTRACT for each in bases):
        bases = types(definition)
    added = parameters(others)
    for type_ in bases:
        if fault := _expression(one, type_):
            yield _fault("expression", fault)
            continue
        if one.code in _of_compartments(type_):
            yield _fault("code", f"The code '{one.code}' of {type_} is kept for its compartments.")
        for other in (*library().shipped(type_).values(), *added.get(type_, {}).values()):
            if one.code == other.code or one.number == other.number or one.url == other.url:
                yield _fault("code", f"{type_} has '{other.code}' already: '{other.url}'.")


def _expression(one: SearchParameter, type_: str) -> str | None:
    """What is wrong with an expression, for resources of a type."""
    try:
        if not applicable(one.expression, type_):
            return f"The expression says nothing of {type_}."
        if not is_closure(one.expression, type_, library().children):
            return f"The expression goes beyond what can be indexed of {type_}: paths, where, extension, as."
    except (Unknown, Unusable) as error:
        return f"The expression cannot be followed from {type_}: {error}"
    found = element_types(type_, one)
    if not found or not found <= _FINDS[one.type]:
        what = ", ".join(sorted(found - _FINDS[one.type])) or "what is not known"
        return f"In {type_} the expression finds {what}, which a parameter of type '{one.type}' does not."
    return None


def _of_compartments(type_: str) -> frozenset[str]:
    return frozenset(code for kind in COMPARTMENTS for code in compartment(kind).get(type_, ()))


def _fault(name: str, told: str) -> Issue:
    return Issue("business-rule", told, (f"SearchParameter.{name}",))
