"""What has been compiled from one library: kept by the library, and gone with it."""

from collections.abc import Callable
from typing import Any, TypeVar

from server.definition.library import library

_T = TypeVar("_T")


class Compiled:
    """The checks of one degree of thoroughness: errors only, or in `full`."""

    def __init__(self, full: bool) -> None:
        self.full = full
        self._kept: dict[object, Any] = {}

    def once(self, key: object, make: Callable[[], _T]) -> _T:
        """What is kept under the key; made when it is first asked for."""
        if key not in self._kept:
            self._kept[key] = make()
        kept: _T = self._kept[key]
        return kept


def compiled(full: bool = False) -> Compiled:
    """Of the library in force."""
    memo = library().memo
    known: Compiled | None = memo.get((compiled, full))
    if known is None:
        known = memo[compiled, full] = Compiled(full)
    return known
