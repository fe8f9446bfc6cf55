"""Where in a JSON text each value stands: the text is known to be JSON, and read a second time.

A path is written without `[0]` and without the `_` of what stands beside a primitive: `.name[1].given`.
"""

import json
import re
from collections.abc import Iterator

Place = tuple[int, int]
"""Line and column, both from 1."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def places(text: str) -> dict[str, Place]:
    """The place of every property and of every item of an array, by path; the first where there are two."""
    found: dict[str, int] = {}
    last = ""
    for path, offset in _walk(text):
        # The first item of an array goes by the name of the array, and is the better place to look at.
        if path not in found or path == last:
            found[path] = offset
        last = path
    return {path: place(text, offset) for path, offset in found.items()}


def place(text: str, offset: int) -> Place:
    """The line and the column of a character."""
    before = text.rfind("\n", 0, offset)
    return text.count("\n", 0, offset) + 1, offset - before


def twice(text: str) -> Place | None:
    """Where an object has a property for the second time."""
    seen: list[set[str]] = []
    last = None
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "{" | "[":
                seen.append(set())
            case "}" | "]":
                seen.pop()
            case ":" if last is not None:
                name = json.loads(last[0])
                if name in seen[-1]:
                    return place(text, last.start())
                seen[-1].add(name)
        last = token
    return None


def _walk(text: str) -> Iterator[tuple[str, int]]:
    """Every property and item with where it begins."""
    # Of each open array or object: its path, and how many items came before; None for an object.
    opened: list[tuple[str, int | None]] = []
    at = ""
    named = False
    for token in _TOKEN.finditer(text):
        word = token[0]
        if word in "}]":
            opened.pop()
        elif word == ",":
            path, count = opened[-1]
            opened[-1] = (path, None if count is None else count + 1)
            named = False
        elif word != ":":
            if opened and not named:
                path, count = opened[-1]
                named = count is None
                at = path + (
                    f".{word[1:-1].removeprefix('_')}" if count is None else f"[{count}]" * (count > 0)
                )
                yield at, token.start()
                if named:
                    continue
            if word in "{[":
                opened.append((at, None if word == "{" else 0))
                named = False
