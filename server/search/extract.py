"""What is stored beside a resource so that it can be found.

Every write pays for this, so it is worked out in advance which parameters can find anything at all in a
resource that has just these properties.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

from server.definition.added import Added, added
from server.definition.library import library
from server.definition.searchparameter import SearchParameter
from server.fhir import Json
from server.fhir.path import Path, compile
from server.search.element import indexed_as, properties
from server.search.hash import Hasher
from server.search.registry import kind
from server.search.types import Element, Index, Plan
from server.search.words import words

__all__ = ["Index", "extract"]

_Step = tuple[Path, Callable[[Sequence[Element], Plan, Index], None], Plan]


def extract(resource: Json, hasher: Hasher, base_url: str) -> Index:
    """Of a resource that has been found valid; `base_url` is the public one, without a slash at the end."""
    index = Index()
    outline, meta = tuple(resource), tuple(resource.get("meta", ()))
    for path, add, plan in _steps(resource["resourceType"], outline, meta, hasher, base_url, added()):
        elements = path(resource)
        if elements:
            add(elements, plan, index)
    if "contained" in resource:
        listed = {
            contains(hasher, resource["resourceType"], each["resourceType"]) for each in resource["contained"]
        }
        index.tokens += listed
        index.facets += listed
    index.words = " ".join((words(resource), *sorted(index.said))).strip()
    index.tokens = sorted(set(index.tokens))
    index.facets = sorted(set(index.facets))
    return index


def contains(hasher: Hasher, type_: str, contained: str) -> int:
    """What lists the resources of a type that contain one of another."""
    return hasher.token(type_, "contained", contained)


@lru_cache(maxsize=4096)
def _steps(
    type_: str, outline: tuple[str, ...], meta: tuple[str, ...], hasher: Hasher, base_url: str, those: Added
) -> tuple[_Step, ...]:
    """What is to be asked of a resource that has these properties, and these of its `meta`."""
    present = frozenset((*outline, *(f"meta.{name}" for name in meta)))
    parameters = those.beside(type_, library().shipped(type_))
    return tuple(
        _step(type_, parameter, hasher, base_url)
        for parameter in parameters.values()
        if _stored(type_, parameter) and _may_find(type_, parameter, present)
    )


@lru_cache(maxsize=4096)
def _step(type_: str, parameter: SearchParameter, hasher: Hasher, base_url: str) -> _Step:
    answer = kind(parameter)
    assert answer is not None
    path = compile(parameter.expression, type_, parameter.type_of)
    return path, answer.index, Plan.of(type_, parameter, hasher, base_url)


def _stored(type_: str, parameter: SearchParameter) -> bool:
    answer = kind(parameter)
    return answer is not None and answer.stored and indexed_as(type_, parameter) == parameter


def _may_find(type_: str, parameter: SearchParameter, present: frozenset[str]) -> bool:
    needed = properties(type_, parameter)
    return needed is None or not needed.isdisjoint(present)
