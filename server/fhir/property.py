"""What paths are typed by: which JSON properties carry an element's children, and which type is which.

https://hl7.org/fhir/R4/json.html#primitive
"""

from collections.abc import Callable
from typing import NamedTuple

ABSTRACT = frozenset({"Resource", "DomainResource"})


class Property(NamedTuple):
    """A JSON property that carries an element: `valueQuantity` of type Quantity carries `value`.

    The type of an element that is defined in place is its path (`Patient.contact`).
    """

    key: str
    type: str
    repeated: bool


TypeOf = Callable[[str, str], tuple[Property, ...]]
"""The properties that carry a child: `(type, name)` → one, several for a choice, none if there is none."""


class Unknown(Exception):
    """An expression that names what there is not: an element that its type does not have."""


_ABOVE = {
    "Age": "Quantity",
    "Count": "Quantity",
    "Distance": "Quantity",
    "Duration": "Quantity",
    "canonical": "uri",
    "code": "string",
    "id": "string",
    "markdown": "string",
    "oid": "uri",
    "positiveInt": "integer",
    "unsignedInt": "integer",
    "url": "uri",
    "uuid": "uri",
}


def is_a(type: str, wanted: str) -> bool:
    """Whether a data type is another, or a kind of it."""
    return type == wanted or _ABOVE.get(type) == wanted


def is_primitive(type: str) -> bool:
    """Whether the element is a JSON value with its id and extensions beside it."""
    return type[0].islower() and type != "xhtml"
