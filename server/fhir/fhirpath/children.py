"""The elements inside an element, by their name or all of them.

https://hl7.org/fhir/R4/json.html
"""

from collections.abc import Callable
from itertools import zip_longest
from typing import Any, Final

from server.fhir import Json
from server.fhir.fhirpath.environment import Item
from server.fhir.property import ABSTRACT, Property, TypeOf, is_primitive

Take = Callable[[Item], list[Item]]
"""From an element to some of its children."""

EMPTY: Final[list[Item]] = []
"""What is handed on is never altered, and so one will do."""

CLASS_INFO: Final = "System.ClassInfo"
"""What `type()` finds: a namespace and a name."""

_SYSTEM = {bool: "System.Boolean", int: "System.Integer", str: "System.String"}


class Children:
    """Ways from elements to their children, each made once."""

    def __init__(self, type_of: TypeOf) -> None:
        self.type_of = type_of
        self._takes: dict[tuple[str, str], Take | None] = {}
        self._keys: dict[tuple[str, str], Take | None] = {}

    def take(self, type: str, name: str) -> Take | None:
        """To the children of a name; None if the type has none of it."""
        try:
            return self._takes[type, name]
        except KeyError:
            take = self._takes[type, name] = self._made(type, name)
            return take

    def named(self, item: Item, name: str) -> list[Item]:
        """The children of a name, if the element can have one."""
        take = self.take(item[1], name)
        return take(item) if take else EMPTY

    def every(self, item: Item) -> list[Item]:
        """All children, in the order in which they are written."""
        value, type, beside = item
        holder = beside if is_primitive(type) else value
        if not isinstance(holder, dict):
            return EMPTY
        found: list[Item] = []
        for key in holder:
            take = self._of_key(type, key)
            if take and not (key[0] == "_" and key[1:] in holder):
                found += take((holder, type, None))
        return found

    def below(self, item: Item) -> list[Item]:
        """All children, theirs, and so on."""
        found = waiting = self.every(item)
        while waiting:
            waiting = [child for each in waiting for child in self.every(each)]
            found = found + waiting
        return found

    def _of_key(self, type: str, key: str) -> Take | None:
        """To what a property of JSON carries: `_birthDate` and `birthDate` carry the same child."""
        try:
            return self._keys[type, key]
        except KeyError:
            property_ = self._property(type, key.removeprefix("_"))
            take = self._keys[type, key] = _taken(property_) if property_ else None
            return take

    def _property(self, type: str, key: str) -> Property | None:
        stems = (key, *(key[:at] for at, letter in enumerate(key) if letter.isupper()))
        return next((each for stem in stems for each in self.type_of(type, stem) if each.key == key), None)

    def _made(self, type: str, name: str) -> Take | None:
        if type == CLASS_INFO:
            return lambda item: [system(item[0][name])] if name in item[0] else EMPTY
        if type.startswith("System."):
            return None
        properties = self.type_of(type, name)
        if is_primitive(type):
            return _value if name == "value" else _beside(_taken(properties[0])) if properties else None
        if len(properties) > 1:
            return _choice(properties)
        return _taken(properties[0]) if properties else None


def system(value: Any) -> Item:
    """A value of FHIRPath's own types."""
    return value, _SYSTEM.get(type(value), "System.Decimal"), None


def _value(item: Item) -> list[Item]:
    return [system(item[0])] if item[0] is not None else EMPTY


def _beside(take: Take) -> Take:
    return lambda item: take((item[2], "Element", None)) if item[2] else EMPTY


def _choice(properties: tuple[Property, ...]) -> Take:
    takes = {each.key: _taken(each) for each in properties}
    takes |= {f"_{key}": take for key, take in takes.items()}

    def take(item: Item) -> list[Item]:
        # An element has few properties, a choice may offer fifty.
        for key in item[0]:
            if key in takes:
                return takes[key](item)
        return EMPTY

    return take


def _taken(property_: Property) -> Take:
    key, type, repeated = property_
    if type in ABSTRACT:
        return _resources(key) if repeated else _resource(key)
    if is_primitive(type):
        return _primitives(key, type) if repeated else _primitive(key, type)
    return _elements(key, type) if repeated else _element(key, type)


def _element(key: str, type: str) -> Take:
    def take(item: Item) -> list[Item]:
        value = item[0].get(key)
        return EMPTY if value is None else [(value, type, None)]

    return take


def _elements(key: str, type: str) -> Take:
    def take(item: Item) -> list[Item]:
        return [(value, type, None) for value in item[0].get(key, ())]

    return take


def _resource(key: str) -> Take:
    def take(item: Item) -> list[Item]:
        value = item[0].get(key)
        return EMPTY if value is None else [resource(value)]

    return take


def _resources(key: str) -> Take:
    return lambda item: [resource(value) for value in item[0].get(key, ())]


def resource(value: Json) -> Item:
    return value, value.get("resourceType", "Resource"), None


def _primitive(key: str, type: str) -> Take:
    side = f"_{key}"

    def take(item: Item) -> list[Item]:
        holder = item[0]
        value, beside = holder.get(key), holder.get(side)
        return EMPTY if value is None and beside is None else [(value, type, beside)]

    return take


def _primitives(key: str, type: str) -> Take:
    side = f"_{key}"

    def take(item: Item) -> list[Item]:
        holder = item[0]
        values, sides = holder.get(key, ()), holder.get(side)
        if sides is None:
            return [(value, type, None) for value in values if value is not None]
        pairs = zip_longest(values, sides)
        return [(value, type, beside) for value, beside in pairs if value is not None or beside is not None]

    return take
