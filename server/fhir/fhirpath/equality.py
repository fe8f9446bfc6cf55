"""When elements are equal, equivalent, or one before the other.

http://hl7.org/fhirpath/N1/#equality
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from server.fhir.fhirpath import quantity, temporal
from server.fhir.fhirpath.environment import Environment, Item, Misused

_NUMBERS = frozenset({int, Decimal})


def same(one: Item, other: Item, environment: Environment) -> bool | None:
    """Whether two elements are equal; None where it is not known."""
    mine, its = one[0], other[0]
    if type(mine) is str and type(its) is str:
        if mine == its or (one[1] not in temporal.TYPES and other[1] not in temporal.TYPES):
            return mine == its
        return _same_time(one, other)
    if mine is None or its is None:
        return None
    if type(mine) is bool or type(its) is bool:
        return mine is its
    if type(mine) in _NUMBERS and type(its) in _NUMBERS:
        return bool(mine == its)
    left, right = quantity.of(one), quantity.of(other)
    if left and right:
        amounts = quantity.amounts(left, right, environment)
        return None if amounts is None else amounts[0] == amounts[1]
    return bool(mine == its)


def equal(left: list[Item], right: list[Item], environment: Environment) -> bool | None:
    """Whether two collections are equal, item by item in their order."""
    if len(left) == 1 and len(right) == 1:
        return same(left[0], right[0], environment)
    if not left or not right:
        return None
    if len(left) != len(right):
        return False
    answers = [same(one, other, environment) for one, other in zip(left, right, strict=True)]
    if False in answers:
        return False
    return None if None in answers else True


def alike(one: Item, other: Item, environment: Environment) -> bool:
    """Whether two elements are equivalent: as far as their precision, whatever the case of their letters."""
    mine, its = one[0], other[0]
    if type(mine) is str and type(its) is str:
        if one[1] in temporal.TYPES or other[1] in temporal.TYPES:
            return same(one, other, environment) is True
        return _folded(mine) == _folded(its)
    if type(mine) in _NUMBERS and type(its) in _NUMBERS:
        return _about(Decimal(mine), Decimal(its))
    left, right = quantity.of(one), quantity.of(other)
    if left and right:
        there = quantity.converted(right, left, environment)
        return there is not None and _about(left.value, there)
    if isinstance(mine, dict) and isinstance(its, dict):
        return _alike_json(mine, its, environment)
    return same(one, other, environment) is True


def equivalent(left: list[Item], right: list[Item], environment: Environment) -> bool:
    """Whether two collections have equivalent items, in whatever order."""
    if len(left) != len(right):
        return False
    rest = list(right)
    for one in left:
        at = next((at for at, other in enumerate(rest) if alike(one, other, environment)), None)
        if at is None:
            return False
        del rest[at]
    return True


def order(one: Item, other: Item, environment: Environment) -> int | None:
    """-1, 0 or 1; None where it is not known which comes first."""
    mine, its = one[0], other[0]
    if type(mine) in _NUMBERS and type(its) in _NUMBERS:
        return int(mine > its) - int(mine < its)
    if type(mine) is str and type(its) is str:
        if (one[1] in temporal.TYPES or other[1] in temporal.TYPES) and not temporal.are_alike(mine, its):
            return _ordered_times(one, other)
        return (mine > its) - (mine < its)
    left, right = quantity.of(one), quantity.of(other)
    if left is None or right is None:
        if _is_vague(one) or _is_vague(other):
            return None
        raise Misused(f"A {_bare(one[1])} is neither before nor after a {_bare(other[1])}.")
    amounts = quantity.amounts(left, right, environment)
    return None if amounts is None else (amounts[0] > amounts[1]) - (amounts[0] < amounts[1])


class Collection:
    """Items, asked one by one whether an equal one is among them."""

    def __init__(self, items: Iterable[Item], environment: Environment) -> None:
        self.environment = environment
        self.keys: set[Any] = set()
        self.others: list[Item] = []
        for item in items:
            self.add(item)

    def add(self, item: Item) -> bool:
        """Whether it is the first of its kind."""
        if item in self:
            return False
        key = _key(item)
        if key is None:
            self.others.append(item)
        else:
            self.keys.add(key)
        return True

    def __contains__(self, item: Item) -> bool:
        key = _key(item)
        if key is not None and key in self.keys:
            return True
        return any(same(item, other, self.environment) for other in self.others)


def distinct(items: Iterable[Item], environment: Environment) -> list[Item]:
    seen = Collection((), environment)
    return [item for item in items if seen.add(item)]


def among(item: Item, items: list[Item], environment: Environment) -> bool:
    return any(same(item, other, environment) for other in items)


def _key(item: Item) -> Any:
    """What only equal items have in common; None of those that are compared one by one."""
    value = item[0]
    if type(value) is str:
        return None if item[1] in temporal.TYPES else value
    return value if type(value) in _NUMBERS else None


def _ordered_times(one: Item, other: Item) -> int | None:
    times = _times(one, other)
    if times is None:
        raise Misused("A date is neither before nor after what is no date.")
    return temporal.compared(*times)


def _same_time(one: Item, other: Item) -> bool | None:
    times = _times(one, other)
    if times is None or times[0].is_time != times[1].is_time:
        return False
    order = temporal.compared(*times)
    return None if order is None else order == 0


def _times(one: Item, other: Item) -> tuple[temporal.Temporal, temporal.Temporal] | None:
    """Both as times, if one of them is one; a mere string beside it may say one too."""
    if one[1] not in temporal.TYPES and other[1] not in temporal.TYPES:
        return None
    mine = temporal.parse(one[0], one[1] in temporal.TIMES)
    its = temporal.parse(other[0], other[1] in temporal.TIMES)
    return (mine, its) if mine and its else None


def _about(one: Decimal, other: Decimal) -> bool:
    """Equal when both are rounded to the precision of the less precise one."""
    places = max(_exponent(one), _exponent(other))
    step = Decimal((0, (1,), min(places, 0)))
    return one.quantize(step, ROUND_HALF_UP) == other.quantize(step, ROUND_HALF_UP)


def _exponent(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _alike_json(one: Any, other: Any, environment: Environment) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(
            _alike_json(one[key], other[key], environment) for key in one
        )
    if isinstance(one, list) and isinstance(other, list):
        rest = list(other)
        for each in one:
            at = next((at for at, its in enumerate(rest) if _alike_json(each, its, environment)), None)
            if at is None:
                return False
            del rest[at]
        return not rest
    if isinstance(one, dict | list) or isinstance(other, dict | list):
        return False
    return alike((one, "System.String", None), (other, "System.String", None), environment)


def _is_vague(item: Item) -> bool:
    """A primitive without a value, or a quantity without a number or with a comparator."""
    return item[0] is None or (isinstance(item[0], dict) and item[1] in quantity.TYPES)


def _bare(type: str) -> str:
    return type.rpartition(".")[2]
