"""Strings: found by how they begin, whatever their case, accents and punctuation.

https://hl7.org/fhir/R4/search.html#string

Each part of a name or an address is a string of its own. `:exact` compares a whole part as it was sent.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, or_

from server.fhir.issue import Invalid
from server.fhir.name import fold
from server.search.escape import unescape
from server.search.types import (
    MAX_KEY,
    Asked,
    Bind,
    Condition,
    Context,
    Element,
    Index,
    Place,
    Plan,
    SearchParamType,
    Shape,
    beside,
    bound,
    missing,
    unless,
)
from server.search.types.token import holds
from server.store.tables import string_index

_AFTER_ALL = "\U0010ffff"
_PARTS = {
    "HumanName": ("text", "family", "given", "prefix", "suffix"),
    "Address": ("text", "line", "city", "district", "state", "postalCode", "country"),
    "CodeableConcept": ("text",),
    "Coding": ("display",),
    "Annotation": ("text",),
}


class String(SearchParamType):
    modifiers = frozenset({"contains", "exact"})

    def index(self, elements: Sequence[Element], plan: Plan, index: Index) -> None:
        parts = {text for element, type_ in elements for text in _parts(element, type_)}
        index.tokens += (plan.token(f"={text}") for text in parts)
        index.text(plan.number, {fold(text)[:MAX_KEY] for text in parts})

    def check(self, type_: str, condition: Condition) -> None:
        for text in condition.values:
            if condition.modifier != "exact" and not fold(unescape(text)):
                raise Invalid(f"'{text}' has no letter or digit to search '{condition.parameter.code}' by.")

    def ask(self, condition: Condition, context: Context) -> Asked:
        if asked := missing(condition):
            return asked
        texts = [unescape(text) for text in condition.values]
        if condition.modifier == "exact":
            hashes = [context.token(condition, f"={text}") for text in texts]
            return Asked(("exact", len(hashes) == 1), (hashes,))
        folded = [fold(text)[:MAX_KEY] for text in texts]
        if condition.modifier == "contains":
            # Folding leaves letters, digits and spaces: there is no wildcard to escape.
            return Asked(("contains", len(folded)), tuple(f"%{each}%" for each in folded))
        return beginning(folded)

    def clause(
        self, row: FromClause, place: Place, shape: Shape, values: Sequence[Bind]
    ) -> ColumnElement[bool]:
        match shape:
            case "missing", wanted:
                return unless(wanted, texts(row, place))
            case "exact", single:
                return holds(row, values[0], single=single)
            case "contains", _:
                return texts(row, place, or_(*map(string_index.c.folded.like, values)))
        return texts(row, place, begin(values))


def texts(row: FromClause, place: Place, *criteria: ColumnElement[bool]) -> ColumnElement[bool]:
    """There is a text of this parameter, such that…"""
    return beside(row, string_index, place.type, string_index.c.param == place.parameter.number, *criteria)


def begins(prefix: str) -> ColumnElement[bool]:
    """The text begins so: a range of the index, whose order is that of code points."""
    return begin([bound(prefix), bound(prefix + _AFTER_ALL)])


def beginning(prefixes: Sequence[str]) -> Asked:
    """The text begins with one of these."""
    ranges = ((prefix, prefix + _AFTER_ALL) for prefix in prefixes)
    return Asked(("begins", len(prefixes)), tuple(end for ends in ranges for end in ends))


def begin(values: Sequence[Bind]) -> ColumnElement[bool]:
    """The clause of `beginning`."""
    folded = string_index.c.folded
    pairs = zip(values[::2], values[1::2], strict=True)
    return or_(*(and_(folded >= low, folded < high) for low, high in pairs))


def _parts(element: Any, type_: str) -> Iterator[str]:
    if isinstance(element, str):
        yield element
    elif isinstance(element, dict):
        for name in _PARTS.get(type_, ()):
            value = element.get(name)
            if isinstance(value, list):
                yield from (each for each in value if each is not None)
            elif value is not None:
                yield value
