"""Elements that a right hides or keeps from change, numbered for this process: a row says which by the bits
of one number, so that what is seen by several rights at once is decided where the row is.

The first bit is no element: it says that the whereabouts of a restricted child are withheld.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from threading import Lock

from server.definition.library import library
from server.definition.searchparameter import SearchParameter
from server.search.element import properties
from server.search.read import read

WITHHELD = 1

_MOST = 62

_paths: list[str] = []
_lock = Lock()


class TooMany(Exception):
    """More elements are spoken of than a number has bits."""


def bit(path: str) -> int:
    """The bit of a path; a new one has the next.

    Raises:
        TooMany: there are no more.
    """
    with _lock:
        if path not in _paths:
            if len(_paths) == _MOST:
                raise TooMany(f"The rights of all agencies speak of more than {_MOST} elements.")
            _paths.append(path)
        return 2 << _paths.index(path)


def paths(bits: int) -> Iterator[str]:
    """The elements that a number stands for."""
    if bits > WITHHELD:
        yield from (path for at, path in enumerate(_paths) if bits & (2 << at))


def root(path: str) -> str:
    """The element of the resource that a path goes through: `extension` of `extension('…')`."""
    return path.partition(".")[0].partition("(")[0]


@cache
def tells_of(type_: str, code: str, path: str) -> bool:
    """Whether a search parameter looks at an element, or may."""
    if code in ("_id", "_lastUpdated"):
        return False
    return looks_at(type_, library().shipped(type_).get(code), path)


def looks_at(type_: str, parameter: SearchParameter | None, path: str) -> bool:
    """The same of a parameter that may have been added while the server runs."""
    if parameter is None or not parameter.expression:
        # Words are looked for in all of a resource.
        return True
    if parameter.type == "composite":
        # Its expression says where its components stand together, and not what they look at.
        return True
    shipped = library().shipped(type_).get(parameter.code) == parameter
    names = properties(type_, parameter) if shipped else read(type_, parameter.expression)
    return not names or is_named(root(path), names)


def is_named(name: str, names: Iterable[str]) -> bool:
    """Whether an element is among properties: they have its name, or begin with it: `value` of
    `valueQuantity`."""
    bare = (each.removeprefix("_") for each in names)
    return any(each == name or (each.startswith(name) and each[len(name)].isupper()) for each in bare)
