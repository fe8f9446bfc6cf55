"""The functions that evaluate an expression on each item, or only if it is needed.

http://hl7.org/fhirpath/N1/#filtering-and-projection
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cmp_to_key, partial
from typing import NamedTuple

from server.fhir.fhirpath import equality
from server.fhir.fhirpath.children import EMPTY
from server.fhir.fhirpath.environment import Environment, Item, Misused
from server.fhir.fhirpath.step import Find, Step, Sure, Test, Types, test_of, truth

_LONGEST = 10_000
"""Items that a repetition may come to: one that finds new ones for ever is stopped."""


def _each(items: list[Item], environment: Environment, moving: bool) -> Iterator[tuple[Item, Environment]]:
    """The items, each with the environment in which `$index` is its own."""
    for index, item in enumerate(items):
        yield item, environment.within(index=index) if moving else environment


def _where(source: Step, steps: list[Step], moving: bool = False) -> Step:
    inner, test = source.find, test_of(steps[0])

    def find(this: Item, environment: Environment) -> list[Item]:
        items = inner(this, environment)
        if moving:
            return [item for item, its in _each(items, environment, moving) if test(item, its)]
        return [item for item in items if test(item, environment)]

    there = None if moving else _any(source, test)
    return Step(find, source.types, source.single, there=there)


def _any(source: Step, test: Test) -> Sure:
    inner = source.find

    def there(this: Item, environment: Environment) -> bool:
        for item in inner(this, environment):  # noqa: SIM110 - a generator costs as much as the test
            if test(item, environment):
                return True
        return False

    return there


def _exists(source: Step, steps: list[Step], moving: bool = False) -> Step:
    if not moving:
        return truth(_any(source, test_of(steps[0])))
    where = _where(source, steps, moving).find
    return truth(lambda this, environment: bool(where(this, environment)))


def _all(source: Step, steps: list[Step], moving: bool = False) -> Step:
    inner, test = source.find, test_of(steps[0])

    def every(this: Item, environment: Environment) -> bool:
        return all(test(item, its) for item, its in _each(inner(this, environment), environment, moving))

    return truth(every)


def _select(source: Step, steps: list[Step], moving: bool = False) -> Step:
    inner, project = source.find, steps[0].find

    def find(this: Item, environment: Environment) -> list[Item]:
        items = inner(this, environment)
        return [found for item, its in _each(items, environment, moving) for found in project(item, its)]

    return Step(find, steps[0].types, source.single and steps[0].single)


def _repeat(source: Step, steps: list[Step], moving: bool = False) -> Step:
    """What is found again and again from what was found, each once."""
    return _repeated(source, steps[0], once=True)


def _repeat_all(source: Step, steps: list[Step], moving: bool = False) -> Step:
    return _repeated(source, steps[0], once=False)


def _repeated(source: Step, step: Step, *, once: bool) -> Step:
    inner, project = source.find, step.find

    def find(this: Item, environment: Environment) -> list[Item]:
        found: list[Item] = []
        seen = equality.Collection((), environment)
        waiting = inner(this, environment)
        while waiting:
            new = [each for item in waiting for each in project(item, environment)]
            waiting = [each for each in new if seen.add(each)] if once else new
            found += waiting
            if len(found) > _LONGEST:
                raise Misused("The repetition has no end.")
        return found

    return Step(find, None, single=False)


def _aggregate(source: Step, steps: list[Step], moving: bool = False) -> Step:
    inner, add = source.find, steps[0].find
    start = steps[1].find if len(steps) > 1 else lambda this, environment: EMPTY

    def find(this: Item, environment: Environment) -> list[Item]:
        total = start(this, environment)
        for index, item in enumerate(inner(this, environment)):
            total = add(item, environment.within(index=index, total=total))
        return total

    return Step(find, None, single=False)


def _iif(source: Step, steps: list[Step]) -> Step:
    """The second if the first is true, else the third: the other one is never evaluated."""
    condition, then = steps[0], steps[1].find
    otherwise = steps[2].find if len(steps) > 2 else lambda this, environment: EMPTY
    test = condition.test or _boolean(condition)
    inner = source.find
    if source.single and len(steps) > 2 and steps[1].test and steps[2].test:
        return truth(_chosen(test, steps[1].test, steps[2].test))

    def find(this: Item, environment: Environment) -> list[Item]:
        if not source.single and len(inner(this, environment)) > 1:
            raise Misused("'iif' asks about one item.")
        return (then if test(this, environment) else otherwise)(this, environment)

    types = [each.types for each in steps[1:]]
    known: Types = None if None in types else frozenset().union(*(each for each in types if each))
    return Step(find, known, single=all(each.single for each in steps[1:]))


def _chosen(test: Test, then: Test, otherwise: Test) -> Test:
    return lambda this, environment: (then if test(this, environment) else otherwise)(this, environment)


def _boolean(step: Step) -> Test:
    find = step.find

    def test(this: Item, environment: Environment) -> bool | None:
        found = find(this, environment)
        if len(found) > 1 or (found and type(found[0][0]) is not bool):
            raise Misused("The condition of 'iif' is one boolean.")
        return found[0][0] if found else None

    return test


def sort(source: Step, keys: list[tuple[Step, bool]]) -> Step:
    """By each key in turn, downwards where it says so; what has no key comes first either way."""
    inner = source.find

    def find(this: Item, environment: Environment) -> list[Item]:
        items = inner(this, environment)
        for key, downwards in reversed(keys):
            compared = partial(_compared, key.find, -1 if downwards else 1, environment)
            items = sorted(items, key=cmp_to_key(compared))
        return items

    return Step(find, source.types, source.single)


def _compared(key: Find, sign: int, environment: Environment, one: Item, other: Item) -> int:
    mine, its = key(one, environment), key(other, environment)
    if not mine or not its:
        return bool(mine) - bool(its)
    return sign * (equality.order(mine[0], its[0], environment) or 0)


def _trace(source: Step, steps: list[Step], moving: bool = False) -> Step:
    """Nothing is written down: what would be is a child's."""
    return source


class Lambda(NamedTuple):
    """`outside`: the places of the arguments that are evaluated once, where the call stands."""

    make: Callable[..., Step]
    least: int
    most: int
    outside: frozenset[int] = frozenset()


FUNCTIONS: Mapping[str, Lambda] = {
    "where": Lambda(_where, 1, 1),
    "exists": Lambda(_exists, 1, 1),
    "all": Lambda(_all, 1, 1),
    "select": Lambda(_select, 1, 1),
    "repeat": Lambda(_repeat, 1, 1),
    "repeatAll": Lambda(_repeat_all, 1, 1),
    "aggregate": Lambda(_aggregate, 1, 2, frozenset({1})),
    "iif": Lambda(_iif, 2, 3),
    "trace": Lambda(_trace, 1, 2, frozenset({0})),
}
