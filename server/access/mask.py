"""What stands in the place of an element that FHIR demands and the caller may not see.

http://hl7.org/fhir/R4/extension-data-absent-reason.html
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

from server.definition.structure import Element, ElementType, structure
from server.fhir import Json

_REASON = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_MASKED: Json = {"extension": [{"url": _REASON, "valueCode": "masked"}]}


def masks(type_: str, gone: Iterable[str]) -> Json:
    """The properties that stand for those that are gone; what need not be there leaves none."""
    return dict(mask for name in gone for mask in _mask(type_, name))


@cache
def _mask(type_: str, name: str) -> tuple[tuple[str, Any], ...]:
    found = structure(type_)
    assert found is not None
    return tuple(
        _masked(element, name, type_)
        for element in found.root.children
        for property_, type_ in element.properties()
        if element.min and property_ == name
    )


def _masked(element: Element, name: str, type_: ElementType) -> tuple[str, Any]:
    mandatory = ((child, *next(child.properties())) for child in element.children if child.min)
    value = {**_MASKED, **dict(_masked(*each) for each in mandatory)}
    # A primitive's extensions stand beside it.
    return f"_{name}" if type_.code[0].islower() else name, [value] if element.repeats else value
