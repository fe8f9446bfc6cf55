"""References: what a resource points at, by id, by type and id, by url or by identifier.

https://hl7.org/fhir/R4/search.html#reference

A reference to a version is one to the resource; a reference into this server is the same relative or
absolute. A canonical that has a version is found with it and without.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, FromClause

from server.fhir import Json
from server.fhir.issue import Invalid
from server.fhir.reference import parse
from server.search.element import element_types, targets
from server.search.escape import unescape
from server.search.facet import facet
from server.search.hash import form
from server.search.types import (
    Asked,
    Bind,
    Condition,
    Context,
    Element,
    Index,
    Place,
    Plan,
    SearchParamType,
    Shape,
    missing,
    unless,
)
from server.search.types.token import Value, holds, present


class Reference(SearchParamType):
    """The name of a target type is a modifier too: `subject:Patient=1`."""

    modifiers = frozenset({"identifier"})

    def index(self, elements: Sequence[Element], plan: Plan, index: Index) -> None:
        keys = []
        for element, type_ in elements:
            key, local = _key(element, type_, plan.base_url)
            keys.append(key)
            if key:
                _add(key, local, plan, index)
            if type_ == "Reference" and "identifier" in element:
                index.tokens += (plan.token(f":identifier {each}") for each in _forms(element["identifier"]))
        index.sort(plan.code, keys)

    def check(self, type_: str, condition: Condition) -> None:
        name, modifier = condition.parameter.code, condition.modifier
        if modifier == "identifier":
            for text in condition.values:
                Value.parse(text)
        elif modifier is not None and modifier not in targets(type_, condition.parameter):
            raise Invalid(f"'{name}' of {type_} never points at a '{modifier}'.")

    def ask(self, condition: Condition, context: Context) -> Asked:
        if asked := missing(condition):
            return asked
        hashes = [context.token(condition, each) for each in _asked(condition, context)]
        return Asked(("carries", len(hashes) == 1), (hashes,))

    def clause(
        self, row: FromClause, place: Place, shape: Shape, values: Sequence[Bind]
    ) -> ColumnElement[bool]:
        match shape:
            case "missing", wanted:
                return unless(wanted, present(row, place))
            case _, single:
                return holds(row, values[0], single=single)
        raise AssertionError(shape)

    def facets(self, condition: Condition, context: Context) -> tuple[int, ...] | None:
        kept = facet(context.type, condition.parameter)
        if condition.modifier in ("identifier", "missing"):
            return None
        asked = _asked(condition, context)
        if not all(parse(each).local and kept.lists(each) for each in asked):
            return None
        return tuple(context.token(condition, each) for each in asked)


def localised(text: str, base_url: str) -> str | None:
    """What a reference is known by: `Type/id` if it is ours, else the url; None if it stays inside."""
    return _known(text, base_url)[0] or None


def relative(text: str, condition: Condition, context: Context) -> tuple[str, ...]:
    """The references that a value may mean: several if it is an id, and the type is open."""
    if "/" in text or ":" in text:
        return (localised(text, context.base_url) or text,)
    types = (condition.modifier,) if condition.modifier else targets(context.type, condition.parameter)
    whole = () if element_types(context.type, condition.parameter) == {"Reference"} else (text,)
    return (*whole, *(f"{type_}/{text}" for type_ in types))


def _asked(condition: Condition, context: Context) -> list[str]:
    if condition.modifier == "identifier":
        return [f":identifier {Value.parse(text).form}" for text in condition.values]
    found = (each for text in condition.values for each in relative(unescape(text), condition, context))
    return list(dict.fromkeys(each for each in found if condition.modifier in (None, parse(each).type)))


def _key(element: Any, type_: str, base_url: str) -> tuple[str, bool]:
    if type_ == "Reference":
        text = element.get("reference")
        return _known(text, base_url) if text else ("", False)
    if isinstance(element, str):
        return _known(element, base_url) if "/" in element else (element, False)
    # A resource inside a Bundle stands for a reference to it.
    return (f"{element['resourceType']}/{element['id']}", True) if "id" in element else ("", False)


@lru_cache(maxsize=16_384)
def _known(text: str, base_url: str) -> tuple[str, bool]:
    """What a reference is known by ("": it stays inside), and whether that is ours."""
    reference = parse(text)
    if reference.id is None:
        return (text if reference.url else ""), False
    if reference.base in ("", base_url):
        return f"{reference.type}/{reference.id}", True
    return reference.url.removesuffix(f"/_history/{reference.version}"), False


def _add(key: str, local: bool, plan: Plan, index: Index) -> None:
    hash_ = plan.token(key)
    index.tokens.append(hash_)
    if local:
        if plan.facet.lists(key):
            index.facets.append(hash_)
            index.listed.add((plan.code, key))
        if plan.child and index.child_reference is None and key.startswith("Patient/"):
            index.child_reference = key
    elif "|" in key:
        index.tokens.append(plan.token(key.partition("|")[0]))


def _forms(identifier: Json) -> Iterator[str]:
    """As a token: `s|v`, `|v` and `v`, and `s|` for any of the system."""
    system, value = identifier.get("system"), identifier.get("value")
    if value:
        yield from (form(None, value), form(system or "", value))
        if system:
            yield form(system, "")
