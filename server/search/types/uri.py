"""Uris: compared whole and as they are, or by how they begin.

https://hl7.org/fhir/R4/search.html#uri
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, FromClause, any_, collate

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
from server.search.types.text import begin, beginning
from server.search.types.token import holds, present
from server.store import sortkey


class Uri(SearchParamType):
    """`:below` finds what begins with the value, `:above` what the value is below of."""

    modifiers = frozenset({"above", "below"})

    def index(self, elements: Sequence[Element], plan: Plan, index: Index) -> None:
        uris = [element for element, _ in elements if isinstance(element, str)]
        index.tokens += (plan.token(each) for uri in uris for each in _forms(uri))
        index.keep(plan.code, uris)

    def check(self, type_: str, condition: Condition) -> None:
        """Any text is a uri."""

    def ask(self, condition: Condition, context: Context) -> Asked:
        values = [unescape(text) for text in condition.values]
        match condition.modifier:
            case "below":
                return beginning([value[:MAX_KEY] for value in values])
            case "above":
                return Asked(("above",), ([root for value in values for root in _roots(value)],))
        hashes = [context.token(condition, value) for value in values]
        return missing(condition) or Asked(("carries", len(hashes) == 1), (hashes,))

    def clause(
        self, row: FromClause, place: Place, shape: Shape, values: Sequence[Bind]
    ) -> ColumnElement[bool]:
        code = place.parameter.code
        match shape:
            case "missing", wanted:
                return unless(wanted, present(row, place))
            case "begins", _:
                return sortkey.some(row, code, lambda uri: begin(collate(uri, "C"), values))
            case ("above",):
                return sortkey.some(row, code, lambda uri: uri == any_(values[0]))
            case _, single:
                return holds(row, values[0], single=single)
        raise AssertionError(shape)


def _forms(uri: str) -> Iterator[str]:
    """A canonical with a version is found without it too."""
    yield uri
    canonical, bar, _ = uri.partition("|")
    if bar:
        yield canonical


def _roots(uri: str) -> Iterator[str]:
    """The uri itself and every one that it is below of, with and without the last slash."""
    yield uri[:MAX_KEY]
    for at, character in enumerate(uri[:MAX_KEY]):
        if character == "/":
            yield uri[:at]
            yield uri[: at + 1]
