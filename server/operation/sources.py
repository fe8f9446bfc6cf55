"""Who said what is known of a child: each element with its agencies, its people and its times.

docs/operation/sources.md
"""

from collections.abc import Iterable, Iterator
from typing import Any

from server.child.disputed import sources as rule
from server.fhir import Json
from server.fhir.issue import Invalid
from server.fhir.json import shown
from server.fhir.meta import instant
from server.fhir.patch.difference import parameter
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.record.record import Record
from server.record.said import KEPT, Element, Statement, Timeline
from server.record.sources import agency, past

_TYPE = "Patient"


@implements("Patient-sources")
def sources(call: Call, record: Record) -> Result:
    """As the versions and the Provenances tell it that the caller may see."""
    assert call.id is not None
    wanted = _wanted(call, record)
    known = past(record, _TYPE, call.id, rule().quiet)
    timeline = Timeline(known.versions, known.beside)
    every = list(timeline.elements())
    first = _first_of_use(every)
    if call.one("former"):
        every += timeline.former()
    found = (_told(each, record, first) for each in every)
    return Result({"element": [part for name, part in found if not wanted or name in wanted]})


def _wanted(call: Call, record: Record) -> frozenset[str]:
    names = frozenset(call.every("element"))
    for name in names:
        if not record.door.library.children(_TYPE, name):
            raise Invalid(f"A Patient has no element '{shown(name)}'.")
    return names


def _told(element: Element, record: Record, first: frozenset[int]) -> tuple[str, Json]:
    name, value = parameter(_TYPE, element.name, element.value, record.door.library.children)
    [property_] = [p for p in record.door.library.children(_TYPE, name) if p.key == element.name]
    place = f"[{element.at}]" if property_.repeated and not element.ended else ""
    said: dict[str, Any] = {
        "path": f"{_TYPE}.{name}{place}",
        "value": value,
        "said": [_statement(each, record) for each in element.said],
        **_of_address(element, first),
    }
    if element.earlier:
        said["earlier"] = True
    if element.again:
        said["again"] = instant(element.again.at)
    if element.ended:
        said["until"] = instant(element.ended.at)
        said["ended"] = list(_agency(element.ended.writer.agency, record))
    return name, said


def _statement(each: Statement, record: Record) -> Json:
    return {
        "agency": list(_agency(each.agency, record)),
        "who": [_person(name) for name in each.who],
        "first": instant(each.first.at),
        "firstVersion": each.first.name,
        "last": instant(each.last.at),
        "lastVersion": each.last.name,
        "provenance": [{"reference": name} for name in each.provenance],
    }


def _agency(number: int | None, record: Record) -> Iterator[Json]:
    if found := agency(record, number):
        yield {"reference": found.organization, "display": found.name}


def _person(name: str) -> Json:
    return {"reference" if "/" in name else "display": name}


def _of_address(element: Element, first: frozenset[int]) -> dict[str, Any]:
    if element.name != "address" or element.ended:
        return {}
    marks = (each for each in element.value[0].get("extension", ()) if each.get("url") == KEPT)
    since = [each["valueInstant"] for each in marks]
    return {"shown": element.at in first, "kept": since}


def _first_of_use(every: Iterable[Element]) -> frozenset[int]:
    """The places of the addresses that stand first of those of their use."""
    found: dict[str, int] = {}
    for each in every:
        if each.name == "address":
            found.setdefault(each.value[0].get("use", ""), each.at)
    return frozenset(found.values())
