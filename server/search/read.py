"""Which properties of a resource an expression may look at: rather one too many than one too few."""

from collections.abc import Iterator
from functools import lru_cache

from server.definition.library import library
from server.fhir.expression import Binary, Call, Index, Literal, Name, Node, Typed, Union, Unread, parse

_WHOLE = ""
"""Stands for everything that there is in a resource."""

_CALLS = {
    **dict.fromkeys(("as", "empty", "exists", "first", "is", "not", "resolve", "where"), ()),
    **dict.fromkeys(("extension", "hasExtension"), ("extension",)),
}
"""What a function looks at beside what stands before it and in its arguments; of any other, everything."""


@lru_cache(maxsize=1024)
def read(type_: str, expression: str) -> frozenset[str] | None:
    """JSON properties of the resource; None: it cannot be told.

    Whatever is named anywhere in the expression counts, if the type has a property of that name.
    """
    try:
        names = set(_names(parse(expression)))
    except Unread:
        return None
    if _WHOLE in names:
        return None
    return frozenset(each.key for name in names for each in library().children(type_, name))


def _names(node: Node | None) -> Iterator[str]:
    match node:
        case Name(None, name) if name[0].isupper():
            return
        case Name(source, name):
            yield name
            yield from _names(source)
        case Call(source, name, arguments):
            yield from _CALLS.get(name, (_WHOLE,))
            yield from _names(source)
            for each in arguments:
                yield from _names(each)
        case Index(source) | Typed(_, source):
            yield from _names(source)
        case Binary(_, left, right):
            yield from _names(left)
            yield from _names(right)
        case Union(parts):
            for part in parts:
                yield from _names(part)
        case Literal():
            return
