"""FHIRPath Patch: operations at the elements that FHIRPath names, in a Parameters resource.

http://hl7.org/fhir/R4/fhirpatch.html
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from server.fhir import Json, json
from server.fhir.patch import Failed, operation
from server.fhir.patch.given import Given, Step, at_parameter, steps
from server.fhir.patch.place import Place, children, find, items, of_key, root
from server.fhir.property import ABSTRACT, Property, TypeOf


def patched(resource: Json, patch: Json, type_of: TypeOf) -> Json:
    """What the operations make of a resource, which stays as it was.

    Raises:
        Malformed: the Parameters are no patch. Inapplicable: an operation does not fit the resource.
    """
    whole = root(json.copied(resource))
    for at, step in enumerate(steps(patch)):
        with operation(at, step.type, _without_values(step.path), at_parameter(at)):
            places = find(whole, step.path, type_of)
            _OPERATIONS[step.type](_Operation(step, places, type_of))
    changed: Json = whole.value
    return changed


def _without_values(path: str) -> str:
    """A path as an error may quote it: what it compares with may be a child's own."""
    return re.sub(r"'(?:[^'\\]|\\.)*'", "'…'", path)


# ---- the operations ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Operation:
    """A step, and the places that its path found."""

    step: Step
    places: list[Place]
    type_of: TypeOf

    def add(self) -> None:
        """Into the one element: at the end of a list, or what is not there yet."""
        place = self.one()
        name, property_ = _element(place, self.step.name, self.step.value, self.type_of)
        value, side = _content(property_, self.step.value, self.type_of)
        if not property_.repeated and next(children(place, name, self.type_of), None):
            raise Failed(f"there is a '{name}' already, and no list of them: replace it")
        _put(_opened(place), property_, [(value, side)])

    def insert(self) -> None:
        """Before the item that has the index now."""
        holder, property_, found = self.collection()
        if self.step.index > len(found):
            raise Failed(f"the list has no place {self.step.index}")
        content = _content(property_, self.step.value, self.type_of)
        _write(holder, property_.key, [*found[: self.step.index], content, *found[self.step.index :]])

    def delete(self) -> None:
        """One, or none if there is none."""
        if self.places:
            _remove(self.one())

    def replace(self) -> None:
        """The whole element, with its id and extensions."""
        place = self.one()
        above = _above(place)
        _, property_ = _element(above, place.name, self.step.value, self.type_of)
        content = _content(property_, self.step.value, self.type_of)
        if place.index is not None:
            found = items(place.holder, place.key)
            found[place.index] = content
            _write(place.holder, place.key, found)
        else:
            _rename(place.holder, place.key, property_.key)
            _put(place.holder, property_, [content])

    def move(self) -> None:
        """From an index to another of the same list."""
        holder, property_, found = self.collection()
        for index in (self.step.source, self.step.destination):
            if index >= len(found):
                raise Failed(f"the list has no place {index}")
        found.insert(self.step.destination, found.pop(self.step.source))
        _write(holder, property_.key, found)

    def one(self) -> Place:
        if len(self.places) != 1:
            what = f"{len(self.places)} elements, and must find one" if self.places else "nothing"
            raise Failed(f"the path finds {what}")
        return self.places[0]

    def collection(self) -> tuple[Json, Property, list[tuple[Any, Any]]]:
        """The list that the path names, all of it."""
        if not self.places:
            raise Failed("the path finds nothing")
        first = self.places[0]
        found = items(first.holder, first.key) if first.index is not None else []
        whole = all(each.holder is first.holder and each.key == first.key for each in self.places)
        if not whole or len(self.places) != len(found):
            raise Failed("the path finds no list, or not the whole of one")
        above = _above(first)
        [property_] = self.type_of(above.type, first.name)
        return first.holder, property_, found


_OPERATIONS: dict[str, Callable[[_Operation], None]] = {
    "add": _Operation.add,
    "insert": _Operation.insert,
    "delete": _Operation.delete,
    "replace": _Operation.replace,
    "move": _Operation.move,
}


def _above(place: Place) -> Place:
    if place.above is None:
        raise Failed("the path finds the resource itself: a patch changes what is in it")
    return place.above


def _opened(place: Place) -> Json:
    """The object that the children of a place are in; a primitive may have had none."""
    if place.is_primitive and place.side is None:
        _write_side(place, {})
    inside = place.inside
    if not isinstance(inside, dict):
        raise Failed("the path finds no element that could have others in it")
    return inside


def _remove(place: Place) -> None:
    """Take an element away, and what is empty without it."""
    above = _above(place)
    if place.index is None:
        place.holder.pop(place.key, None)
        place.holder.pop(f"_{place.key}", None)
    else:
        found = items(place.holder, place.key)
        del found[place.index]
        _write(place.holder, place.key, found)
    if above.above is not None and above.is_empty:
        _remove(above)
    elif above.is_primitive and not above.side:
        _write_side(above, None)


def _write_side(place: Place, side: Json | None) -> None:
    """What stands beside a primitive."""
    key = f"_{place.key}"
    if place.index is not None:
        found = items(place.holder, place.key)
        found[place.index] = (place.value, side)
        place.holder[key] = [each for _, each in found]
        if not any(each is not None for each in place.holder[key]):
            del place.holder[key]
    elif side is None:
        del place.holder[key]
    else:
        place.holder[key] = side


def _put(holder: Json, property_: Property, added: list[tuple[Any, Any]]) -> None:
    """Set an element, or add to the end of a list of them."""
    key = property_.key
    if property_.repeated:
        _write(holder, key, [*items(holder, key), *added])
        return
    [(value, side)] = added
    for name, content in ((key, value), (f"_{key}", side)):
        if content is None:
            holder.pop(name, None)
        else:
            holder[name] = content


def _write(holder: Json, key: str, found: list[tuple[Any, Any]]) -> None:
    """A list, and the one beside it; without anything in it there is none."""
    for name, contents in (
        (key, [value for value, _ in found]),
        (f"_{key}", [side or None for _, side in found]),
    ):
        if any(content is not None for content in contents):
            holder[name] = contents
        else:
            holder.pop(name, None)


def _rename(holder: Json, old: str, new: str) -> None:
    """Give a choice its other type, in the place where it was."""
    if old != new:
        kept = [(new if key == old else key, value) for key, value in holder.items() if key != f"_{old}"]
        holder.clear()
        holder.update(kept)


# ---- the value ---------------------------------------------------------------------------------------------


def _element(place: Place, name: str, given: Given, type_of: TypeOf) -> tuple[str, Property]:
    """The name of an element, and of its properties the one for what is given."""
    if place.is_primitive and name not in ("id", "extension"):
        raise Failed(f"'{place.type}' has no element '{json.shown(name)}'")
    return _property(place.type, name, given, type_of)


def _property(type_: str, name: str, given: Given, type_of: TypeOf) -> tuple[str, Property]:
    properties = type_of(type_, name)
    if not properties:
        known = of_key(type_, name, type_of)
        if known is None:
            raise Failed(f"'{type_}' has no element '{json.shown(name)}'")
        name, properties = known[0], (known[1],)
    if len(properties) == 1:
        return name, properties[0]
    of_type = [each for each in properties if each.key == name + given.type]
    if not of_type:
        raise Failed(f"'{type_}.{name}' cannot be of the type of the value")
    return name, of_type[0]


_WORTH: dict[str, type | tuple[type, ...]] = {
    "boolean": bool,
    "integer": int,
    "unsignedInt": int,
    "positiveInt": int,
    "decimal": (int, Decimal),
}


def _content(property_: Property, given: Given, type_of: TypeOf) -> tuple[Any, Any]:
    """An element and what stands beside it, made of what was given.

    Raises:
        Failed: it is of another type than the element.
    """
    type_ = property_.type
    if given.resource is not None or type_ in ABSTRACT:
        if given.resource is None or type_ not in ABSTRACT:
            raise Failed("a resource goes where a resource is, and nothing else does")
        return json.copied(given.resource), None
    if given.parts:
        return _composed(type_, given, type_of), None
    if type_[0].islower():
        return _primitive(type_, given)
    if given.type != type_ or not isinstance(given.value, dict):
        raise Failed(f"the value must be {_called(type_)}")
    return json.copied(given.value), None


def _primitive(type_: str, given: Given) -> tuple[Any, Any]:
    value, worth = given.value, _WORTH.get(type_, str)
    right = isinstance(value, worth) and (worth is bool or not isinstance(value, bool))
    if not (right or (value is None and given.side)):
        raise Failed(f"the value must be {_called(type_)}")
    return value, json.copied(given.side)


def _called(type_: str) -> str:
    return "made of parts" if "." in type_ else f"a {type_}"


def _composed(type_: str, given: Given, type_of: TypeOf) -> Json:
    """An element out of its parts: the way to give one that has no data type of its own."""
    if type_[0].islower():
        raise Failed(f"the value must be {_called(type_)}, and has parts")
    made: Json = {}
    for name, part in given.parts:
        called, property_ = _property(type_, name, part, type_of)
        there = any(each.key in made or f"_{each.key}" in made for each in type_of(type_, called))
        if there and not property_.repeated:
            raise Failed(f"the value has two parts '{json.shown(name)}', which is no list")
        _put(made, property_, [_content(property_, part, type_of)])
    return made
