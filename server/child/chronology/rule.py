"""What sort of event a resource tells of, how much it weighs and how it is called.

The rules are data, `profiles/chronology.json`.

It is asked of a resource as its reader is shown it: what the reader may not see classes nothing.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal

import msgspec

from server.child.kind import kinds, profiles
from server.child.kind import rules as classes
from server.definition.folder import profiles as folder
from server.definition.library import library
from server.fhir import Json
from server.settings import CannotStart

OURS = "https://w3id.org/single-child-record/StructureDefinition/"
_ANY = "*"

Significance = Literal["major", "notable", "routine"]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of resources of a profile of ours, or of a type. `when`: one of the codes of `named`. `begin`,
    `end`: the words of when it happened or began, and of when it was over; without `end` that is no event."""

    of: str
    kind: str
    significance: Significance
    begin: str = ""
    end: str = ""
    named: str = ""
    when: str = ""


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The file. `gap`: days of which nothing is known that are worth a line. `summary`: the profile of which
    a week is one line; `marks`: which groups of its codes are worth more than the rest. `dates`: where to
    look for when it happened. `details`: what else is told, with its heading; `ending`: extensions that
    tell of the end."""

    gap: int
    summary: str
    marks: dict[str, Significance]
    left_out: list[str]
    unless_asked: list[str]
    dates: list[str]
    details: dict[str, str]
    ending: list[str]
    rules: list[Rule]


@cache
def rules() -> Rules:
    """The file, if all it names is there.

    Raises:
        CannotStart: it names a profile or a type that there is not.
    """
    found = msgspec.json.decode((folder() / "chronology.json").read_bytes(), type=Rules)
    known = {url.removeprefix(OURS) for url in kinds()} | set(library().resource_types) | {_ANY}
    unknown = (
        {each.of for each in found.rules} | {found.summary} | set(found.left_out) - {"Parameters", "Bundle"}
    )
    if unknown := unknown - known:
        raise CannotStart(f"profiles/chronology.json names what there is not: {sorted(unknown)}.")
    return found


def of(resource: Json) -> Rule:
    """The rule for a resource, as it is shown."""
    names = (*(url.removeprefix(OURS) for url in profiles(resource)), resource["resourceType"], _ANY)
    for name in names:
        for rule in _by_name().get(name, ()):
            if not rule.when or rule.when in _codes(resource.get(rule.named)):
                return rule
    raise AssertionError


def is_summarised(resource: Json) -> bool:
    """Whether a week of these is one line."""
    return OURS + rules().summary in profiles(resource)


@cache
def endings() -> frozenset[str]:
    """The types of which the end of some is an event."""
    types = {url.removeprefix(OURS): kind.type for url, kind in kinds().items()}
    return frozenset(types.get(rule.of, rule.of) for rule in rules().rules if rule.end)


@cache
def kinds_of_type(type_: str) -> Mapping[int, frozenset[str]]:
    """By class of a resource of the type (0: none of ours) which kinds of event it may be."""
    named = {kind.number: url.removeprefix(OURS) for url, kind in kinds().items() if kind.type == type_}
    plain = frozenset(rule.kind for rule in _by_name().get(type_, _by_name()[_ANY]))
    ours = {
        number: frozenset(rule.kind for rule in _by_name().get(name, ())) or plain
        for number, name in named.items()
    }
    return {0: plain, **ours}


@cache
def significances_of_type(type_: str) -> Mapping[int, frozenset[str]]:
    """The same, of what it may weigh."""
    named = {kind.number: url.removeprefix(OURS) for url, kind in kinds().items() if kind.type == type_}
    plain = frozenset(rule.significance for rule in _by_name().get(type_, _by_name()[_ANY]))
    ours = {
        number: frozenset(rule.significance for rule in _by_name().get(name, ())) or plain
        for number, name in named.items()
    }
    return {0: plain, **ours}


@cache
def classed_by(type_: str) -> frozenset[str]:
    """The properties by which resources of a type are told to be of a profile of ours."""
    asked = (each.asked for each in classes() if each.type == type_)
    return frozenset(name for name, _ in filter(None, asked))


@cache
def _by_name() -> Mapping[str, tuple[Rule, ...]]:
    found: dict[str, tuple[Rule, ...]] = {}
    for rule in rules().rules:
        found[rule.of] = (*found.get(rule.of, ()), rule)
    return found


def _codes(value: Any) -> Iterator[str]:
    """Those of a CodeableConcept, or of several."""
    for concept in value if isinstance(value, list) else (value,):
        for coding in concept.get("coding", ()) if isinstance(concept, dict) else ():
            if isinstance(coding, dict) and "code" in coding:
                yield str(coding["code"])
