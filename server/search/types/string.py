"""Strings: found by how they begin, whatever their case, accents and punctuation.

https://hl7.org/fhir/R4/search.html#string

Each part of a name or an address is a string of its own. `:exact` compares a whole part as it was sent.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, any_, or_

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
    missing,
    unless,
)
from server.search.types.text import begin, beginning, texts
from server.search.types.token import holds
from server.store.tables import string_index

_PARTS = {
    "HumanName": ("text", "family", "given", "prefix", "suffix"),
    "Address": ("text", "line", "city", "district", "state", "postalCode", "country"),
    "CodeableConcept": ("text",),
    "Coding": ("display",),
    "Annotation": ("text",),
}


class String(SearchParamType):
    """Beside its modifiers it is asked, by `_filter`, for what is `equal` and for an `ending`."""

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
        if condition.modifier == "equal":
            return Asked(("equal",), (folded,))
        if condition.modifier == "ending":
            return Asked(("contains", len(folded)), tuple(f"%{each}" for each in folded))
        return beginning(folded)

    def clause(
        self, row: FromClause, place: Place, shape: Shape, values: Sequence[Bind]
    ) -> ColumnElement[bool]:
        match shape:
            case "missing", wanted:
                return unless(wanted, texts(row, place))
            case "exact", single:
                return holds(row, values[0], single=single)
            case ("equal",):
                return texts(row, place, string_index.c.folded == any_(values[0]))
            case "contains", _:
                return texts(row, place, or_(*map(string_index.c.folded.like, values)))
        return texts(row, place, begin(string_index.c.folded, values))


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
