"""Which search parameters there are, and which class answers each.

What is not in these tables is not built, is refused by name, and is left out of the CapabilityStatement.
"""

from collections.abc import Mapping
from functools import cache

from sqlalchemy import ColumnElement, FromClause

from server.definition.library import Library
from server.definition.searchparameter import SearchParameter
from server.search.complete import is_complete
from server.search.element import combination, indexed_as
from server.search.types import Asked, Condition, Context, SearchParamType, bound, place
from server.search.types.combined import Combined
from server.search.types.composite import Composite
from server.search.types.date import MAIN, Date, LastUpdated, MainDate
from server.search.types.filter import Filter
from server.search.types.fulltext import CONTENT, TEXT
from server.search.types.near import Near
from server.search.types.number import Measuring, Number, Span
from server.search.types.quantity import Quantity
from server.search.types.reference import Reference
from server.search.types.string import String
from server.search.types.token import Id, IdentifierToken, Token
from server.search.types.uri import Uri

_TYPES: Mapping[str, SearchParamType] = {
    "composite": Composite(lambda parameter: kind(parameter)),
    "date": Date(),
    "number": Number(),
    "quantity": Quantity(),
    "reference": Reference(),
    "string": String(),
    "token": Token(),
    "uri": Uri(),
}
_NAMED: Mapping[tuple[str, str], SearchParamType] = {
    ("token", "_id"): Id(),
    ("date", "_lastUpdated"): LastUpdated(),
    ("token", "identifier"): IdentifierToken(),
    ("date", MAIN): MainDate(),
    ("special", "_filter"): Filter(lambda parameter: kind(parameter)),
    ("special", "near"): Near(),
    ("string", "_content"): CONTENT,
    ("string", "_text"): TEXT,
}


def kind(parameter: SearchParameter) -> SearchParamType | None:
    """What indexes and finds its values; None if that is not built."""
    named = _NAMED.get((parameter.type, parameter.code))
    if named or not parameter.expression:
        return named
    return _combined(parameter) or _TYPES.get(parameter.type)


@cache
def _combined(parameter: SearchParameter) -> Combined | None:
    parts = combination(parameter)
    return Combined(parts, kind) if parts else None


def where(row: FromClause, condition: Condition, context: Context) -> ColumnElement[bool]:
    """The criterion as a condition on `row`, which has the columns of the table of resources."""
    return _answer(condition).where(row, condition, context)


def ask(condition: Condition, context: Context) -> Asked:
    """The criterion, taken apart into the shape of its SQL and the values that go into it."""
    return _answer(condition).ask(condition, context)


def clause(
    row: FromClause, condition: Condition, context: Context, asked: Asked, name: str
) -> ColumnElement[bool]:
    """The same condition as `where` with parameters that are named; `asked.named(name)` gives their values.

    It depends on the row, the type, the parameter and the shape alone.
    """
    values = [bound(value, f"{name}_{at}") for at, value in enumerate(asked.values)]
    return _answer(condition).clause(row, place(condition, context), asked.shape, values)


def facets(condition: Condition, context: Context) -> tuple[int, ...] | None:
    """The facets of which every match has one; None if there are none to go by."""
    return _answer(condition).facets(condition, context)


def span(condition: Condition, context: Context) -> Span | None:
    """Where in the index of numbers everything that matches is found; None if it is not one part of it."""
    answer = _answer(condition)
    return answer.span(condition, context) if isinstance(answer, Measuring) else None


class Registry:
    """The search parameters of a library of definitions."""

    def __init__(self, library: Library) -> None:
        self.library = library

    def parameters(self, type_: str) -> Mapping[str, SearchParameter]:
        """Every parameter that is defined for the type, by code."""
        return self.library.search_parameters(type_)

    def parameter(self, type_: str, code: str) -> SearchParameter | None:
        found = self.parameters(type_).get(code)
        return indexed_as(type_, found) if found else None

    def supported(self, type_: str) -> Mapping[str, SearchParamType]:
        """The codes that can be searched by, each with what answers it."""
        parameters = self.parameters(type_).items()
        found = ((code, kind(parameter)) for code, parameter in parameters if is_complete(parameter))
        return {code: answer for code, answer in found if answer is not None}

    def includes(self, type_: str) -> tuple[str, ...]:
        """The references that `_include` can follow, as the CapabilityStatement names them."""
        references = (each for each in self.parameters(type_).values() if each.type == "reference")
        return tuple(f"{type_}:{each.code}" for each in references if is_complete(each))


def _answer(condition: Condition) -> SearchParamType:
    answer = kind(condition.parameter)
    assert answer is not None, "the query was parsed, and what is not built refused"
    return answer
