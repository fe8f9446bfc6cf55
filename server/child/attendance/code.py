"""The codes of the register: each with the letter that stands for it in the totals, and how it counts.

The letters are data, `profiles/attendance-code.json`: what is stored is read by them, so that a letter, once
given, is never used for another code. How a code counts is said by the code systems.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

import msgspec

from server.definition.codes import concepts
from server.definition.folder import profiles as folder
from server.definition.library import library
from server.fhir import Json

SESSIONS = ("am", "pm")
"""In the order of a day."""

_GROUPS = "https://w3id.org/single-child-record/CodeSystem/attendance-group"
_COUNTS = re.compile(r"numerator=(\w+);possible=(yes|no)")


class Code(NamedTuple):
    """A code of the register. `counts`: attended, authorised, unauthorised, or none; `possible`: whether the
    session was one at which the child could have been there; `since` and `until`: the days of its use."""

    letter: str
    system: str
    code: str
    display: str
    group: str
    counts: str
    possible: bool
    since: date | None = None
    until: date | None = None

    def in_use(self, day: date) -> bool:
        """Whether it could be used on a day."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


UNKNOWN = Code("?", "", "", "", "", "none", False)
"""A code that is of no register."""


class _Letter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    system: str
    code: str
    letter: str


def find(system: str | None, code: str | None) -> Code | None:
    """By what a coding says."""
    return _by_coding().get((system or "", code or ""))


def by_letter() -> Mapping[str, Code]:
    """By what the totals say."""
    known: dict[str, Code] | None = library().memo.get(by_letter)
    if known is None:
        known = library().memo[by_letter] = {each.letter: each for each in _by_coding().values()}
        known[UNKNOWN.letter] = UNKNOWN
    return known


def on(day: date, code: str) -> Code | None:
    """The code of that text that was in use on a day."""
    found = (each for each in _by_coding().values() if each.code == code and each.in_use(day))
    return next(found, None)


def _by_coding() -> Mapping[tuple[str, str], Code]:
    known: dict[tuple[str, str], Code] | None = library().memo.get(_by_coding)
    if known is None:
        listed = msgspec.json.decode((folder() / "attendance-code.json").read_bytes(), type=list[_Letter])
        counting = {each["code"]: _counting(each) for each in _concepts(_GROUPS).values()}
        known = library().memo[_by_coding] = {
            (each.system, each.code): _code(each, _concepts(each.system)[each.code], counting)
            for each in listed
        }
    return known


def _concepts(system: str) -> Mapping[str, Json]:
    definition = library().resource("CodeSystem", system)
    assert definition is not None, system
    return {each["code"]: each for each in concepts(definition)}


def _code(given: _Letter, concept: Json, counting: Mapping[str, tuple[str, bool]]) -> Code:
    group = str(_said(concept, "group"))
    counts, possible = counting[group]
    since, until = (_day(_said(concept, name)) for name in ("validFrom", "validTo"))
    return Code(
        given.letter, given.system, given.code, concept["display"], group, counts, possible, since, until
    )


def _counting(concept: Json) -> tuple[str, bool]:
    found = _COUNTS.fullmatch(str(_said(concept, "group")))
    assert found is not None, concept
    return found[1], found[2] == "yes"


def _said(concept: Json, name: str) -> object:
    for each in concept.get("property", ()):
        if each["code"] == name:
            return next(value for key, value in each.items() if key.startswith("value"))
    return None


def _day(text: object) -> date | None:
    return date.fromisoformat(str(text)[:10]) if text else None
