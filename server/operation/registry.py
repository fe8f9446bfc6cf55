"""Which operations there are: a definition and its function, found by what they are called on.

A definition of ours without a function, and a function without a definition, stop the start.
"""

from collections.abc import Callable, Iterator, Set
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

import server.operation
from server.definition.library import library
from server.definition.operation import Operation, operation
from server.definition.own import Unusable
from server.operation.call import Function

_functions: dict[str, Function] = {}
_of_versions: set[str] = set()
_but: dict[str, Set[str]] = {}


def implements(
    name: str, *, of_versions: bool = False, but: Set[str] = frozenset()
) -> Callable[[Function], Function]:
    """Marks the function of the OperationDefinition with this id.

    `of_versions`: it is called on them too. `but`: the types that it is not for, of all that are defined.
    """

    def mark(function: Function) -> Function:
        if name in _functions:
            raise Unusable(f"Two functions implement the operation '{name}'.")
        _functions[name] = function
        _but[name] = but
        if of_versions:
            _of_versions.add(name)
        return function

    return mark


@cache
def operations() -> tuple[tuple[Operation, Function], ...]:
    """Every operation with its function.

    Raises:
        Unusable: a definition without a function, or a function without a definition.
    """
    for module in iter_modules(server.operation.__path__):
        import_module(f"{server.operation.__name__}.{module.name}")
    for definition in library().ours():
        if definition["resourceType"] == "OperationDefinition" and definition["id"] not in _functions:
            raise Unusable(f"The operation '{definition['id']}' has no function in server/operation.")
    return tuple((operation(name), function) for name, function in sorted(_functions.items()))


def find(code: str, level: str, type_: str | None) -> tuple[Operation, Function] | None:
    """The operation that is called so there."""
    return next((each for each in _coded(code) if level in each[0].levels and _on(each[0], type_)), None)


def is_of_versions(one: Operation) -> bool:
    """Whether it is called on [type]/[id]/_history/[vid] too."""
    return one.name in _of_versions


def levels(code: str, type_: str | None) -> set[str]:
    """Where else an operation of this code is called, for who calls it in the wrong place."""
    return {level for each, _ in _coded(code) if _on(each, type_) for level in each.levels}


def offered(type_: str | None) -> tuple[Operation, ...]:
    """The operations of a type (on itself or its instances), or those of the whole system."""
    wanted = {"system"} if type_ is None else {"type", "instance"}
    found = (each for each, _ in operations() if each.levels & wanted and _on(each, type_))
    return tuple(found)


def _coded(code: str) -> Iterator[tuple[Operation, Function]]:
    return (each for each in operations() if each[0].code == code)


def _on(one: Operation, type_: str | None) -> bool:
    return type_ is None or (one.on(type_) and type_ not in _but[one.name])
