"""What an element definition asks beyond a type: codes, fixed values, limits, invariants, slices.

https://hl7.org/fhir/R4/elementdefinition.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from server.fhir import Json

_MAX_VALUE_SET = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"
_ADDITIONAL = frozenset(
    {
        "http://hl7.org/fhir/tools/StructureDefinition/additional-binding",
        "http://hl7.org/fhir/5.0/StructureDefinition/extension-ElementDefinition.binding.additional",
    }
)
_BEST_PRACTICE = "http://hl7.org/fhir/StructureDefinition/elementdefinition-bestpractice"


@dataclass(frozen=True, slots=True)
class Binding:
    """The codes that an element takes; `widest` is the set that words of one's own may not leave either.

    `more` are bindings beside it, each with its purpose for a strength (`required`, `maximum`, …).
    """

    strength: str
    value_set: str
    widest: str | None = None
    more: tuple["Binding", ...] = ()


@dataclass(frozen=True, slots=True)
class Constraint:
    """An invariant: FHIRPath that has to be true of every occurrence of the element."""

    key: str
    severity: str
    human: str
    expression: str
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Slicing:
    """How occurrences are told apart: `discriminators` are pairs of a kind and a path."""

    discriminators: tuple[tuple[str, str], ...]
    ordered: bool
    rules: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What a value has to be, to have in it, or to lie between; JSON as the definition has it."""

    fixed: Any = None
    pattern: Any = None
    least: Any = None
    most: Any = None
    length: int | None = None


_R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ElementDefinition"
_MUST_HAVE, _ALTERNATIVES = f"{_R5}.mustHaveValue", f"{_R5}.valueAlternatives"


def instead(element: Json) -> tuple[str, ...] | None:
    """What a primitive that is there has to have: a value, or one of these extensions in place of it."""
    said = [each for each in element.get("extension", ()) if each["url"] in (_MUST_HAVE, _ALTERNATIVES)]
    wanted = tuple(each["valueCanonical"] for each in said if each["url"] == _ALTERNATIVES)
    return wanted if wanted or any(each.get("valueBoolean") for each in said) else None


def binding(value: Json) -> Binding | None:
    if "valueSet" not in value:
        return None
    extensions = value.get("extension", ())
    limits = (each for each in extensions if each["url"] == _MAX_VALUE_SET)
    widest = next((each.get("valueCanonical") or each.get("valueUri") for each in limits), None)
    more = (_additional(each) for each in extensions if each["url"] in _ADDITIONAL)
    beside = (_beside(each) for each in value.get("additional", ()))
    return Binding(value["strength"], value["valueSet"], widest, (*filter(None, more), *filter(None, beside)))


def _additional(extension: Json) -> Binding | None:
    said = {each["url"]: each for each in extension.get("extension", ())}
    value_set = said.get("valueSet", {}).get("valueCanonical")
    purpose = said.get("purpose", {}).get("valueCode")
    # One that holds in some usage only cannot be judged without knowing the usage.
    return Binding(purpose, value_set) if purpose and value_set and "usage" not in said else None


def _beside(said: Json) -> Binding | None:
    return Binding(said["purpose"], said["valueSet"]) if "usage" not in said else None


def constraints(element: Json) -> tuple[Constraint, ...]:
    return tuple(_constraints(element))


def _constraints(element: Json) -> Iterator[Constraint]:
    for each in element.get("constraint", ()):
        if "expression" in each:
            severity = "warning" if _is_best_practice(each) else each.get("severity", "error")
            human = each.get("human", "")
            yield Constraint(each["key"], severity, human, each["expression"], each.get("source"))


def _is_best_practice(constraint: Json) -> bool:
    return any(
        each["url"] == _BEST_PRACTICE and each.get("valueBoolean") for each in constraint.get("extension", ())
    )


def slicing(value: Json | None) -> Slicing | None:
    if value is None:
        return None
    discriminators = tuple((each["type"], each["path"]) for each in value.get("discriminator", ()))
    return Slicing(discriminators, value.get("ordered", False), value.get("rules", "open"))


_NAMES = {"fixed": "fixed", "pattern": "pattern", "minValue": "least", "maxValue": "most"}


def limits(element: Json) -> Limits | None:
    """None where there are none, as of most elements."""
    said: dict[str, Any] = {}
    for key, value in element.items():
        for prefix, name in _NAMES.items():
            if key.startswith(prefix) and key[len(prefix) : len(prefix) + 1].isupper():
                said[name] = value
    if "maxLength" in element:
        said["length"] = element["maxLength"]
    return Limits(**said) if said else None
