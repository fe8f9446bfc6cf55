"""A StructureDefinition's snapshot as a tree of immutable elements.

https://hl7.org/fhir/R4/elementdefinition.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from server.definition.library import library
from server.fhir import Json

_SYSTEM_TYPE = "http://hl7.org/fhirpath/System."
_TYPE_EXTENSION = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"

_MAX_VALUE_SET = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"


@dataclass(frozen=True, slots=True)
class Binding:
    """The codes that an element takes; `widest` is the set that words of one's own may not leave either."""

    strength: str
    value_set: str
    widest: str | None = None


@dataclass(frozen=True, slots=True)
class ElementType:
    """One of the types of an element.

    `targets` are the profiles that a Reference or canonical may point to. `attribute` is true of what XML
    writes as an attribute (`id`, `Extension.url`): it has no extensions.
    """

    code: str
    targets: tuple[str, ...] = ()
    attribute: bool = False


@dataclass(frozen=True, slots=True)
class Element:
    """One element and the elements inside it.

    `name` is what FHIRPath calls it: "value" for `value[x]`. `max` is None where there is no limit. `repeats`
    says whether JSON has an array: as the base type says, and not a profile that lowers the maximum.
    `content` is the path of another element of the same structure that has the same children. `summary`: a
    summary of the resource has it, as the definition says or because it may change what the others mean.
    """

    path: str
    name: str
    min: int
    max: int | None
    repeats: bool
    choice: bool
    types: tuple[ElementType, ...]
    binding: Binding | None
    content: str | None
    summary: bool
    children: tuple["Element", ...]

    def properties(self) -> Iterator[tuple[str, ElementType]]:
        """The names that the element may have in JSON, with the type that each of them means."""
        for each in self.types:
            yield (f"{self.name}{each.code[0].upper()}{each.code[1:]}" if self.choice else self.name), each


@dataclass(frozen=True, slots=True)
class Structure:
    """A type: `kind` is primitive-type, complex-type, resource or logical; `elements` are all by path."""

    url: str
    type: str
    kind: str
    root: Element
    elements: Mapping[str, Element]


@cache
def structure(type: str) -> Structure | None:
    """The structure of a type of R4, or of a profile by its canonical; None if there is no such thing."""
    definition = library().definition(type)
    return parse(definition) if definition else None


def parse(definition: Json) -> Structure:
    """The tree of a definition that has a snapshot."""
    elements: list[Json] = definition["snapshot"]["element"]
    inside: dict[str, list[Json]] = {}
    for element in elements[1:]:
        inside.setdefault(element["path"].rpartition(".")[0], []).append(element)
    root = _element(elements[0], inside, definition["kind"])
    by_path = {element.path: element for element in _all(root)}
    return Structure(definition["url"], definition["type"], definition["kind"], root, by_path)


def _all(element: Element) -> Iterator[Element]:
    yield element
    for child in element.children:
        yield from _all(child)


def _element(element: Json, inside: dict[str, list[Json]], kind: str) -> Element:
    path: str = element["path"]
    last = path.rpartition(".")[2]
    most = element["max"]
    return Element(
        path=path,
        name=last.removesuffix("[x]"),
        min=element["min"],
        max=None if most == "*" else int(most),
        repeats=element.get("base", element)["max"] not in ("0", "1"),
        choice=last.endswith("[x]"),
        types=_types(element, path, kind),
        binding=_binding(element.get("binding", {})),
        content=element["contentReference"].rpartition("#")[2] if "contentReference" in element else None,
        summary=element.get("isSummary", False) or element.get("isModifier", False),
        children=tuple(_element(each, inside, kind) for each in inside.get(path, ())),
    )


def _binding(binding: Json) -> Binding | None:
    if "valueSet" not in binding:
        return None
    limits = (each for each in binding.get("extension", ()) if each["url"] == _MAX_VALUE_SET)
    widest = next((each["valueCanonical"] for each in limits), None)
    return Binding(binding["strength"], binding["valueSet"], widest)


def _types(element: Json, path: str, kind: str) -> tuple[ElementType, ...]:
    if "contentReference" in element:
        return (ElementType("BackboneElement"),)
    return tuple(_type(each, path, kind) for each in element.get("type", ()))


def _type(type: Json, path: str, kind: str) -> ElementType:
    code: str = type["code"]
    if kind == "resource" and path.count(".") == 1 and path.endswith(".id"):
        # The snapshots of R4 say string; the text of the specification says id, and so does every server.
        return ElementType("id")
    if code.startswith(_SYSTEM_TYPE):
        return ElementType(_real_type(type), attribute=True)
    return ElementType(code, tuple(type.get("targetProfile", ())))


def _real_type(type: Json) -> str:
    """`id`, `Extension.url` and the values of primitives have types of FHIRPath's; the real one is beside."""
    for extension in type.get("extension", ()):
        if extension["url"] == _TYPE_EXTENSION:
            return str(extension["valueUrl"])
    return "string"
