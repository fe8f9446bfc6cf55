"""What references mean: organizations, workers and places, as far as the reader may read them."""

from collections.abc import Iterable

from server.access import redact
from server.child.chronology import entry as entries
from server.child.chronology import wording
from server.child.chronology.entry import Entry
from server.fhir import json
from server.record.event import entry as line
from server.record.record import Record
from server.search import everything
from server.search.everything import Views


def names(record: Record, shown: Iterable[Entry], said: str) -> wording.Names:
    """Of organizations, workers and places, as far as the reader may read them."""
    found = {text for each in shown for text in entries.references(each.resource)}
    return named(record, found, said)


def named(record: Record, references: Iterable[str], said: str) -> dict[str, str]:
    """The names of those that belong to no child, by reference."""
    resources = belonging_to_no_child(record, references, said)
    return {text: name for text, each in resources.items() if (name := wording.name_of(each))}


def belonging_to_no_child(
    record: Record, references: Iterable[str], said: str
) -> dict[str, dict[str, object]]:
    """What references lead to, as it is shown, where that is about no child."""
    places = {}
    for text in references:
        type_, _, id_ = text.removeprefix(f"{record.door.base_url}/").partition("/")
        if type_ in _NAMED and id_:
            places[text] = (type_, id_.partition("/")[0])
    types = sorted({type_ for type_, _ in places.values() if record.access.may(type_, "r")})
    views = Views(tuple((record.access.view(each, "r"), False) for each in types))
    if not views.of:
        return {}
    number = record.door.library.type_number("Patient")
    told = line(record.access, record.at, "include", number, query=said)
    wanted = list(dict.fromkeys(place for place in places.values() if place[0] in types))
    found = everything.referred(record.connection, views, wanted, told)
    known = {(row.type, row.id): json.decode(redact.shown(row).body.encode()) for row in found}
    return {text: known[place] for text, place in places.items() if place in known}


_NAMED = ("Organization", "Practitioner", "PractitionerRole", "Location", "HealthcareService")
