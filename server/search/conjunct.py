"""A filter taken apart: what all must hold is asked like parameters of the query, and so begins a search.

https://hl7.org/fhir/R4/search_filter.html
"""

from dataclasses import replace

from server.fhir.issue import NotSupported
from server.search.chain import join
from server.search.criterion import filtered
from server.search.filter import Every, Test, parse, written
from server.search.registry import Registry
from server.search.types import Chain, Condition, Has
from server.search.types.filter import CODE


def conjuncts(type_: str, text: str, registry: Registry) -> tuple[list[Condition], list[Chain | Has]]:
    """The criteria, and the joins, all of which must hold.

    Raises:
        Invalid, NotSupported.
    """
    tree = parse(text)
    conditions: list[Condition] = []
    joins: list[Chain | Has] = []
    for part in tree.parts if isinstance(tree, Every) else (tree,):
        if isinstance(part, Test) and "." in part.path:
            joins.append(_joined(type_, part, registry))
        else:
            conditions.append(filtered(type_, part, registry))
    return conditions, joins


def _joined(type_: str, test: Test, registry: Registry) -> Chain | Has:
    """A chain, at the end of which stands the test."""
    if "[" in test.path:
        raise NotSupported(f"'_filter': a filter inside a path ('{test.path}') is not built.")
    way, _, code = test.path.rpartition(".")
    told = f"{code}{test.text.removeprefix(test.path)}"
    return join(type_, f"{way}.{CODE}", written(replace(test, path=code, text=told)), registry)
