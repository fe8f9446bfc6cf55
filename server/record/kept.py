"""What others said of a child, and a PUT does not mention: the domain says what becomes of it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from server.fhir import Json, json
from server.record.hook import Sayer
from server.record.judge import governing
from server.record.said import Timeline, Version, Writer, said
from server.store import history, sources
from server.store.row import Stored

if TYPE_CHECKING:
    from server.record.record import Record

CHILD = "https://w3id.org/single-child-record/StructureDefinition/Child"


def kept(made: Json, was: Stored, record: "Record") -> Json:
    """A Patient as it is to be kept; of a client that goes by R4 alone, as it was sent."""
    if was.type != "Patient":
        return made
    profiles = (*governing(made, record), *made.get("meta", {}).get("profile", ()))
    if CHILD not in profiles:
        return made
    agency = record.access.agency
    writer = Sayer(agency.number, agency.kind, record.at)
    before = json.decode(was.body.encode())
    return record.door.hooks.kept(before, made, writer, lambda: _sayers(record, was))


def _sayers(record: "Record", was: Stored) -> Mapping[bytes, Sayer]:
    """Whoever asks: it is a rule of the record's, and tells nobody anything."""
    number = record.door.library.type_number(was.type)
    rows = history.all_of(record.connection, was.type, number, was.id)
    children = {was.rid, *(row.child for row in rows)}
    by = {line.at: line for line in sources.writes(record.connection, number, was.rid, children)}
    kinds = {agency.number: agency.kind for agency in record.door.agencies.values()}
    versions = []
    for row in rows:
        line = by.get(row.last_updated)
        writer = Writer(line.agency, whole=line.interaction != "patch") if line else Writer(whole=False)
        content = None if row.deleted else json.decode(row.body.encode())
        versions.append(Version(str(row.version), row.last_updated, content, writer, lambda _: True))
    return {
        said(each.name, each.value): Sayer(first.agency, kinds.get(first.agency, ""), first.last.at)
        for each in Timeline(versions).elements()
        for first in each.said[:1]
        if first.agency is not None
    }
