"""SMART scopes, version 1 and 2: what a token may ask for.

https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl

CRUDS = "cruds"
_VERSION_1 = {"read": "rs", "write": "cud", "*": "cruds"}
_SCOPE = re.compile(r"(patient|user|system)/(\*|[A-Z][A-Za-z]+)\.(read|write|\*|c?r?u?d?s?)(?:\?(.+))?")


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


def parse(text: str) -> Scope | None:
    """One scope, or None if it is not one of SMART's resource scopes."""
    match = _SCOPE.fullmatch(text)
    if match is None or not match[3]:
        return None
    return Scope(match[1], match[2], _VERSION_1.get(match[3], match[3]), match[4] or "")


def granted(requested: Iterable[Scope], registered: Iterable[Scope]) -> tuple[Scope, ...]:
    """What of the requested is registered: the overlap of each pair, criteria of both."""
    held = tuple(registered)
    overlaps = (_overlap(wanted, scope) for wanted in requested for scope in held)
    return tuple(dict.fromkeys(scope for scope in overlaps if scope is not None))


def _overlap(left: Scope, right: Scope) -> Scope | None:
    interactions = "".join(
        letter for letter in CRUDS if letter in left.interactions and letter in right.interactions
    )
    if left.level != right.level or not interactions:
        return None
    if left.type != right.type and "*" not in (left.type, right.type):
        return None
    type_ = right.type if left.type == "*" else left.type
    queries = dict.fromkeys(query for query in (left.query, right.query) if query)
    return Scope(left.level, type_, interactions, "&".join(queries))
