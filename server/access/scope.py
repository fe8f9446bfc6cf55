"""SMART scopes, version 1 and 2: what a token may ask for.

https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl

CRUDS = "cruds"
PATIENT, USER, SYSTEM = LEVELS = ("patient", "user", "system")
ANY = "*"
ADMIN = "admin"
"""Stands in the place of a type for the administration of clients, agencies, accounts and grants. It is no
type: no wildcard means it."""

_VERSION_1 = {"read": "rs", "write": "cud", "*": "cruds"}
# What RFC 6749 lets a scope be made of, and nothing else: its appendix A.4.
_SCOPE = re.compile(
    r"(patient|user|system)/(\*|admin|[A-Z][A-Za-z]+)\.(read|write|\*|c?r?u?d?s?)(?:\?([!#-\[\]-~]+))?"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """`level/type.interactions?query`; `interactions` are letters of `cruds` in that order."""

    level: str
    type: str
    interactions: str
    query: str = ""

    def __str__(self) -> str:
        return f"{self.level}/{self.type}.{self.interactions}{'?' if self.query else ''}{self.query}"

    @property
    def criteria(self) -> tuple[tuple[str, str], ...]:
        """The search that narrows it."""
        return tuple(parse_qsl(self.query, keep_blank_values=True))

    def covers(self, other: "Scope") -> bool:
        """Whether it lets its holder do all that the other does."""
        return (
            self.level == other.level
            and _type_of_both(self.type, other.type) == other.type
            and set(other.interactions) <= set(self.interactions)
            and set(self.criteria) <= set(other.criteria)
        )


def parse(text: str) -> Scope | None:
    """One scope, or None if it is not one of SMART's resource scopes."""
    match = _SCOPE.fullmatch(text)
    if match is None or not match[3]:
        return None
    return Scope(match[1], match[2], _VERSION_1.get(match[3], match[3]), match[4] or "")


def granted(requested: Iterable[Scope], registered: Iterable[Scope]) -> tuple[Scope, ...]:
    """What of the requested is registered: of each what it has in common with any, criteria of both."""
    held = tuple(registered)
    return tuple(dict.fromkeys(common for wanted in requested for common in _in_common(wanted, held)))


def _in_common(wanted: Scope, held: Iterable[Scope]) -> Iterable[Scope]:
    """The overlaps; but for one that another says already."""
    overlaps = tuple(dict.fromkeys(found for each in held if (found := _overlap(wanted, each)) is not None))
    return (
        each
        for at, each in enumerate(overlaps)
        # Of two that say the same in other words the first is kept.
        if not any(
            other.covers(each) and (before < at or not each.covers(other))
            for before, other in enumerate(overlaps)
            if before != at
        )
    )


def _overlap(left: Scope, right: Scope) -> Scope | None:
    type_ = _type_of_both(left.type, right.type)
    interactions = "".join(
        letter for letter in CRUDS if letter in left.interactions and letter in right.interactions
    )
    if left.level != right.level or type_ is None or not interactions:
        return None
    return Scope(left.level, type_, interactions, _both(left, right))


def _type_of_both(left: str, right: str) -> str | None:
    if left == right:
        return left
    if ANY not in (left, right) or ADMIN in (left, right):
        return None
    return right if left == ANY else left


def _both(left: Scope, right: Scope) -> str:
    """The criteria of both, each once, as they were written."""
    written = {pair: text for each in (right, left) for pair, text in _written(each)}
    order = dict.fromkeys(pair for each in (left, right) for pair, _ in _written(each))
    return "&".join(written[pair] for pair in order)


def _written(scope: Scope) -> Iterable[tuple[tuple[str, str], str]]:
    parts = (part for part in scope.query.split("&") if part)
    return ((parse_qsl(part, keep_blank_values=True)[0], part) for part in parts)
