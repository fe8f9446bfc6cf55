"""Where in a resource a FHIRPath leads: not what it finds, but the property and the index that hold it.

http://hl7.org/fhir/R4/fhirpath.html

Steps are taken one after the other, each from places to places, and a criterion is a closure as it is in
search. What is beyond these goes to `fhirpath`, and what that finds is looked up in the resource again.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from server.fhir import Json, path
from server.fhir.expression import Call, Index, Literal, Name, Node, Typed, Union, Unread, parse
from server.fhir.patch import Failed
from server.fhir.property import ABSTRACT, Property, TypeOf

LONGEST = 500
"""Characters of an expression."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """An element: property `key` of the object `holder`; of an array, the item `index`.

    `name` is what its parent, `above`, calls it; of the resource itself there is none.
    """

    holder: Json
    key: str
    index: int | None
    name: str
    type: str
    above: "Place | None"

    @property
    def value(self) -> Any:
        """The element; None where a primitive has no value."""
        return _nth(self.holder.get(self.key), self.index)

    @property
    def side(self) -> Any:
        """The id and the extensions of a primitive, which stand beside it."""
        return _nth(self.holder.get(f"_{self.key}"), self.index)

    @property
    def is_primitive(self) -> bool:
        return self.type[0].islower()

    @property
    def inside(self) -> Any:
        """The object that has the children."""
        return self.side if self.is_primitive else self.value

    @property
    def is_empty(self) -> bool:
        return self.value in (None, {}) and not self.side

    def same(self, other: "Place") -> bool:
        """Whether it is the same place, however it was found."""
        return self.holder is other.holder and (self.key, self.index) == (other.key, other.index)


def root(resource: Json) -> Place:
    """The resource as a place."""
    return Place({"": resource}, "", None, "", resource["resourceType"], None)


def find(resource: Place, expression: str, type_of: TypeOf) -> list[Place]:
    """The places that an expression finds, each once.

    Raises:
        Failed: it is none that a patch can use.
    """
    if not 0 < len(expression) <= LONGEST:
        raise Failed(f"a path has at least one character, and at most {LONGEST}")
    walking = _Walking(resource, type_of)
    try:
        try:
            return _once(walking.places(parse(expression)))
        except Unread:
            return _once(walking.by_fhirpath(expression))
    except path.Unknown as unknown:
        raise Failed(_begun_small(str(unknown))) from None
    except (AttributeError, KeyError, TypeError, ValueError):
        # Whether the resource is valid is asked when all is done: until then an element may be anything.
        raise Failed("the path meets what an operation before has left invalid") from None
    except RecursionError:
        raise Failed("the path has too many parentheses in one another") from None


def children(place: Place, name: str, type_of: TypeOf) -> Iterator[Place]:
    """The elements of a place that have a name: of a choice the one that is there."""
    properties = () if place.is_primitive and name not in _BESIDE else type_of(place.type, name)
    if not properties:
        raise path.Unknown(f"'{place.type}' has no element '{name}'.")
    inside = place.inside
    if isinstance(inside, dict):
        for each in properties:
            yield from _held(inside, each, name, place)


def of_key(type: str, key: str, type_of: TypeOf) -> tuple[str, Property] | None:
    """The name of the element that a JSON property carries: `valueQuantity` carries `value`."""
    stems = [key, *(key[:at] for at, letter in enumerate(key) if letter.isupper())]
    return next(((stem, each) for stem in stems for each in type_of(type, stem) if each.key == key), None)


def items(holder: Json, key: str) -> list[tuple[Any, Any]]:
    """An array as pairs: each element, and what stands beside it."""
    values, sides = holder.get(key) or [], holder.get(f"_{key}") or []
    if not isinstance(values, list) or not isinstance(sides, list):
        raise Failed(f"'{key}' is no list, which an operation before has left it as")
    longest = max(len(values), len(sides))
    return [(_nth(values, at), _nth(sides, at)) for at in range(longest)]


_BESIDE = ("id", "extension")


def _nth(found: Any, index: int | None) -> Any:
    if index is None:
        return found
    return found[index] if found is not None and index < len(found) else None


def _held(inside: Json, property_: Property, name: str, above: Place) -> Iterator[Place]:
    key = property_.key
    if key not in inside and f"_{key}" not in inside:
        return
    places: Iterator[int | None] = iter((None,))
    if property_.repeated:
        places = iter(range(len(items(inside, key))))
    for index in places:
        place = Place(inside, key, index, name, property_.type, above)
        if property_.type in ABSTRACT and isinstance(place.value, dict):
            place = Place(inside, key, index, name, place.value.get("resourceType", "Resource"), above)
        yield place


def _once(places: list[Place]) -> list[Place]:
    found: list[Place] = []
    for each in places:
        if not any(each.same(other) for other in found):
            found.append(each)
    return found


@dataclass(frozen=True, slots=True)
class _Walking:
    """From the resource along the nodes of an expression."""

    resource: Place
    type_of: TypeOf

    def places(self, node: Node) -> list[Place]:
        match node:
            case Name(None, name) if name[0].isupper():
                return [self.resource] if name == self.resource.type or name in ABSTRACT else []
            case Name(source, name):
                return self.step(self.places(source) if source else [self.resource], name)
            case Index(source, at):
                return self.places(source)[at : at + 1]
            case Typed("as", source, wanted):
                return [each for each in self.places(source) if each.type == wanted]
            case Union(parts):
                return [place for part in parts for place in self.places(part)]
            case Call(source, name, arguments) if source:
                return self.call(self.places(source), name, arguments)
        raise Unread("This is a value and no place.")

    def step(self, places: list[Place], name: str) -> list[Place]:
        return [child for each in places for child in children(each, name, self.type_of)]

    def call(self, places: list[Place], name: str, arguments: tuple[Node, ...]) -> list[Place]:
        match name, arguments:
            case "first", ():
                return places[:1]
            case "last", ():
                return places[-1:]
            case "where", (criterion,):
                return [each for each in places if self.holds(criterion, each)]
            case "extension", (Literal(str(url)),):
                return [each for each in self.step(places, name) if each.value.get("url") == url]
        raise Unread(f"The function '{name}' is not one of these.")

    def holds(self, criterion: Node, place: Place) -> bool:
        if place.is_primitive:
            raise Unread("A primitive has nothing that a closure could look at.")
        holds = path.criterion(criterion, place.type, self.type_of)
        return holds(place.value, self.resource.value)

    def by_fhirpath(self, expression: str) -> list[Place]:
        """Up to the last step that is not simple by `fhirpath`, and on from the places that it found."""
        head, steps = _divided(expression)
        try:
            # It raises whatever its grammar and its functions happen to.
            found = path.compile(head, self.resource.type, self.type_of)(self.resource.value)
        except (path.Unknown, RecursionError):
            raise
        except Exception:
            raise Failed("the path cannot be read as FHIRPath") from None
        known = {id(place.value): place for place in self.every(self.resource)}
        places = [known.get(id(value)) for value, _ in found]
        taken = [place for place in places if place]
        if len(taken) < len(places):
            raise Failed("the path chooses among values: name one by its index, as 'given[0]'")
        for name, index in steps:
            taken = taken[int(index) :][:1] if index else self.step(taken, name)
        return taken

    def every(self, place: Place) -> Iterator[Place]:
        """Every object of the resource."""
        inside = place.inside
        if not isinstance(inside, dict):
            return
        if not place.is_primitive:
            yield place
        for key in inside:
            known = of_key(place.type, key.removeprefix("_"), self.type_of)
            if known:
                for child in _held(inside, known[1], known[0], place):
                    yield from self.every(child)


_FUNCTIONS = frozenset(
    {
        "all", "allFalse", "allTrue", "anyFalse", "anyTrue", "as", "contains", "count", "empty", "endsWith",
        "exists", "extension", "first", "hasExtension", "hasValue", "indexOf", "is", "isDistinct", "last",
        "length", "lower", "not", "ofType", "select", "single", "skip", "startsWith", "substring", "tail",
        "take", "toString", "upper", "where",
    }
)  # fmt: skip
"""Those whose cost is that of the resource: none that repeats, resolves, or runs a pattern."""

_LITERAL = re.compile(r"'(?:[^'\\]|\\.)*'|`[^`]*`|\"(?:[^\"\\]|\\.)*\"")
_UNREADABLE = re.compile(r"['\"`\\]|\$(?!this\b|index\b)")
_CALLED = re.compile(r"(\w+)\s*\(")
_SIMPLE = re.compile(r"(?:\.[A-Za-z]\w*|\[[0-9]{1,6}\])*$", re.ASCII)
_STEP = re.compile(r"\.(\w+)|\[([0-9]+)\]", re.ASCII)


def _divided(expression: str) -> tuple[str, list[tuple[str, str]]]:
    """The head of a path, and the simple steps at its end: (name, "") or ("", index)."""
    bare = _LITERAL.sub(lambda found: "_" * len(found[0]), expression)
    if "%" in bare or "//" in bare or "/*" in bare:
        raise Failed("a path has no variables and no comments")
    if _UNREADABLE.search(bare):
        raise Failed("the path cannot be read as FHIRPath")
    unknown = sorted(set(_CALLED.findall(bare)) - _FUNCTIONS)
    if unknown:
        raise Failed(f"a path of a patch cannot use the function '{unknown[0][:40]}'")
    if re.search(r"[^\w.\[\]()]", _without_arguments(bare)):
        raise Failed("the path is no chain of steps from the resource to an element")
    simple = _SIMPLE.search(bare)
    assert simple is not None
    return expression[: simple.start()], [
        (step[1] or "", step[2] or "") for step in _STEP.finditer(simple[0])
    ]


def _without_arguments(bare: str) -> str:
    """What stands outside of all parentheses."""
    depth, kept = 0, []
    for letter in bare:
        depth -= letter == ")"
        if not depth:
            kept.append(letter)
        depth += letter == "("
    return "".join(kept)


def _begun_small(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:].rstrip(".")
