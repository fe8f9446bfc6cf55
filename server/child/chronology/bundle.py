"""A page of a chronology as a Bundle: the resources in order, each with what the chronology says of it.

What is no resource of its own (the end of one, the marks of a week, a gap) stands there as a Basic that is
made for the answer.
"""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from server import clock
from server.child.chronology.entry import EVENT, GAP, Entry
from server.child.chronology.page import Page
from server.child.chronology.rule import OURS
from server.fhir import Json, json
from server.fhir.meta import instant
from server.record.record import Record

EXTENSION = f"{OURS}chronology-entry"
_SYSTEM = OURS.replace("StructureDefinition/", "CodeSystem/")


def bundle(record: Record, page: Page, links: Iterable[tuple[str, str]]) -> Json:
    """The answer to $chronology."""
    known: set[str] = set()
    entries = [_entry(record, page, each, known) for each in page.entries]
    return {
        "resourceType": "Bundle",
        "id": clock.new_id(),
        "type": "searchset",
        "link": [{"relation": relation, "url": url} for relation, url in links],
        **({"entry": entries} if entries else {}),
    }


def _entry(record: Record, page: Page, made: Entry, known: set[str]) -> Json:
    row = made.row
    url = f"{record.door.base_url}/{row.type}/{row.id}" if row else ""
    whole = made.point == EVENT and row is not None and url not in known
    if whole:
        known.add(url)
    resource = _resource(page, made) if whole else _basic(page, made)
    name = f"{page.patient.id} {made.key} {made.point}"
    return {
        "extension": [{"url": EXTENSION, "extension": list(_said(made))}],
        "fullUrl": url if whole else f"urn:uuid:{uuid5(NAMESPACE_URL, name)}",
        "resource": resource,
        "search": {"mode": "include" if made.point == GAP else "match"},
    }


def _resource(page: Page, made: Entry) -> Json:
    assert made.row is not None
    return made.resource or json.decode(page.patient.body.encode())


def _basic(page: Page, made: Entry) -> Json:
    """What stands for an entry that is no resource."""
    return {
        "resourceType": "Basic",
        "code": {"coding": [{"system": f"{_SYSTEM}chronology-point", "code": made.point}]},
        "subject": {"reference": f"Patient/{page.patient.id}"},
    }


def _said(made: Entry) -> Iterator[Json]:
    yield _part("point", valueCode=made.point)
    yield _part("kind", valueCode=made.kind)
    yield _part("significance", valueCode=made.significance)
    yield _part("words", valueString=made.words)
    yield from (_part("detail", valueString=each) for each in made.details)
    yield from (_part(name, **value) for name, value in _once(made) if None not in value.values())
    yield from (_part("saidBy", valueString=each) for each in made.said_by)
    for mark in made.marks:
        yield _part("mark", valueReference={"reference": f"{mark.type}/{mark.id}"})
    for each in made.earlier:
        parts = [
            _part("recorded", valueInstant=instant(each.recorded)),
            _part("words", valueString=each.words),
        ]
        yield {"url": "earlier", "extension": parts}


def _once(made: Entry) -> Iterator[tuple[str, Json]]:
    """What is said once, if at all."""
    yield "began", {"valueDateTime": made.began}
    yield "ended", {"valueDateTime": made.ended}
    yield "recorded", {"valueInstant": instant(made.recorded) if made.recorded else None}
    yield "firstRecorded", {"valueInstant": instant(made.first) if made.first else None}
    yield "recordedBy", {"valueString": made.agency or None}
    yield "withheld", {"valueCode": made.withheld or None}
    yield "enteredInError", {"valueBoolean": made.in_error or None}
    if made.point != EVENT and made.rule is not None and made.row is not None:
        yield "of", {"valueReference": {"reference": f"{made.row.type}/{made.row.id}"}}


def _part(name: str, **value: Any) -> Json:
    return {"url": name, **value}
