"""The codes of a value set.

https://hl7.org/fhir/R4/valueset-operation-expand.html
"""

from collections.abc import Iterable, Iterator, Mapping

from server import clock
from server.fhir import Json
from server.fhir.issue import Invalid
from server.fhir.meta import instant
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.operation.terminology import answered, day, value_set
from server.record.record import Record
from server.terminology.expand import Asked, Versions
from server.terminology.expand import expand as expanded

_SAID: Mapping[str, str] = {
    "filter": "valueString",
    "date": "valueDateTime",
    "offset": "valueInteger",
    "count": "valueInteger",
    "includeDesignations": "valueBoolean",
    "designation": "valueString",
    "includeDefinition": "valueBoolean",
    "activeOnly": "valueBoolean",
    "excludeNested": "valueBoolean",
    "excludeNotForUI": "valueBoolean",
    "excludePostCoordinated": "valueBoolean",
    "displayLanguage": "valueCode",
    "exclude-system": "valueUri",
    "system-version": "valueUri",
    "check-system-version": "valueUri",
    "force-system-version": "valueUri",
}
"""The parameters that change what is listed: the expansion repeats them."""


@implements("ValueSet-expand")
def expand(call: Call, record: Record) -> Result:
    """All of them, or a page."""
    asked, versions = _asked(call), _versions(call)
    with answered():
        among = value_set(call, record, versions.find() if versions else None)
        listed = expanded(among, asked, instant(record.at), f"urn:uuid:{clock.new_id()}")
    return Result({"return": listed})


def _asked(call: Call) -> Asked:
    for name in ("offset", "count"):
        if (call.one(name) or 0) < 0:
            raise Invalid(f"'{name}' is a number from 0 up, and was given '{call.one(name)}'.")
    paged = call.one("offset") is not None or call.one("count") is not None
    return Asked(
        text=call.one("filter"),
        at=day(call),
        offset=call.one("offset"),
        count=call.one("count"),
        designations=call.one("includeDesignations") is True or bool(call.every("designation")),
        designation=call.every("designation"),
        definition=call.one("includeDefinition") is True,
        active=call.one("activeOnly") is True,
        # A page of a tree would be cut out of its branches.
        nested=call.one("excludeNested") is False and not paged and call.one("filter") is None,
        without_abstract=call.one("excludeNotForUI") is True,
        language=call.one("displayLanguage"),
        without_systems=frozenset(each.partition("|")[0] for each in call.every("exclude-system")),
        said=tuple(_said(call)),
    )


def _said(call: Call) -> Iterator[Json]:
    for name, key in _SAID.items():
        yield from ({"name": name, key: value} for value in call.every(name))


def _versions(call: Call) -> Versions | None:
    names = ("system-version", "check-system-version", "force-system-version")
    if not any(map(call.every, names)):
        return None
    return Versions(*(_by_system(call.every(name)) for name in names))


def _by_system(canonicals: Iterable[str]) -> Mapping[str, str]:
    parted = (each.rpartition("|") for each in canonicals)
    return {url or version: version for url, _, version in parted}
