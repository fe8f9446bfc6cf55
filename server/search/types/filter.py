"""`_filter`: any search parameters, joined by `and`, `or` and `not`.

https://hl7.org/fhir/R4/search_filter.html
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement, FromClause, and_, or_

from server.definition.library import library
from server.definition.searchparameter import SearchParameter
from server.fhir.issue import Invalid, NotSupported
from server.search.complete import require_complete
from server.search.element import indexed_as
from server.search.filter import Either, Every, Node, Not, Test, parse, tests
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
    check_missing,
    unless,
)

CODE = "_filter"

_COMPARED = dict.fromkeys(("eq", "ne", "gt", "lt", "ge", "le", "ap", "sa", "eb"))
_PRESENT = "pr"

# The modifier under which a parameter of a type answers an operator; None: it needs none. `ne` is what is not
# `eq`: so it is with `:not`, and so nothing is both.
_OPERATORS: Mapping[str, Mapping[str, str | None]] = {
    "string": {"eq": "equal", "ne": "equal", "co": "contains", "sw": None, "ew": "ending"},
    "token": {"eq": None, "ne": None, "in": "in", "ni": "not-in", "ss": "below", "sb": "above", "sw": "text"},
    "date": {**_COMPARED, "po": "overlap"},
    "number": _COMPARED,
    "quantity": _COMPARED,
    "reference": {"eq": None, "ne": None, "re": None},
    "uri": {"eq": None, "ne": None, "sw": "below"},
    "composite": {"eq": None, "ne": None},
    "special": {"eq": None, "ne": None},
}
_PREFIXED = frozenset({"date", "number", "quantity"})
# What parameters have of their own may stand in a value: the specification writes tokens with their bars.
_ESCAPES = str.maketrans({",": r"\,", "$": r"\$"})


class Filter(SearchParamType):
    """`kind` says what answers a parameter."""

    stored = False
    sortable = False
    alternatives = False

    def __init__(self, kind: Callable[[SearchParameter], SearchParamType | None]) -> None:
        self._kind = kind

    def index(self, elements: Sequence[Element], plan: Plan, index: Index) -> None:
        """It asks by what others index."""

    def check(self, type_: str, condition: Condition) -> None:
        for test in tests(parse(condition.values[0])):
            if "." in test.path:
                raise NotSupported(
                    f"'_filter': '{test.path}' is a chain: it stands at the top of a filter, joined by 'and'."
                )
            _, plain = asked(type_, test)
            if plain.modifier == "missing":
                check_missing(plain)
            else:
                self._answer(plain).check(type_, plain)

    def ask(self, condition: Condition, context: Context) -> Asked:
        values: list[Any] = []
        return Asked(self._shape(parse(condition.values[0]), context, values), tuple(values))

    def _shape(self, node: Node, context: Context, values: list[Any]) -> Shape:
        match node:
            case Test():
                negated, condition = asked(context.type, node)
                one = self._answer(condition).ask(condition, context)
                values += one.values
                return ("test", condition.parameter, negated, one.shape, len(one.values))
            case Not(part):
                return ("not", self._shape(part, context, values))
            case Every(parts) | Either(parts):
                name = "and" if isinstance(node, Every) else "or"
                return (name, *(self._shape(part, context, values) for part in parts))

    def clause(
        self, row: FromClause, place: Place, shape: Shape, values: Sequence[Bind]
    ) -> ColumnElement[bool]:
        return self._clause(row, place.type, shape, list(values))

    def _clause(self, row: FromClause, type_: str, shape: Shape, values: list[Bind]) -> ColumnElement[bool]:
        """Takes the values from the front, as `_shape` put them."""
        match shape:
            case "test", SearchParameter() as parameter, negated, tuple(inner), int(count):
                given = [values.pop(0) for _ in range(count)]
                answer = self._answer(Condition(parameter, None, ()))
                found = answer.clause(row, Place(type_, parameter), cast("Shape", inner), given)
                # What is not known of a row (it has no date) does not hold, and its opposite does.
                return unless(negated, cast("ColumnElement[bool]", found.is_(True)))
            case "not", tuple(inner):
                return ~self._clause(row, type_, cast("Shape", inner), values)
        join = and_ if shape[0] == "and" else or_
        return join(*(self._clause(row, type_, cast("Shape", part), values) for part in shape[1:]))

    def _answer(self, condition: Condition) -> SearchParamType:
        answer = self._kind(condition.parameter)
        assert answer is not None, "what is not built was refused"
        return answer


def asked(type_: str, test: Test) -> tuple[bool, Condition]:
    """A test as a criterion, and whether it is its opposite that is meant.

    Raises:
        Invalid: there is no such parameter, or it has no such operator.
    """
    parameter = library().search_parameters(type_).get(test.path)
    if parameter is None or parameter.code == CODE:
        raise Invalid(f"'_filter': '{test.path}' is not a search parameter of {type_}.")
    parameter = indexed_as(type_, parameter)
    require_complete(type_, parameter, "text" if test.operator == "sw" else None)
    if test.operator == _PRESENT:
        opposite = {"true": "false", "false": "true"}.get(test.value, test.value)
        return False, Condition(parameter, "missing", (opposite,))
    operators = _OPERATORS[parameter.type]
    if test.operator not in operators:
        raise Invalid(
            f"'_filter': '{test.path}', of type {parameter.type}, is not compared by '{test.operator}'."
        )
    value = test.value.translate(_ESCAPES) if parameter.type != "composite" else test.value
    if parameter.type in _PREFIXED and operators[test.operator] is None:
        return False, Condition(parameter, None, (f"{test.operator}{value}",))
    return test.operator == "ne", Condition(parameter, operators[test.operator], (value,))


def codes(condition: Condition) -> frozenset[str]:
    """The parameters that a criterion looks at."""
    if condition.parameter.code != CODE:
        return frozenset({condition.parameter.code})
    return frozenset(test.path for test in tests(parse(condition.values[0])))
