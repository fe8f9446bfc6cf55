"""Filters on a code system in tables, as sets of the numbers of its concepts.

https://hl7.org/fhir/R4/valueset-filter-operator.html
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from server.terminology import ecl
from server.terminology.provider import CannotTell, Filter

SNOMED_CT = "http://snomed.info/sct"

_IDENTITY = frozenset({"code", "concept"})
_LONGEST_PATTERN = 200


class Asked(ecl.Asked, Protocol):
    """What a filter asks of a code system in tables."""

    @property
    def url(self) -> str: ...

    def groups_like(self, property: str, pattern: str) -> Sequence[Sequence[int]]: ...

    def like(self, column: str, pattern: str) -> Sequence[int]: ...


def numbers(system: Asked, wanted: Filter) -> set[int]:
    """The concepts that fit.

    Raises:
        CannotTell: the code system cannot be filtered so.
    """
    if system.url == SNOMED_CT and (found := _snomed_ct(system, wanted)) is not None:
        return found
    if wanted.op not in _OPERATORS:
        raise CannotTell(
            f"The code system '{system.url}' is not filtered by '{wanted.property} {wanted.op}' here."
        )
    return _OPERATORS[wanted.op](system, wanted.property, wanted.value)


def _snomed_ct(system: Asked, wanted: Filter) -> set[int] | None:
    """What only SNOMED CT has: https://hl7.org/fhir/R4/snomedct.html#filters; None: nothing of that."""
    match wanted.property, wanted.op:
        case "constraint", "=":
            return ecl.numbers(system, wanted.value)
        case "concept", "in":
            return set(system.members("memberOf", wanted.value))
        case "expressions", "=":
            # Only concepts are listed; expressions made of them are no codes of ours.
            return system.every()
    return None


def _equal(system: Asked, property: str, value: str) -> set[int]:
    return _one_of(system, property, (value,))


def _one_of(system: Asked, property: str, values: Iterable[str]) -> set[int]:
    if property in _IDENTITY:
        return system.numbers(values)
    found: set[int] = set()
    for each in values:
        found.update(system.members(property, each))
    return found


def _several(text: str) -> list[str]:
    return [each.strip() for each in text.split(",")]


def _with_any(system: Asked, property: str) -> set[int]:
    if property in _IDENTITY:
        return system.every()
    return {number for _, members in system.groups(property) for number in members}


def _exists(system: Asked, property: str, value: str) -> set[int]:
    found = _with_any(system, property)
    return found if value == "true" else system.every() - found


def _regex(system: Asked, property: str, pattern: str) -> set[int]:
    if len(pattern) > _LONGEST_PATTERN:
        raise CannotTell("The filter's regular expression is too long.", "too-costly")
    if property in _IDENTITY or property == "display":
        return set(system.like("display" if property == "display" else "code", pattern))
    return {number for members in system.groups_like(property, pattern) for number in members}


def _leaves(system: Asked, _: str, code: str) -> set[int]:
    below = ecl.below(system, code)
    with_children = system.numbers(system.values("parent"))
    return below - with_children


_OPERATORS: Mapping[str, Callable[[Asked, str, str], set[int]]] = {
    "=": _equal,
    "in": lambda system, property, value: _one_of(system, property, _several(value)),
    "not-in": lambda system, property, value: system.every() - _one_of(system, property, _several(value)),
    "exists": _exists,
    "regex": _regex,
    "is-a": lambda system, _, code: ecl.at_or_below(system, code),
    "descendent-of": lambda system, _, code: ecl.below(system, code),
    "is-not-a": lambda system, _, code: system.every() - ecl.at_or_below(system, code),
    "generalizes": lambda system, _, code: ecl.above(system, code) | ecl.itself(system, code),
    "child-of": lambda system, _, code: set(system.members("parent", code)),
    "descendent-leaf": _leaves,
}
