"""A StructureDefinition's snapshot, made of what it derives from and what it says differently.

https://hl7.org/fhir/R4/profiling.html#snapshot
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from server.definition.constrain import constrained, inherited
from server.definition.element_tree import Node, elements, tree
from server.fhir import Json
from server.settings import CannotStart

Find = Callable[[str], Json | None]
"""A definition with its snapshot, by canonical or by the bare name of a type."""

_BY_URL: Json = {"discriminator": [{"type": "value", "path": "url"}], "ordered": False, "rules": "open"}
_BY_TYPE: Json = {"discriminator": [{"type": "type", "path": "$this"}], "ordered": False, "rules": "open"}

BASE = "http://hl7.org/fhir/StructureDefinition/Base"
"""What R5's types derive from, and logical models of R4 too: it has no elements."""

# Of the root of a profile that is the type of an element these say nothing about the element.
_OF_THE_ROOT = frozenset({"id", "path", "base", "min", "max", "sliceName", "slicing"})


class Unbuildable(CannotStart):
    """No snapshot can be made of a definition; the message names it, the element and the fault."""


@dataclass(frozen=True, slots=True)
class Step:
    """What an element was, what the differential says of it, what it is then; `at`: its place in there."""

    at: int
    before: Json
    change: Json
    after: Json


def snapshot(definition: Json, find: Find) -> Json:
    """The definition with its snapshot.

    Raises:
        Unbuildable: it says what cannot be said of what it derives from.
    """
    if definition.get("snapshot", {}).get("element"):
        return definition
    return {**definition, "snapshot": {"element": _Snapshot(definition, find).elements()}}


def steps(definition: Json, find: Find) -> Sequence[Step]:
    """How the snapshot is made of the differential, one element after the other.

    Raises:
        Unbuildable: it cannot be made.
    """
    made = _Snapshot(definition, find)
    made.elements()
    return sorted(made.steps, key=attrgetter("at"))


class _Snapshot:
    """One that is being made."""

    def __init__(self, definition: Json, find: Find) -> None:
        self._definition = definition
        self._find = find
        # The type of a logical model is a URL, and its paths begin with the last part of it.
        self._root = definition["type"].rpartition("/")[2]
        self._new = definition.get("derivation") == "specialization"
        self._trees: dict[str, Node] = {}
        self._changes: Sequence[Json] = definition.get("differential", {}).get("element", ())
        self._places = {id(change): place for place, change in enumerate(self._changes)}
        self.steps: list[Step] = []

    def elements(self) -> Sequence[Json]:
        root = self._base().copy()
        assert root.element is not None
        root.element = inherited(root.element)
        self._merge(root, tree(self._changes), self._root)
        return list(elements(root, self._root))

    def _base(self) -> Node:
        url = self._definition.get("baseDefinition")
        if url is None:
            raise self._fault("It does not say what it derives from (baseDefinition).")
        if url == BASE:
            return Node(_with_base({"path": "Base", "min": 0, "max": "*"}))
        found = self._tree(url)
        if found is None:
            raise self._fault(f"'{url}', which it derives from, is not known.")
        return found

    def _tree(self, url: str) -> Node | None:
        """The elements of another definition, each with what it was at first (`base`)."""
        if url not in self._trees:
            found = self._find(url)
            if found is None:
                return None
            self._trees[url] = tree([_with_base(each) for each in found["snapshot"]["element"]])
        return self._trees[url]

    def _merge(self, node: Node, change: Node, path: str) -> None:
        if change.element is not None:
            assert node.element is not None
            of_profile = self._of_profile(change.element)
            before = constrained(node.element, of_profile) if of_profile else node.element
            node.element = constrained(before, change.element, self._definition["url"])
            place = self._places.get(id(change.element), 0)
            self.steps.append(Step(place, before, change.element, node.element))
        if change.children and not node.children and path != self._root:
            self._walk_in(node, path)
        for name, child in node.children.items():
            if name.endswith("[x]"):
                _narrow(child, change, name)
        for name, below in change.children.items():
            self._child(node, name, below, f"{path}.{name}")
        for name, below in change.slices.items():
            self._slice(node, name, below, path)

    def _child(self, node: Node, name: str, change: Node, path: str) -> None:
        if name in node.children:
            self._merge(node.children[name], change, path)
        elif (choice := _choice(node, name)) is not None:
            # `valueQuantity` is what `value[x]` is if it is a Quantity.
            self._slice(choice, name, change, path)
        elif self._new:
            node.children[name] = self._defined(change, path)
        else:
            raise self._fault(f"'{path}' is no element of what it derives from.")

    def _defined(self, change: Node, path: str) -> Node:
        """An element that no base has: of a logical model."""
        if change.element is None:
            raise self._fault(f"'{path}' is not defined, and there is something inside it.")
        first = {"min": 0, "max": "*", **change.element, "path": path}
        node = Node(_with_base(first))
        self._merge(node, _inside(change), path)
        return node

    def _slice(self, node: Node, name: str, change: Node, path: str) -> None:
        if name not in node.slices:
            if not self._sliced(node, path):
                # There is one at most, and nothing to be told apart: what is said of the slice is said of it.
                self._merge(node, change, path)
                return
            _insert(node.slices, name, self._new_slice(node, name))
        self._merge(node.slices[name], change, f"{path}:{name}")

    def _sliced(self, node: Node, path: str) -> bool:
        """See to it that the element says how it is sliced; extensions and choices need not say so."""
        assert node.element is not None
        if "slicing" in node.element:
            return True
        if path.endswith(("extension", "modifierExtension")):
            node.element = {**node.element, "slicing": _BY_URL}
        elif path.endswith("[x]") or node.element["base"]["path"].endswith("[x]"):
            node.element = {**node.element, "slicing": _BY_TYPE}
        elif node.element["max"] in ("0", "1"):
            return False
        else:
            raise self._fault(f"'{path}' has slices and does not say by what they are told apart (slicing).")
        return True

    def _new_slice(self, node: Node, name: str) -> Node:
        above = node.slices.get(name.rpartition("/")[0], node)
        made = above.copy_unsliced()
        assert made.element is not None
        element = {key: each for key, each in made.element.items() if key != "slicing"}
        made.element = {**element, "sliceName": name, "min": 0}
        if types := _of_type(element, name):
            made.element["type"] = types
        return made

    def _of_profile(self, change: Json) -> Json:
        """What the profile that an element is given (an extension's, mostly) says of itself."""
        url = _only_profile(change.get("type", ()))
        found = self._tree(url) if url else None
        if found is None or found.element is None:
            return {}
        return {key: each for key, each in found.element.items() if key not in _OF_THE_ROOT}

    def _walk_in(self, node: Node, path: str) -> None:
        """Give an element the children that its type has."""
        assert node.element is not None
        if "contentReference" in node.element:
            same = self._referred(node.element["contentReference"], path)
            assert same.element is not None
            node.element = {**node.element, "type": same.element["type"]}
            del node.element["contentReference"]
            node.children = same.copy().children
            return
        types: Sequence[Json] = node.element.get("type", ())
        codes = {each["code"] for each in types}
        profile = _only_profile(types)
        found = (self._tree(profile) if profile else None) or self._tree(
            codes.pop() if len(codes) == 1 else "Element"
        )
        if found is None:
            raise self._fault(f"'{path}' has no elements inside it.")
        node.children = found.copy().children

    def _referred(self, reference: str, path: str) -> Node:
        node = self._base()
        for part in reference.partition("#")[2].split(".")[1:]:
            if part.partition(":")[0] not in node.children:
                raise self._fault(f"'{path}' has the content of '{reference}', which does not exist.")
            node = node.at(part)
        return node

    def _fault(self, told: str) -> Unbuildable:
        return Unbuildable(f"No snapshot can be made of '{self._definition['url']}'. {told}")


def _with_base(element: Json) -> Json:
    if "base" in element:
        return element
    return {**element, "base": {key: element[key] for key in ("path", "min", "max")}}


def _inside(change: Node) -> Node:
    other = change.copy()
    other.element = None
    return other


def _narrow(choice: Node, change: Node, name: str) -> None:
    """Who speaks of `valueQuantity` and does not say how `value[x]` is sliced lets it be nothing else."""
    assert choice.element is not None
    said = change.children.get(name, Node()).element or {}
    if "slicing" in choice.element or "slicing" in said:
        return
    types = [each for other in change.children for each in _of_type(choice.element, other)]
    if types:
        choice.element = {**choice.element, "slicing": {**_BY_TYPE, "rules": "closed"}, "type": types}


def _choice(node: Node, name: str) -> Node | None:
    """The element of several types that a name with one of them stands for."""
    choices = (child for each, child in node.children.items() if each.endswith("[x]"))
    return next((each for each in choices if each.element and _of_type(each.element, name)), None)


def _of_type(element: Json, name: str) -> list[Json]:
    """The types of an element that a name ends with: `valueQuantity`, Quantity."""
    stem = element["base"]["path"].rpartition(".")[2]
    if not stem.endswith("[x]"):
        return []
    return [each for each in element.get("type", ()) if name == stem[:-3] + _capital(each["code"])]


def _capital(code: str) -> str:
    return code[:1].upper() + code[1:]


def _only_profile(types: Sequence[Json]) -> str | None:
    if len(types) == 1 and len(profiles := types[0].get("profile", ())) == 1:
        return str(profiles[0])
    return None


def _insert(slices: dict[str, Node], name: str, made: Node) -> None:
    """After its fellows; a slice of a slice right after that one and its others."""
    above = name.rpartition("/")[0]
    after = [each for each in slices if each == above or each.startswith(f"{above}/")] if above else []
    if not after:
        slices[name] = made
        return
    items = list(slices.items())
    place = list(slices).index(after[-1]) + 1
    slices.clear()
    slices.update([*items[:place], (name, made), *items[place:]])
