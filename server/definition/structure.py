"""A StructureDefinition's snapshot as a tree of immutable elements.

https://hl7.org/fhir/R4/elementdefinition.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from server.definition.library import library
from server.definition.restriction import (
    Binding,
    Constraint,
    Limits,
    Slicing,
    binding,
    constraints,
    instead,
    limits,
    slicing,
)
from server.fhir import Json

_SYSTEM_TYPE = "http://hl7.org/fhirpath/System."
_PROFILE_ELEMENT = "http://hl7.org/fhir/StructureDefinition/elementdefinition-profile-element"
_TYPE_EXTENSION = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"


@dataclass(frozen=True, slots=True)
class ElementType:
    """One of the types of an element.

    `targets` are the profiles that a Reference or canonical may point to; `profiles`, those of which the
    value itself has to meet one. `attribute` is true of what XML writes as an attribute (`id`,
    `Extension.url`): it has no extensions.
    """

    code: str
    targets: tuple[str, ...] = ()
    attribute: bool = False
    profiles: tuple[str, ...] = ()
    aggregation: tuple[str, ...] = ()
    versioning: str = "either"


@dataclass(frozen=True, slots=True)
class Element:
    """One element and the elements inside it.

    `name` is what FHIRPath calls it: "value" for `value[x]`. `max` is None where there is no limit. `repeats`
    says whether JSON has an array: as the base type says, and not a profile that lowers the maximum.
    `content` is the id of another element of the same structure that has the same children. `summary`: a
    summary of the resource has it, as the definition says or because it may change what the others mean.
    `instead`: a primitive has to have a value, or one of these extensions in its place; None: it need not.
    `slices` are the elements that say more about some of its occurrences; each has its name in `slice`.
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
    id: str = ""
    slice: str | None = None
    slicing: Slicing | None = None
    slices: tuple["Element", ...] = ()
    limits: Limits | None = None
    constraints: tuple[Constraint, ...] = ()
    instead: tuple[str, ...] | None = None

    def properties(self) -> Iterator[tuple[str, ElementType]]:
        """The names that the element may have in JSON, with the type that each of them means."""
        for each in self.types:
            yield (f"{self.name}{each.code[0].upper()}{each.code[1:]}" if self.choice else self.name), each

    def child(self, name: str) -> "Element | None":
        return next((each for each in self.children if each.name == name), None)


@dataclass(frozen=True, slots=True)
class Structure:
    """A type or a profile of one: `kind` is primitive-type, complex-type, resource or logical.

    `elements` are all by id, which is the path but for slices and what is inside them.
    """

    url: str
    type: str
    kind: str
    root: Element
    elements: Mapping[str, Element]
    version: str | None = None


def structure(type: str) -> Structure | None:
    """The structure of a type of R4, or of a profile by its canonical; None if there is no such thing."""
    memo = library().memo_of(type).setdefault(structure, {})
    if type not in memo:
        definition = library().definition(type)
        memo[type] = parse(definition) if definition and "snapshot" in definition else None
    known: Structure | None = memo[type]
    return known


def parse(definition: Json) -> Structure:
    """The tree of a definition that has a snapshot."""
    tree = _tree(definition["snapshot"]["element"])
    root = _element(tree, definition["kind"])
    by_id = {element.id: element for element in _all(root)}
    return Structure(
        definition["url"], definition["type"], definition["kind"], root, by_id, definition.get("version")
    )


def _all(element: Element) -> Iterator[Element]:
    yield element
    for child in element.children:
        yield from _all(child)
    for each in element.slices:
        yield from _all(each)


@dataclass(slots=True)
class _Node:
    """An element of a snapshot with what follows it and belongs to it."""

    element: Json
    id: str
    children: list["_Node"] = field(default_factory=list)
    slices: list["_Node"] = field(default_factory=list)

    @property
    def path(self) -> str:
        return str(self.element["path"])


def _tree(elements: list[Json]) -> _Node:
    """The elements in their order, each under the last before it that it can belong to.

    Ids say the same, and older snapshots have none, or their own.
    """
    root = _Node(elements[0], elements[0]["path"])
    last = {root.path: root}
    for element in elements[1:]:
        parent = last[element["path"].rpartition(".")[0]]
        last[element["path"]] = _placed(element, parent)
    return root


def _placed(element: Json, parent: _Node) -> _Node:
    last = element["path"].rpartition(".")[2]
    name: str | None = element.get("sliceName")
    sliced = _sliced(parent, element["path"], last)
    if sliced is None or (name is None and sliced.path == element["path"]):
        node = _Node(element, f"{parent.id}.{last}")
        parent.children.append(node)
        return node
    within = _within(sliced, name or last)
    node = _Node(element, f"{sliced.id}:{name or last}")
    within.slices.append(node)
    return node


def _sliced(parent: _Node, path: str, last: str) -> _Node | None:
    """The child of `parent` that is sliced by an element of this path: `value[x]` by `valueQuantity` too."""
    for node in parent.children:
        if node.path == path:
            return node
        stem = node.path.rpartition(".")[2]
        if stem.endswith("[x]") and last.startswith(stem[:-3]) and _is_type(node.element, last, stem[:-3]):
            return node
    return None


def _is_type(element: Json, last: str, stem: str) -> bool:
    wanted = last.removeprefix(stem)
    return any(
        f"{code[0].upper()}{code[1:]}" == wanted for code in (each["code"] for each in element["type"])
    )


def _within(sliced: _Node, name: str) -> _Node:
    """The slice that a re-slice (`a/b`) belongs to; the sliced element itself for any other."""
    above, slash, _ = name.rpartition("/")
    if not slash:
        return sliced
    todo = list(sliced.slices)
    while todo:
        node = todo.pop()
        if node.element.get("sliceName") == above:
            return node
        todo.extend(node.slices)
    return sliced


def _element(node: _Node, kind: str) -> Element:
    element, path = node.element, node.path
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
        binding=binding(element.get("binding", {})),
        content=element["contentReference"].rpartition("#")[2] if "contentReference" in element else None,
        summary=element.get("isSummary", False) or element.get("isModifier", False),
        children=tuple(_element(each, kind) for each in node.children),
        id=node.id,
        slice=element.get("sliceName") or (last if ":" in node.id.rpartition(".")[2] else None),
        slicing=slicing(element.get("slicing")),
        slices=tuple(_element(each, kind) for each in node.slices),
        limits=limits(element),
        constraints=constraints(element),
        instead=instead(element),
    )


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
    return ElementType(
        code,
        tuple(type.get("targetProfile", ())),
        profiles=tuple(_profiles(type)),
        aggregation=tuple(type.get("aggregation", ())),
        versioning=type.get("versioning", "either"),
    )


def _profiles(type: Json) -> Iterator[str]:
    """The canonicals, each with the element of it that is meant after a '#', where it is not its root."""
    beside = type.get("_profile", ())
    for index, profile in enumerate(type.get("profile", ())):
        extensions = (beside[index] or {}).get("extension", ()) if index < len(beside) else ()
        inside = (each.get("valueString") for each in extensions if each["url"] == _PROFILE_ELEMENT)
        element = next(filter(None, inside), None)
        yield f"{profile}#{element}" if element else profile


def _real_type(type: Json) -> str:
    """`id`, `Extension.url` and the values of primitives have types of FHIRPath's; the real one is beside."""
    for extension in type.get("extension", ()):
        if extension["url"] == _TYPE_EXTENSION:
            return str(extension.get("valueUrl") or extension.get("valueUri"))
    return "string"
