"""The definitions that were added while the server runs, as the request at hand sees them.

They are kept in the database, and may change from one moment to the next; a request sees those of one moment,
from its beginning to its end. Who opens a record holds them (`record.parameters`).
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from server.definition.searchparameter import SearchParameter

if TYPE_CHECKING:
    from server.definition.library import Library


@dataclass(frozen=True, eq=False)
class Added:
    """Search parameters of one moment: by type, then by code. What is worked out from them may be kept by
    them.

    `incomplete`: the canonicals of those that do not find every resource yet. `outdated`: whether there are
    rows of an older release in the index. `progress`: how much is done of that (`WHOLE`) and of each of
    those, in percent; it goes on.
    """

    parameters: Mapping[str, Mapping[str, SearchParameter]] = field(default_factory=dict)
    incomplete: frozenset[str] = frozenset()
    outdated: bool = False
    progress: dict[str, int] = field(default_factory=dict)
    _together: dict[str, Mapping[str, SearchParameter]] = field(default_factory=dict, repr=False)

    def of(self, type_: str) -> Mapping[str, SearchParameter]:
        """Those of a resource type."""
        return self.parameters.get(type_, {})

    def beside(self, type_: str, shipped: Mapping[str, SearchParameter]) -> Mapping[str, SearchParameter]:
        """Those of a resource type after the ones that ship with the server."""
        if type_ not in self.parameters:
            return shipped
        together = self._together.get(type_)
        if together is None:
            together = self._together[type_] = {**shipped, **self.parameters[type_]}
        return together


WHOLE = ""

NONE = Added()

_held: ContextVar[Added] = ContextVar("added", default=NONE)
_library: ContextVar["Library | None"] = ContextVar("library", default=None)


def added() -> Added:
    """What the request at hand sees."""
    return _held.get()


def library() -> "Library | None":
    """The library that has what was added beside what ships; None: nothing was."""
    return _library.get()


def hold(those: Added, library: "Library | None" = None) -> None:
    """Let the request at hand see these, until the next one begins."""
    _held.set(those)
    _library.set(library)
