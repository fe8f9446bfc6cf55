"""Which hashes may be listed across children: those that have a row of their own in the index of facets.

The lists are data, `profiles/facet.json`. Everything else of a token or a reference is only a filter.
"""

from dataclasses import dataclass
from functools import cache

import msgspec

from server.definition.folder import profiles
from server.definition.searchparameter import SearchParameter

_EVERY = "*"


class Lists(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By resource type, `*` for all: `never`, parameters without facets; `ubiquitous`, codes without."""

    never: dict[str, list[str]]
    ubiquitous: dict[str, dict[str, list[str]]]


@dataclass(frozen=True, slots=True)
class Facet:
    """What is listed of one parameter of one type."""

    kept: bool
    ubiquitous: frozenset[str]
    names_child: bool
    """Its references to a Patient are what `child` is for, and need no facet."""

    def lists(self, value: str) -> bool:
        """Whether this code or reference has a row."""
        if not self.kept or value in self.ubiquitous:
            return False
        return not (self.names_child and value.startswith("Patient/"))


@cache
def facet(type_: str, parameter: SearchParameter) -> Facet:
    """Which values of this parameter are listed."""
    lists = _lists()
    never = {*lists.never.get(_EVERY, ()), *lists.never.get(type_, ())}
    return Facet(
        kept=parameter.type in ("token", "reference") and parameter.code not in never,
        ubiquitous=frozenset(lists.ubiquitous.get(type_, {}).get(parameter.code, ())),
        names_child=parameter.type == "reference" and parameter.code in ("patient", "subject"),
    )


@cache
def _lists() -> Lists:
    return msgspec.json.decode((profiles() / "facet.json").read_bytes(), type=Lists)
