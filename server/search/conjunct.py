"""A filter taken apart: what all must hold is asked like parameters of the query, and so begins a search.

https://hl7.org/fhir/R4/search_filter.html
"""

from server.fhir.issue import Invalid, NotSupported
from server.search.chain import join
from server.search.criterion import criterion
from server.search.filter import Every, Node, Test, parse, written
from server.search.registry import Registry
from server.search.types import Chain, Condition, Has
from server.search.types.filter import CODE, asked

# How a test at the end of a chain is written as a parameter: (modifier, prefix).
_CHAINED = {
    "eq": ("", ""),
    "re": ("", ""),
    "co": (":contains", ""),
    "sw": ("", ""),
    "in": (":in", ""),
    "ni": (":not-in", ""),
    "ss": (":below", ""),
    "sb": (":above", ""),
    **{prefix: ("", prefix) for prefix in ("gt", "lt", "ge", "le", "sa", "eb", "ap")},
}


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
            conditions.append(_condition(type_, part, registry))
    return conditions, joins


def _condition(type_: str, part: Node, registry: Registry) -> Condition:
    whole = criterion(type_, CODE, written(part), registry)
    if isinstance(part, Test):
        negated, plain = asked(type_, part)
        if not negated:
            return plain
    return whole


def _joined(type_: str, test: Test, registry: Registry) -> Chain | Has:
    if "[" in test.path:
        raise NotSupported(f"'_filter': a filter inside a path ('{test.path}') is not built.")
    if test.operator == "pr":
        value = {"true": "false", "false": "true"}.get(test.value, test.value)
        return join(type_, f"{test.path}:missing", value, registry)
    if test.operator not in _CHAINED:
        raise Invalid(f"'_filter': '{test.path}' is not compared by '{test.operator}'.")
    modifier, prefix = _CHAINED[test.operator]
    escaped = test.value.replace(",", r"\,")
    return join(type_, f"{test.path}{modifier}", f"{prefix}{escaped}", registry)
