"""Trees of expressions: what they mention, and what stands for `$this` in them."""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any, get_args

from server.fhir.expression import Call, Name, Node, Variable

_NODES = get_args(Node)
_ON_EACH = frozenset({"all", "exists", "repeat", "repeatAll", "select", "where", "aggregate", "sort"})


def mentions(node: Node, *variables: str) -> bool:
    """Whether one of the variables stands anywhere in the tree."""
    if isinstance(node, Variable):
        return node.name in variables
    return any(mentions(each, *variables) for each in _inside(node))


def substituted(node: Node, whole: Node) -> Node:
    """The tree with `whole` wherever it asks `$this`, be it without saying so."""
    match node:
        case Variable("$this"):
            return whole
        case Name(None, name):
            return node if name[0].isupper() else Name(whole, name)
        case Call(source, name, arguments):
            inside = arguments if name in _ON_EACH else tuple(substituted(each, whole) for each in arguments)
            return Call(substituted(source, whole) if source else whole, name, inside)
    return _changed(node, lambda each: substituted(each, whole))


def _inside(node: Node) -> Iterator[Node]:
    for field in fields(node):
        value = getattr(node, field.name)
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, _NODES):
                yield each


def _changed(node: Node, change: Callable[[Node], Node]) -> Node:
    """The same node around others."""

    def changed(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(changed, value))
        return change(value) if isinstance(value, _NODES) else value

    return replace(node, **{field.name: changed(getattr(node, field.name)) for field in fields(node)})
