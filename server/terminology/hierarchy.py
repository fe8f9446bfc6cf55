"""What stands above and below a code in its code system.

https://hl7.org/fhir/R4/codesystem.html#hierachy
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from server.definition.codes import concepts, parents
from server.definition.library import library


def below(system: str, code: str) -> frozenset[str] | None:
    """The code and all that it subsumes; None if the system is not known, or has no such code."""
    above_of = _parents(system)
    return None if above_of is None or code not in above_of else _reached(code, _turned(above_of))


def above(system: str, code: str) -> frozenset[str] | None:
    """The code and all that subsume it; None if the system is not known, or has no such code."""
    above_of = _parents(system)
    return None if above_of is None or code not in above_of else _reached(code, above_of)


def _reached(code: str, steps: Mapping[str, Iterable[str]]) -> frozenset[str]:
    found, todo = {code}, [code]
    while todo:
        more = set(steps.get(todo.pop(), ())) - found
        found |= more
        todo += more
    return frozenset(found)


def _turned(steps: Mapping[str, Iterable[str]]) -> Mapping[str, list[str]]:
    turned: dict[str, list[str]] = {}
    for code, above_it in steps.items():
        for each in above_it:
            turned.setdefault(each, []).append(code)
    return turned


@lru_cache(maxsize=64)
def _parents(system: str) -> Mapping[str, frozenset[str]] | None:
    """Every code of a system with those right above it."""
    definition = library().resource("CodeSystem", system)
    if definition is None or definition.get("content") != "complete":
        return None
    right_above = parents(definition)
    return {each["code"]: frozenset(right_above.get(each["code"], ())) for each in concepts(definition)}
