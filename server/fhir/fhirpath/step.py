"""A part of an expression, compiled: what it finds, of which types, and the short ways to ask about it."""

from collections.abc import Callable
from typing import Any, NamedTuple

from server.fhir.fhirpath.children import EMPTY
from server.fhir.fhirpath.environment import Environment, Item, Misused

Find = Callable[[Item, Environment], list[Item]]
"""What is found from an element, which is `$this`."""

Test = Callable[[Item, Environment], bool | None]
"""Three-valued: None is FHIRPath's empty."""

Sure = Callable[[Item, Environment], bool]
"""What is always known."""

Types = frozenset[str] | None
"""None: the types are seen only when a resource is read."""

BOOLEAN = frozenset({"System.Boolean"})
STRING = frozenset({"System.String"})
INTEGER = frozenset({"System.Integer"})
DECIMAL = frozenset({"System.Decimal"})

_TRUE: list[Item] = [(True, "System.Boolean", None)]
_FALSE: list[Item] = [(False, "System.Boolean", None)]


class Step(NamedTuple):
    """`single`: it finds one item at most.

    The others are short cuts where there is one: `test` is its truth, `there` whether it finds anything,
    `hold` the JSON of what it finds, without what stands beside it, `constants` what it finds always.
    """

    find: Find
    types: Types
    single: bool
    test: Test | None = None
    there: Sure | None = None
    hold: Callable[[Item, Environment], Any] | None = None
    constants: list[Item] | None = None


def truth(test: Test) -> Step:
    """A step that finds a boolean."""

    def find(this: Item, environment: Environment) -> list[Item]:
        answer = test(this, environment)
        return EMPTY if answer is None else _TRUE if answer else _FALSE

    return Step(find, BOOLEAN, single=True, test=test)


def test_of(step: Step) -> Test:
    """The step as a truth value: empty is unknown, one boolean is itself, one of anything else is true.

    http://hl7.org/fhirpath/N1/#singleton-evaluation-of-collections
    """
    if step.test:
        return step.test
    find = step.find

    def test(this: Item, environment: Environment) -> bool | None:
        found = find(this, environment)
        if not found:
            return None
        if len(found) > 1:
            raise Misused(f"{len(found)} items have no truth value; one is expected.")
        return found[0][0] is not False

    return test


def there_of(step: Step) -> Sure:
    """Whether the step finds anything."""
    if step.there:
        return step.there
    if step.test:
        test = step.test
        return lambda this, environment: test(this, environment) is not None
    find = step.find
    return lambda this, environment: bool(find(this, environment))


def counted(step: Step) -> Step:
    """The step without its short cuts: each time, it and what it finds are counted."""
    inner = step.find

    def find(this: Item, environment: Environment) -> list[Item]:
        found = inner(this, environment)
        environment.patience.spend(1 + len(found) + (_size(found[0][0]) if len(found) == 1 else 0))
        return found

    return Step(find, step.types, step.single, constants=step.constants)


def _size(value: Any) -> int:
    """Of a text or a number that is long, what it costs to go through it."""
    match value:
        case str():
            return len(value) >> 4
        case int():
            return value.bit_length() >> 8
    return 0


def constant(items: list[Item]) -> Step:
    value = items[0][0] if len(items) == 1 else None
    is_truth = type(value) is bool
    return Step(
        lambda this, environment: items,
        frozenset(type for _, type, _ in items),
        single=len(items) < 2,
        test=(lambda this, environment: value) if is_truth else None,
        hold=lambda this, environment: value,
        constants=items,
    )


THIS = "$this"


def this(types: Types) -> Step:
    return Step(
        lambda this, environment: [this],
        types,
        single=True,
        there=lambda this, environment: True,
        hold=lambda this, environment: this[0],
    )
