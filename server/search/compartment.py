"""What stands in the compartment of a resource: whatever refers to it by one of certain parameters.

https://hl7.org/fhir/R4/compartmentdefinition.html
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, FromClause, bindparam, or_

from server.definition.compartment import compartment
from server.definition.library import library
from server.search import drive
from server.search.drive import Driver
from server.search.facet import facet
from server.search.join import Joined
from server.search.types import Context

NAME = "w_"
"""How its parameters begin."""


@dataclass(frozen=True, slots=True)
class Compartment:
    """That of one resource: its type and its id."""

    type: str
    id: str

    def parameters(self, type_: str) -> tuple[str, ...]:
        """The codes by any of which a resource of a type stands in it."""
        known = library().shipped(type_)
        return tuple(code for code in compartment(self.type).get(type_, ()) if code in known)

    def has(self, type_: str) -> bool:
        """Whether a resource of a type can stand in it."""
        return type_ == self.type or bool(self.parameters(type_))

    def holds(self, type_: str, context: Context) -> Joined:
        """The condition that a resource of a type stands in it."""
        text, parameters = f"{self.type}/{self.id}", self.parameters(type_)
        hashes = [context.hasher.token(type_, code, text) for code in parameters]
        given = {f"{NAME}h": hashes, f"{NAME}id": self.id}
        if type_ != self.type:
            del given[f"{NAME}id"]
        own = type_ == self.type
        return Joined((NAME, own), _meets(own), given, self._driver(type_, hashes))

    def _driver(self, type_: str, hashes: list[int]) -> Driver | None:
        if self.type == "Patient":
            # All that refers to a child is of it, or speaks of it beside its own.
            return Driver("rows", "children", {"d_0": [self.id]}, most=0)
        if type_ == self.type:
            return None
        known = library().shipped(type_)
        listed = (facet(type_, known[code]) for code in self.parameters(type_))
        if not all(each.lists(f"{self.type}/{self.id}") for each in listed):
            return None
        return Driver("merge", "facets", {"d_0": hashes}, most=len(hashes))


def _meets(own: bool) -> Callable[[FromClause], ColumnElement[bool]]:
    def meets(row: FromClause) -> ColumnElement[bool]:
        refers = row.c.tok.overlap(drive.array(f"{NAME}h", BigInteger)).is_(True)
        return or_(refers, row.c.id == bindparam(f"{NAME}id")) if own else refers

    return meets
