"""Which type an element is of: FHIR's with their kinds, and FHIRPath's own, which begin with `System.`.

http://hl7.org/fhirpath/N1/#types-and-reflection
"""

from server.fhir.fhirpath.environment import Item
from server.fhir.property import ABSTRACT, TypeOf, Unknown, is_a

_SYSTEM = frozenset(
    {"Any", "Boolean", "String", "Integer", "Decimal", "Date", "DateTime", "Time", "Quantity"}
)
_ELEMENTS = frozenset({"Element", "BackboneElement"})
_WITHOUT_NARRATIVE = frozenset({"Binary", "Bundle", "Parameters"})


def check(type: str, namespace: str, type_of: TypeOf) -> None:
    """Raises Unknown if there is no such type."""
    if namespace in ("", "System") and type in _SYSTEM:
        return
    if namespace == "System" and type[0].isupper():
        return
    if type in ABSTRACT or type in _ELEMENTS or type_of(type, "id") or type_of(type, "extension"):
        return
    raise Unknown(f"There is no type '{type}'.")


def is_of(item: Item, wanted: str, namespace: str = "") -> bool:
    """Whether an item is of a type or a kind of it."""
    value, type, _ = item
    if type.startswith("System."):
        return namespace != "FHIR" and type[7:] == wanted
    if namespace == "System":
        return False
    if isinstance(value, dict) and "resourceType" in value:
        return (
            type == wanted
            or wanted == "Resource"
            or (wanted == "DomainResource" and type not in _WITHOUT_NARRATIVE)
        )
    if wanted in _ELEMENTS:
        return wanted == "Element" or "." in type
    return is_a(type, wanted)


def is_exactly(item: Item, wanted: str, namespace: str = "") -> bool:
    """Whether an item is of that very type, as `as` and `ofType` ask; or of a kind of an abstract one."""
    if names(wanted, item[1]) and namespace != "System":
        return True
    is_general = wanted in ABSTRACT or wanted in _ELEMENTS or item[1].startswith("System.")
    return is_general and is_of(item, wanted, namespace)


def names(wanted: str, type: str) -> bool:
    """Whether `as` means a type of FHIR's; many a profile writes `as String` for `as string`."""
    return type == wanted or (wanted in _SYSTEM and type == wanted[0].lower() + wanted[1:])
