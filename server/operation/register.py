"""The register of a session, sent by a school."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from server.child.attendance import register
from server.child.attendance.entry import Entry
from server.child.attendance.register import OUTCOMES, Line
from server.fhir import Json, json
from server.fhir.exchange import FhirResponse
from server.fhir.issue import Invalid
from server.fhir.reference import parse
from server.operation.call import Call
from server.operation.registry import implements
from server.record.record import Record
from server.search.types.reference import localised

_WHOLE_DAY = len("2025-09-08")


@implements("Observation-register")
def taken(call: Call, record: Record) -> FhirResponse:
    """Written as one, or refused."""
    school = call.one("school")
    if school is not None and "reference" not in school:
        raise Invalid("'school' refers to the Organization whose register it is.")
    of = register.session(record, school and school["reference"], _day(call), call.one("session"))
    places = [at for at, each in enumerate(_sent(call)) if each.get("name") == "mark"]
    default = call.one("reason")
    entries = [
        _entry(at, given, default, record.door.base_url)
        for at, given in zip(places, call.every("mark"), strict=True)
    ]
    lines = register.take(record, of, entries, partial=call.one("partial") is True, who=call.one("recorder"))
    record.flush()
    return FhirResponse(200, json.encode(_answer(lines)))


def _sent(call: Call) -> list[Json]:
    sent: list[Json] = (call.request.content or {}).get("parameter", [])
    return sent


def _day(call: Call) -> date:
    text = call.one("date")
    if len(text) != _WHOLE_DAY:
        raise Invalid("'date' is a day.")
    return date.fromisoformat(text)


def _entry(at: int, given: Mapping[str, tuple[Any, ...]], reason: str | None, base_url: str) -> Entry:
    def one(name: str) -> Any:
        return next(iter(given.get(name, ())), None)

    where = f"Parameters.parameter[{at}]"
    child, identifier = one("child"), one("identifier")
    if child is None and identifier is None:
        raise Invalid("A mark has a 'child' or an 'identifier'.", expression=where)
    return Entry(
        at,
        _id(child, base_url, where) if child is not None else None,
        _identifier(identifier, where) if identifier is not None else None,
        one("code"),
        one("minutes-late"),
        one("note"),
        one("reason") or reason,
    )


def _id(reference: Json, base_url: str, where: str) -> str:
    target = parse(localised(reference.get("reference", ""), base_url) or "")
    if not (target.local and target.type == "Patient" and target.id):
        raise Invalid("'child' refers to a Patient of this server.", expression=where)
    return target.id


def _identifier(identifier: Json, where: str) -> tuple[str, str]:
    system, value = identifier.get("system"), identifier.get("value")
    if not (system and value):
        raise Invalid("'identifier' has a system and a value.", expression=where)
    return system, value


def _answer(lines: Iterable[Line]) -> Json:
    told = list(lines)
    often = Counter(line.outcome for line in told)
    counts = ({"name": each, "valueUnsignedInt": often[each]} for each in OUTCOMES)
    return {"resourceType": "Parameters", "parameter": [*counts, *map(_told, told)]}


def _told(line: Line) -> Json:
    made = line.made
    return {
        "name": "mark",
        "part": [
            *([_reference("child", f"Patient/{line.child}")] if line.child and line.root else []),
            {"name": "outcome", "valueCode": line.outcome},
            *([_reference("observation", f"{made.type}/{made.id}/_history/{made.version}")] if made else []),
            *({"name": "problem", "valueString": text} for text in line.problems),
        ],
    }


def _reference(name: str, to: str) -> Json:
    return {"name": name, "valueReference": {"reference": to}}
