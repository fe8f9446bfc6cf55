"""The elements of a snapshot or differential as a tree: children by name, slices beside what they slice.

The ids of elements say where each of them stands: https://hl7.org/fhir/R4/elementdefinition.html#id
"""

from collections.abc import Iterable, Iterator, Sequence

from server.fhir import Json


class Node:
    """One element. `element` is None where a differential names something inside it and nothing of itself.

    What stands in `element` is shared between trees, and replaced but never altered.
    """

    __slots__ = ("children", "element", "slices")

    def __init__(self, element: Json | None = None) -> None:
        self.element = element
        self.children: dict[str, Node] = {}
        self.slices: dict[str, Node] = {}

    def copy_unsliced(self) -> "Node":
        """What a further slice begins as; the slices that there are may be many."""
        other = Node(self.element)
        other.children = {name: each.copy() for name, each in self.children.items()}
        return other

    def copy(self) -> "Node":
        other = self.copy_unsliced()
        other.slices = {name: each.copy() for name, each in self.slices.items()}
        return other

    def at(self, part: str) -> "Node":
        """The element that a part of an id names (`identifier`, `identifier:nhsNumber`), made if need be."""
        name, _, slice_ = part.partition(":")
        child = self.children.setdefault(name, Node())
        return child.slices.setdefault(slice_, Node()) if slice_ else child


def tree(elements: Sequence[Json]) -> Node:
    """Of all elements of one definition; the first of its parts is its root."""
    root = Node()
    for parts, element in zip(_parts(elements), elements, strict=True):
        node = root
        for part in parts[1:]:
            node = node.at(part)
        node.element = element
    return root


def elements(root: Node, type_: str) -> Iterator[Json]:
    """The tree in the order of a snapshot, each element with the id and path of its place."""
    yield from _from(root, type_, type_)


def _from(node: Node, id_: str, path: str) -> Iterator[Json]:
    assert node.element is not None
    yield {"id": id_, **{key: each for key, each in node.element.items() if key not in ("id", "path")}} | {
        "path": path
    }
    for name, child in node.children.items():
        yield from _from(child, f"{id_}.{name}", f"{path}.{name}")
    for name, slice_ in node.slices.items():
        yield from _from(slice_, f"{id_}:{name}", path)


def _parts(elements: Sequence[Json]) -> Iterable[Sequence[str]]:
    """Where each element stands, by its id; by path and name of the slice if any has no id that says it."""
    found = [each.get("id", "").split(".") for each in elements]
    if all(map(_agree, found, elements)):
        return found
    return _in_order(elements)


def _agree(parts: Sequence[str], element: Json) -> bool:
    steps: list[str] = element["path"].split(".")
    if len(parts) != len(steps):
        return False
    if "sliceName" in element and ":" in parts[-1] and parts[-1].partition(":")[2] != element["sliceName"]:
        return False
    return all(map(_same, parts[1:], steps[1:]))


def _same(part: str, step: str) -> bool:
    name = part.partition(":")[0]
    return name == step or (name.endswith("[x]") and step.startswith(name[:-3]))


def _in_order(elements: Sequence[Json]) -> Iterator[Sequence[str]]:
    """An element stands in the slice that was begun last on each step of its path."""
    begun: dict[str, str] = {}
    for element in elements:
        steps: list[str] = element["path"].split(".")
        paths = [".".join(steps[:count]) for count in range(1, len(steps) + 1)]
        begun = {path: name for path, name in begun.items() if not path.startswith(paths[-1])}
        if "sliceName" in element:
            begun[paths[-1]] = element["sliceName"]
        yield [_part(step, begun.get(path)) for step, path in zip(steps, paths, strict=True)]


def _part(step: str, slice_: str | None) -> str:
    return f"{step}:{slice_}" if slice_ else step
