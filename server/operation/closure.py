"""A closure table kept up for a client, which tells its codes as they come up.

https://hl7.org/fhir/R4/conceptmap-operation-closure.html
"""

from collections.abc import Iterable, Sequence

from server.fhir import Json
from server.fhir.issue import Invalid, NotFound, TooCostly
from server.fhir.json import shown
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.operation.terminology import answered, coded_as
from server.record.record import Record
from server.store import closure as store
from server.store.closure import Named
from server.terminology import systems
from server.terminology.closure import Pair, concept_map, pairs
from server.terminology.provider import CannotTell

MOST_AT_ONCE = 1_000
MOST = 10_000
"""Codes of one table."""

LONGEST = 255
"""Characters of its name, and of a code in it."""


@implements("ConceptMap-closure")
def closure(call: Call, record: Record) -> Result:
    """Without codes it begins anew; with codes it grows; with a version it tells what came after."""
    name, since, told = call.one("name"), call.one("version"), call.every("concept")
    if len(name) > LONGEST:
        raise Invalid(f"The name of a closure table has {LONGEST} characters at most.")
    if since is not None and told:
        raise Invalid("$closure takes codes to add, or a version to begin from, and not both.")
    if since is None and not told:
        store.begin(record.connection, record.access.owner, name)
        return Result({"return": concept_map(name, 0, ())})
    reached = store.version(record.connection, record.access.owner, name)
    if reached is None:
        raise NotFound(
            f"There is no closure table '{shown(name)}': it begins with $closure and its name alone."
        )
    held = store.codes(record.connection, record.access.owner, name)
    with answered():
        if since is not None:
            return Result({"return": concept_map(name, reached, _after(held, _version(since)))})
        return Result({"return": _added(record, name, reached, held, told)})


def _version(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid(f"'version' is a version that $closure answered with, and was given '{shown(text)}'.")
    return int(text)


def _after(held: Sequence[Named], since: int) -> Iterable[Pair]:
    new = [(each.system, each.code) for each in held if each.since > since]
    return pairs(new, [(each.system, each.code) for each in held if each.since <= since])


def _added(record: Record, name: str, reached: int, held: Sequence[Named], told: Sequence[Json]) -> Json:
    known = [(each.system, each.code) for each in held]
    new = [each for each in dict.fromkeys(map(_existing, told)) if each not in set(known)]
    if len(told) > MOST_AT_ONCE or len(new) + len(known) > MOST:
        raise TooCostly(f"$closure takes {MOST_AT_ONCE} codes at once, and {MOST} in one table.")
    version = reached + 1
    found = [*pairs(new, known)]
    added = (Named(system, code, version) for system, code in new)
    store.add(record.connection, record.access.owner, name, added, version)
    return concept_map(name, version, found)


def _existing(coding: Json) -> tuple[str, str]:
    one = coded_as(coding, "concept")
    if one.system is None:
        raise Invalid("$closure needs the system of each code.")
    if len(one.code) > LONGEST:
        raise Invalid(f"$closure takes codes of {LONGEST} characters at most.")
    if systems.known(one.system).find(one.code) is None:
        raise CannotTell(
            f"The code '{shown(one.code)}' does not exist in the code system '{one.system}'.", "not-found"
        )
    return one.system, one.code
