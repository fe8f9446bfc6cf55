"""The searches that narrow a scope or a right: each must be one that a single row decides, today and later.

https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#finer-grained-resource-constraints-using-search-parameters
"""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from server.fhir.issue import Invalid
from server.search.query import parse
from server.search.registry import Registry
from server.search.types import Condition
from server.search.types.date import Value

_SPECIAL = frozenset({"_content", "_text", "_filter", "_list", "_query", "near"})
_OF_TERMINOLOGY = frozenset({"in", "not-in", "above", "below", "text"})


def conditions_of(type_: str, criteria: str, registry: Registry) -> tuple[Condition, ...]:
    """The criteria that narrow a scope or a right.

    Raises:
        Invalid: one that a row cannot decide by itself; it must be refused when it is granted.
    """
    given = parse_qsl(criteria, keep_blank_values=True, strict_parsing=bool(criteria))
    query = parse(type_, given, registry, strict=True)
    if query.joins:
        raise _refused(type_, criteria, "it speaks of other resources.")
    if len(query.conditions) != len(given):
        raise _refused(type_, criteria, "it says how to answer, and not what is asked.")
    for condition in query.conditions:
        for is_wrong, why in _REFUSALS.items():
            if is_wrong(type_, condition, registry):
                raise _refused(type_, criteria, f"'{condition.parameter.code}' {why}")
    return query.conditions


def _is_added(type_: str, condition: Condition, registry: Registry) -> bool:
    shipped = registry.library.shipped(type_).get(condition.parameter.code)
    # Several strings that look at the same elements are found by one of them.
    return shipped is None or registry.parameter(type_, shipped.code) != condition.parameter


def _is_special(_type: str, condition: Condition, _registry: Registry) -> bool:
    return condition.parameter.type == "special" or condition.parameter.code in _SPECIAL


def _is_of_terminology(_type: str, condition: Condition, _registry: Registry) -> bool:
    return condition.parameter.type == "token" and condition.modifier in _OF_TERMINOLOGY


def _is_about(_type: str, condition: Condition, _registry: Registry) -> bool:
    dated = condition.parameter.type == "date" and condition.modifier is None
    approximate = dated and any(Value.parse(text).prefix == "ap" for text in condition.values)
    return approximate or any(text.startswith("ap") for text in condition.values if _is_measured(condition))


def _is_measured(condition: Condition) -> bool:
    return condition.parameter.type in ("number", "quantity") and condition.modifier is None


_REFUSALS: Mapping[Callable[[str, Condition, Registry], bool], str] = {
    _is_added: "was added while the server ran, and may be taken away again.",
    _is_special: "is decided by more than the elements of one resource.",
    _is_of_terminology: "would mean something else whenever a value set changes: name the codes.",
    _is_about: "is about right, and a right is exact.",
}


def _refused(type_: str, criteria: str, why: str) -> Invalid:
    return Invalid(f"'{criteria}' cannot narrow what may be seen of {type_}: {why}")
