"""Codes by what is known of them.

https://hl7.org/fhir/R4/codesystem-operation-find-matches.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

from server.fhir import Json
from server.fhir.issue import Invalid, TooCostly
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.operation.terminology import answered, code_system
from server.record.record import Record
from server.terminology.find_matches import Match
from server.terminology.find_matches import find_matches as found
from server.terminology.provider import Filter, System, written

MOST = 50
"""Properties that codes are found by."""

_Given = Mapping[str, tuple[Any, ...]]


@implements("CodeSystem-find-matches")
def find_matches(call: Call, record: Record) -> Result:
    """Codes are found as they are, never composed."""
    given = call.every("property")
    if not given:
        raise Invalid("$find-matches needs a property to find codes by.")
    if len(given) > MOST:
        raise TooCostly(f"$find-matches takes {MOST} properties at most, and was given {len(given)}.")
    with answered():
        system = code_system(call, record, call.one("system"))
        matches = found(system, [*map(_filter, given)], exact=call.one("exact"))
    return Result({"match": [_told(system, match, given) for match in matches]})


def _filter(given: _Given) -> Filter:
    if "subproperty" in given:
        raise Invalid("No code system here has properties inside of properties.")
    if "value" not in given:
        return Filter(given["code"][0], "exists", "true")
    (value,) = given["value"][0].values()
    return Filter(given["code"][0], "=", written(value))


def _told(system: System, match: Match, given: Sequence[_Given]) -> Json:
    concept = match.concept
    coding = {
        "system": system.url,
        "version": system.version,
        "code": concept.code,
        "display": concept.display,
    }
    told: Json = {"code": {name: value for name, value in coding.items() if value is not None}}
    if match.unmatched:
        told["unmatched"] = [_unmatched(given[at]) for at in match.unmatched]
        told["comment"] = f"It has {len(given) - len(match.unmatched)} of the {len(given)} properties."
    return told


def _unmatched(given: _Given) -> Json:
    return {name: values[0] for name, values in given.items()}
