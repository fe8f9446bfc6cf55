"""The operators of FHIRPath but for paths: logic, comparison, arithmetic, membership.

http://hl7.org/fhirpath/N1/#operations
"""

from collections.abc import Callable, Mapping

from server.fhir.fhirpath import arithmetic, equality
from server.fhir.fhirpath.children import EMPTY, system
from server.fhir.fhirpath.environment import Environment, Item, Misused
from server.fhir.fhirpath.step import STRING, Step, Test, Types, truth

_Compare = Callable[[list[Item], list[Item], Environment], bool | None]


def step(name: str, left: Step, right: Step) -> Step:
    """Two operands joined by an operator that is not one of logic."""
    one, other = left.find, right.find
    if name == "&":
        return _concatenation(left, right)
    if name in arithmetic.OPERATORS:
        calculate = arithmetic.OPERATORS[name]
        return Step(
            lambda this, environment: calculate(
                one(this, environment), other(this, environment), environment
            ),
            _types(name, left.types, right.types),
            single=True,
        )
    compare = _COMPARISONS[name]
    return truth(
        lambda this, environment: compare(one(this, environment), other(this, environment), environment)
    )


def logic(name: str, left: Test, right: Test) -> Test:
    return _LOGIC[name](left, right)


def negated(inner: Test) -> Test:
    def test(this: Item, environment: Environment) -> bool | None:
        answer = inner(this, environment)
        return None if answer is None else not answer

    return test


def signed(name: str, source: Step) -> Step:
    inner = source.find
    minus = arithmetic.OPERATORS["*"]
    factor = [system(-1 if name == "-" else 1)]
    return Step(
        lambda this, environment: minus(inner(this, environment), factor, environment),
        source.types,
        single=True,
    )


def union(left: Step, right: Step) -> Step:
    """`left | right`: what either finds, each once."""
    one, other = left.find, right.find
    types = None if left.types is None or right.types is None else left.types | right.types
    return Step(
        lambda this, environment: equality.distinct(
            [*one(this, environment), *other(this, environment)], environment
        ),
        types,
        single=False,
    )


def _and(left: Test, right: Test) -> Test:
    def test(this: Item, environment: Environment) -> bool | None:
        one = left(this, environment)
        if one is False:
            return False
        other = right(this, environment)
        return False if other is False else None if one is None else other

    return test


def _or(left: Test, right: Test) -> Test:
    def test(this: Item, environment: Environment) -> bool | None:
        one = left(this, environment)
        if one:
            return True
        other = right(this, environment)
        return True if other else None if one is None else other

    return test


def _xor(left: Test, right: Test) -> Test:
    def test(this: Item, environment: Environment) -> bool | None:
        one, other = left(this, environment), right(this, environment)
        return None if one is None or other is None else one is not other

    return test


def _implies(left: Test, right: Test) -> Test:
    def test(this: Item, environment: Environment) -> bool | None:
        one = left(this, environment)
        if one is False:
            return True
        other = right(this, environment)
        return True if other else None if one is None else other

    return test


_LOGIC: Mapping[str, Callable[[Test, Test], Test]] = {
    "and": _and,
    "or": _or,
    "xor": _xor,
    "implies": _implies,
}


def _not_equal(left: list[Item], right: list[Item], environment: Environment) -> bool | None:
    answer = equality.equal(left, right, environment)
    return None if answer is None else not answer


def _ordered(accepts: Callable[[int], bool]) -> _Compare:
    def compare(left: list[Item], right: list[Item], environment: Environment) -> bool | None:
        if not left or not right:
            return None
        if len(left) > 1 or len(right) > 1:
            raise Misused("Only single items come before or after each other.")
        order = equality.order(left[0], right[0], environment)
        return None if order is None else accepts(order)

    return compare


def _in(left: list[Item], right: list[Item], environment: Environment) -> bool | None:
    """Of several items each has to be in the collection: R4's own tim-9 asks it of several."""
    return all(equality.among(item, right, environment) for item in left) if left else None


_COMPARISONS: Mapping[str, _Compare] = {
    "=": equality.equal,
    "!=": _not_equal,
    "~": equality.equivalent,
    "!~": lambda left, right, environment: not equality.equivalent(left, right, environment),
    "<": _ordered(lambda order: order < 0),
    "<=": _ordered(lambda order: order <= 0),
    ">": _ordered(lambda order: order > 0),
    ">=": _ordered(lambda order: order >= 0),
    "in": _in,
    "contains": lambda left, right, environment: _in(right, left, environment),
}


def _concatenation(left: Step, right: Step) -> Step:
    """`&`: what is missing is an empty text."""
    one, other = left.find, right.find

    def find(this: Item, environment: Environment) -> list[Item]:
        texts = [_text(one(this, environment)), _text(other(this, environment))]
        return [("".join(texts), "System.String", None)]

    return Step(find, STRING, single=True)


def _text(items: list[Item]) -> str:
    if items == EMPTY or items[0][0] is None:
        return ""
    if len(items) > 1 or type(items[0][0]) is not str:
        raise Misused("'&' joins two single texts.")
    return items[0][0]


def _types(name: str, left: Types, right: Types) -> Types:
    """What two values make: dates stay dates; of quantities and numbers it is seen when it is done."""
    if left is None or right is None:
        return None
    return left if name in ("+", "-") and left.isdisjoint(arithmetic.NUMBERS) else None
