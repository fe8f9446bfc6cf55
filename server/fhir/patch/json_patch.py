"""JSON Patch: operations at the places that JSON Pointers name.

https://www.rfc-editor.org/rfc/rfc6902, https://www.rfc-editor.org/rfc/rfc6901
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from server.fhir import Json, json
from server.fhir.issue import Inapplicable, Malformed
from server.fhir.patch import MOST, Failed, operation

COPY_LIMIT = 5_000_000
"""Bytes that the copies of one patch may add up to: copied into itself, a document doubles each time."""

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_TILDE = re.compile(r"~(?![01])")

Pointer = tuple[str, ...]


def patched(document: Json, operations: list[Any]) -> Json:
    """What the operations make of a document, which stays as it was.

    Raises:
        Malformed: they are no JSON Patch. Inapplicable: one of them does not fit the document.
    """
    if len(operations) > MOST:
        raise Malformed(f"The patch has {len(operations)} operations; at most {MOST} are taken.")
    steps = [_step(at, each) for at, each in enumerate(operations)]
    patching = _Patching({"": json.copied(document)})
    for at, (name, pointer, given) in enumerate(steps):
        with operation(at, name, given["path"]):
            _OPERATIONS[name](patching, pointer, given)
    return patching.whole()


_Step = tuple[str, Pointer, Json]


def _step(at: int, given: Any) -> _Step:
    """The name of an operation, where it acts, and all that was given; strictly, before anything is done."""
    if not isinstance(given, dict):
        raise Malformed(f"Operation {at} of the patch must be an object.")
    name, path = given.get("op"), given.get("path")
    if not isinstance(name, str) or name not in _OPERATIONS:
        known = ", ".join(_OPERATIONS)
        raise Malformed(f"Operation {at} of the patch must have an 'op' that is one of {known}.")
    if not isinstance(path, str):
        raise Malformed(f"Operation {at} of the patch must have a 'path', a JSON Pointer.")
    needed = _NEEDED.get(name)
    if needed and needed not in given:
        raise Malformed(f"Operation {at} of the patch, '{name}', must have a '{needed}'.")
    if needed == "from":
        given = {**given, "from": _pointer(at, given["from"])}
    return name, _pointer(at, path), given


def _pointer(at: int, text: Any) -> Pointer:
    if not isinstance(text, str) or _TILDE.search(text) or (text and text[0] != "/"):
        raise Malformed(
            f"Operation {at} of the patch has a pointer that is none: '/' stands before each name, "
            "and in a name '~0' for '~' and '~1' for '/'."
        )
    parts = text.split("/")[1:]
    if len(parts) > json.DEPTH_LIMIT:
        raise Malformed(f"Operation {at} of the patch points deeper than {json.DEPTH_LIMIT} levels.")
    # The document itself is the member "" of an object around it, so that it is a place like any other.
    return ("", *(part.replace("~1", "/").replace("~0", "~") for part in parts))


@dataclass(slots=True)
class _Patching:
    """The document so far, and how much has been copied."""

    root: Json
    copied: int = 0

    def whole(self) -> Json:
        root = self.root[""]
        if not isinstance(root, dict):
            raise Inapplicable("The patch leaves no resource: what it puts in its place is no object.")
        return root

    def add(self, pointer: Pointer, given: Json) -> None:
        self.put(pointer, json.copied(given["value"]))

    def remove(self, pointer: Pointer, _given: Json) -> None:
        self.take(pointer)

    def replace(self, pointer: Pointer, given: Json) -> None:
        holder = self.holder(pointer)
        holder[_present(holder, pointer[-1])] = json.copied(given["value"])

    def move(self, pointer: Pointer, given: Json) -> None:
        source: Pointer = given["from"]
        if pointer[: len(source)] == source and pointer != source:
            raise Failed("what is moved cannot go into itself")
        self.put(pointer, self.take(source))

    def copy(self, pointer: Pointer, given: Json) -> None:
        value = self.value(given["from"])
        self.copied += len(json.encode(value))
        if self.copied > COPY_LIMIT:
            raise Failed(f"the copies of the patch are larger than {COPY_LIMIT} bytes")
        self.put(pointer, json.copied(value))

    def test(self, pointer: Pointer, given: Json) -> None:
        if not json.equal(self.value(pointer), given["value"]):
            raise Failed("the value is not the one that the test names")

    def put(self, pointer: Pointer, value: Any) -> None:
        """A member is set, an item goes in before the one that has the index."""
        holder, last = self.holder(pointer), pointer[-1]
        if isinstance(holder, list):
            holder.insert(len(holder) if last == "-" else _index(last, len(holder)), value)
        else:
            holder[last] = value

    def take(self, pointer: Pointer) -> Any:
        if len(pointer) == 1:
            raise Failed("the resource itself cannot be taken away")
        holder = self.holder(pointer)
        return holder.pop(_present(holder, pointer[-1]))

    def value(self, pointer: Pointer) -> Any:
        holder = self.holder(pointer)
        return holder[_present(holder, pointer[-1])]

    def holder(self, pointer: Pointer) -> Any:
        """The object or array that the pointer's last part is in."""
        found: Any = self.root
        for part in pointer[:-1]:
            found = found[_present(found, part)]
        if not isinstance(found, dict | list):
            raise Failed(f"what is to have '{json.shown(pointer[-1])}' is neither an object nor an array")
        return found


def _present(holder: Any, part: str) -> Any:
    """The key of what is there."""
    if isinstance(holder, list):
        return _index(part, len(holder) - 1)
    if not isinstance(holder, dict) or part not in holder:
        raise Failed(f"there is no '{json.shown(part)}'")
    return part


def _index(part: str, highest: int) -> int:
    if not _INDEX.fullmatch(part):
        raise Failed(f"'{json.shown(part)}' is no index of an array")
    if int(part) > highest:
        raise Failed(f"the array has no place {part}")
    return int(part)


_OPERATIONS: dict[str, Callable[[_Patching, Pointer, Json], None]] = {
    "add": _Patching.add,
    "remove": _Patching.remove,
    "replace": _Patching.replace,
    "move": _Patching.move,
    "copy": _Patching.copy,
    "test": _Patching.test,
}
_NEEDED = {"add": "value", "replace": "value", "test": "value", "move": "from", "copy": "from"}
