"""Functions of collections: whether there is something, which part of it, with what it is combined.

http://hl7.org/fhirpath/N1/#existence
"""

from collections.abc import Mapping

from server.fhir.fhirpath import equality
from server.fhir.fhirpath.children import EMPTY
from server.fhir.fhirpath.environment import Environment, Item, Misused
from server.fhir.fhirpath.function.define import Function, integer_of, one
from server.fhir.fhirpath.step import INTEGER

Items = list[Item]


def _booleans(items: Items) -> list[bool]:
    if not all(type(value) is bool for value, _, _ in items):
        raise Misused("Only booleans are true or false.")
    return [value for value, _, _ in items]


def _not(items: Items, _: Environment) -> bool | None:
    found = one(items)
    return None if found is None else found[0] is False


def _is_subset(items: Items, environment: Environment, other: Items) -> bool:
    whole = equality.Collection(other, environment)
    return all(item in whole for item in items)


def _is_distinct(items: Items, environment: Environment) -> bool:
    return len(items) < 2 or len(equality.distinct(items, environment)) == len(items)


def _single(items: Items, _: Environment) -> Items:
    one(items)
    return items


def _skip(items: Items, _: Environment, count: Items) -> Items:
    return items[max(integer_of(count) or 0, 0) :]


def _take(items: Items, _: Environment, count: Items) -> Items:
    return items[: max(integer_of(count) or 0, 0)]


def _intersect(items: Items, environment: Environment, other: Items) -> Items:
    among = equality.Collection(other, environment)
    return equality.distinct([item for item in items if item in among], environment)


def _exclude(items: Items, environment: Environment, other: Items) -> Items:
    among = equality.Collection(other, environment)
    return [item for item in items if item not in among]


def _combine(items: Items, _: Environment, other: Items, __: Items = EMPTY) -> Items:
    return [*items, *other]


def _coalesce(_: Items, __: Environment, *collections: Items) -> Items:
    return next((each for each in collections if each), EMPTY)


COLLECTION: Mapping[str, Function] = {
    "exists": Function(lambda items, _: bool(items), "truth"),
    "empty": Function(lambda items, _: not items, "truth"),
    "not": Function(_not, "truth"),
    "count": Function(lambda items, _: len(items), "value", types=INTEGER),
    "allTrue": Function(lambda items, _: all(_booleans(items)), "truth"),
    "anyTrue": Function(lambda items, _: any(_booleans(items)), "truth"),
    "allFalse": Function(lambda items, _: not any(_booleans(items)), "truth"),
    "anyFalse": Function(lambda items, _: not all(_booleans(items)), "truth"),
    "subsetOf": Function(_is_subset, "truth", 1, 1),
    "supersetOf": Function(
        lambda items, environment, other: _is_subset(other, environment, items), "truth", 1, 1
    ),
    "distinct": Function(equality.distinct, "same"),
    "isDistinct": Function(_is_distinct, "truth"),
    "single": Function(_single, "same", single=True),
    "first": Function(lambda items, _: items[:1], "same", single=True),
    "last": Function(lambda items, _: items[-1:], "same", single=True),
    "tail": Function(lambda items, _: items[1:], "same"),
    "skip": Function(_skip, "same", 1, 1),
    "take": Function(_take, "same", 1, 1),
    "intersect": Function(_intersect, "same", 1, 1),
    "exclude": Function(_exclude, "same", 1, 1),
    "union": Function(
        lambda items, environment, other: equality.distinct([*items, *other], environment), "items", 1, 1
    ),
    "combine": Function(_combine, "items", 1, 2),
    "coalesce": Function(_coalesce, "items", 1, 20),
}
