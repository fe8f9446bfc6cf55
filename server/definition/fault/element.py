"""What one element of a differential may not say: more than what it derives from allows.

https://hl7.org/fhir/R4/profiling.html#limitations
"""

from collections.abc import Callable, Iterator, Sequence

from server.definition.library import HL7, Library
from server.definition.snapshot import Step
from server.fhir import Json
from server.fhir.expression import Unread
from server.fhir.fhirpath import Unknown, compile
from server.fhir.issue import Issue

_ANY = frozenset({"Resource", "DomainResource", "Element", "BackboneElement"})
_DISCRIMINATORS = frozenset({"value", "exists", "pattern", "type", "profile"})
_VALUES = ("fixed", "pattern")

_Find = Callable[[Step, Json, Library], Iterator[tuple[str, str]]]
"""Faults as pairs: the property of the element, and what is wrong with it."""


def of_step(step: Step, definition: Json, library: Library) -> Iterator[Issue]:
    """Errors, then warnings, each at its place in the differential."""
    name = step.change.get("id") or step.change["path"]
    for severity, checks in (("error", _ERRORS), ("warning", _WARNINGS)):
        for check in checks:
            for key, told in check(step, definition, library):
                where = f"StructureDefinition.differential.element[{step.at}].{key}"
                yield Issue("business-rule", f"'{name}': {told}", (where,), severity=severity)


def _cardinality(step: Step, definition: Json, library: Library) -> Iterator[tuple[str, str]]:
    before, after = step.before, step.after
    if after["min"] > _number(after["max"]):
        yield "min", f"at least {after['min']} and at most {after['max']} cannot both be."
    # A slice may be there less often than all of them together have to be.
    if after["min"] < before["min"] and "sliceName" not in step.change:
        yield "min", f"at least {after['min']} is less than the {before['min']} of what it derives from."
    if _number(after["max"]) > _number(before["max"]) and "contentReference" not in before:
        yield "max", f"at most {after['max']} is more than the {before['max']} of what it derives from."


def _number(most: str) -> float:
    return float("inf") if most == "*" else int(most)


def _types(step: Step, definition: Json, library: Library) -> Iterator[tuple[str, str]]:
    allowed = {each["code"] for each in step.before.get("type", ())}
    if not allowed or allowed & _ANY:
        return
    for each in step.change.get("type", ()):
        if each["code"] not in allowed and not _stands_for(each["code"], allowed):
            several = ", ".join(sorted(allowed))
            yield "type", f"it cannot be of type '{each['code']}', only of: {several}."


def _stands_for(code: str, allowed: set[str]) -> bool:
    """The ids and values of primitives are of FHIRPath's types, and are spoken of by those of FHIR."""
    return any(each.startswith("http://hl7.org/fhirpath/System.") for each in {code, *allowed})


def _binding(step: Step, definition: Json, library: Library) -> Iterator[tuple[str, str]]:
    before, after = (each.get("binding", {}).get("strength", "example") for each in (step.before, step.after))
    if before == "required" and after != "required":
        yield "binding", f"a binding that is required cannot become {after}."


def _values(step: Step, definition: Json, library: Library) -> Iterator[tuple[str, str]]:
    found = [key for key in step.after if key.startswith(_VALUES) and key not in _VALUES]
    if len(found) > 1:
        yield found[-1], f"it cannot have both {' and '.join(found)}."
    codes = {_capital(each["code"]) for each in step.after.get("type", ())}
    for key in found:
        wanted = key.removeprefix("fixed").removeprefix("pattern")
        if key in step.change and wanted not in codes and not any("System." in each for each in codes):
            yield key, f"it is never of type '{wanted}'."


def _capital(code: str) -> str:
    return code[:1].upper() + code[1:]


def _constraints(step: Step, definition: Json, library: Library) -> Iterator[tuple[str, str]]:
    for each in step.change.get("constraint", ()):
        try:
            compile(each.get("expression", "true"), _type_name(step, definition), library.children)
        except Unread as error:
            yield "constraint", f"the invariant '{each['key']}' is no FHIRPath: {error}"
        except Unknown:
            # Said of what only some of the types have, or of an element that a slice has: it may still hold.
            continue


def _type_name(step: Step, definition: Json) -> str:
    """As paths are typed by: an element that is defined in place is known by its path."""
    path: str = step.after["base"]["path"]
    if "." not in path:
        return path
    codes = {each["code"] for each in step.after.get("type", ())}
    code = codes.pop() if len(codes) == 1 else "Element"
    return path if code in ("BackboneElement", "Element") else code


def _slicing(step: Step, definition: Json, library: Library) -> Iterator[tuple[str, str]]:
    for each in step.change.get("slicing", {}).get("discriminator", ()):
        if each.get("type") not in _DISCRIMINATORS:
            yield "slicing", f"slices cannot be told apart by '{each.get('type')}'."
        if not each.get("path"):
            yield "slicing", "a discriminator needs a path; '$this' is the element itself."


def _value_sets(step: Step, definition: Json, library: Library) -> Iterator[tuple[str, str]]:
    url = step.change.get("binding", {}).get("valueSet")
    if url and ("ValueSet", url.partition("|")[0]) not in library:
        yield "binding", f"the value set '{url}' is not known."


def _profiles(step: Step, definition: Json, library: Library) -> Iterator[tuple[str, str]]:
    for type_ in step.change.get("type", ()):
        for url in (*type_.get("profile", ()), *type_.get("targetProfile", ())):
            bare = url.partition("|")[0].partition("#")[0]
            if ("StructureDefinition", bare) not in library and bare != definition["url"]:
                yield "type", f"the profile '{url}' is not known."


def _targets(step: Step, definition: Json, library: Library) -> Iterator[tuple[str, str]]:
    """What a reference may point to is of the types that it could point to before."""
    allowed = {_resource_type(url, library) for url in _target_profiles(step.before)}
    if not allowed or allowed & {None, "Resource"}:
        return
    for url in _target_profiles(step.change):
        found = _resource_type(url, library)
        if found is not None and found not in allowed:
            yield "type", f"it cannot refer to {found}, only to: {', '.join(sorted(filter(None, allowed)))}."


def _target_profiles(element: Json) -> Sequence[str]:
    return [url for type_ in element.get("type", ()) for url in type_.get("targetProfile", ())]


def _resource_type(url: str, library: Library) -> str | None:
    if url.startswith(HL7) and (name := url.removeprefix(HL7).partition("|")[0]) in library.resource_types:
        return name
    found = library.resource("StructureDefinition", url)
    return found["type"] if found else None


_ERRORS: Sequence[_Find] = (_cardinality, _types, _binding, _values, _constraints, _slicing)
_WARNINGS: Sequence[_Find] = (_value_sets, _profiles, _targets)
