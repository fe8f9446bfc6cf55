"""`_text` and `_content`: what people read in the narrative, or anywhere in a resource.

https://hl7.org/fhir/R4/search.html#text
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, FromClause, cast, func, literal_column
from sqlalchemy.dialects.postgresql import TSQUERY

from server.fhir.issue import Invalid
from server.search.escape import unescape
from server.search.types import (
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
    missing,
    unless,
)
from server.search.words import NARRATIVE, query
from server.store.tables import text_index


class FullText(SearchParamType):
    """`weight`: of the words that are looked at; "" for all."""

    stored = False
    sortable = False

    def __init__(self, weight: str) -> None:
        self.weight = weight

    def index(self, elements: Sequence[Element], plan: Plan, index: Index) -> None:
        """The words of a resource are indexed at once, for both."""

    def check(self, type_: str, condition: Condition) -> None:
        for text in condition.values:
            try:
                query(unescape(text))
            except ValueError as error:
                raise Invalid(
                    f"'{condition.parameter.code}' takes words, and was given '{text}': {error}"
                ) from error

    def ask(self, condition: Condition, context: Context) -> Asked:
        return missing(condition) or Asked(("says",), (self.said(condition),))

    def clause(
        self, row: FromClause, place: Place, shape: Shape, values: Sequence[Bind]
    ) -> ColumnElement[bool]:
        words = text_index.c.words
        match shape:
            case "missing", wanted:
                own = func.ts_filter(words, literal_column("'{a}'")) if self.weight else words
                return unless(wanted, beside(row, text_index, place.type, func.length(own) > 0))
        return beside(row, text_index, place.type, words.op("@@")(cast(values[0], TSQUERY)))

    def said(self, condition: Condition) -> str:
        """One `tsquery` for all alternatives."""
        return " | ".join(query(unescape(text), self.weight) for text in condition.values)


TEXT, CONTENT = FullText(NARRATIVE), FullText("")
