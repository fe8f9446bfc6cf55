"""Where what is said of a resource comes from: its versions, who wrote each, and the Provenances of them.

Each is asked for as the caller would ask: a version, a Provenance, an AuditEvent that it may not see says
nothing here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from server.access import redact
from server.access.agency import Agency
from server.fhir import Json, json
from server.fhir.issue import FhirError, Forbidden
from server.fhir.reference import parse as referred
from server.record import history
from server.record.auditevent.reader import Reader
from server.record.auditevent.resource import TYPE as AUDIT_EVENT
from server.record.said import Version, Writer
from server.search.hidden import WITHHELD
from server.search.query import Query
from server.search.query import parse as asked
from server.store import sources
from server.store.history import Span
from server.store.row import Entry, Stored

if TYPE_CHECKING:
    from server.record.record import Record

MOST = 1000
"""Versions that an answer is made of: the newest."""

_PAGE = 200
_PROVENANCES = 500
_PATIENT, _PROVENANCE = "Patient", "Provenance"
_REPLACED_BY, _REPLACES = "replaced-by", "replaces"
_CREATE, _UPDATE = "create", "update"


@dataclass(frozen=True, slots=True)
class Past:
    """`versions` in their order; `beside`: those of the Patients that were merged into this one."""

    versions: Sequence[Version]
    beside: Sequence[Version]


def past(record: "Record", type_: str, id_: str, quiet: frozenset[str]) -> Past:
    """What is known of how a resource came to say what it says. `quiet`: kinds of agencies of which only
    those are told who may see the AuditEvent.

    Raises:
        NotFound, Gone, Forbidden: as a read, and a history.
    """
    present = record.read(type_, id_)
    own = _versions(record, present, quiet)
    merged = _merged(record, present) if type_ == _PATIENT else ()
    beside = [version for each in merged for version in _versions(record, each, quiet)]
    return Past(own, beside)


def _merged(record: "Record", present: Stored) -> Iterator[Stored]:
    """The Patients that this one replaces and that say so too, and those that they replace."""
    seen, waiting = {present.id}, [present]
    while waiting:
        one = waiting.pop()
        for id_ in _linked(one, _REPLACES) - seen:
            seen.add(id_)
            try:
                other = record.read(_PATIENT, id_)
            except FhirError:
                continue
            if one.id in _linked(other, _REPLACED_BY):
                waiting.append(other)
                yield other


def _linked(patient: Stored, type_: str) -> set[str]:
    links = json.decode(patient.body.encode()).get("link", ())
    to = (referred(each.get("other", {}).get("reference", "")) for each in links if each.get("type") == type_)
    return {each.id for each in to if each.local and each.type == _PATIENT and each.id}


def _versions(record: "Record", present: Stored, quiet: frozenset[str]) -> list[Version]:
    rows = sorted(_rows(record, present), key=lambda row: row.version)
    number = record.door.library.type_number(present.type)
    children = {present.rid, *(row.child for row in rows)}
    lines = sources.writes(record.connection, number, present.rid, children)
    ours = sources.regroupings(record.connection, children)
    by = {line.at: line for line in lines}
    seen = _seen(record, lines)
    why = _provenances(record, present, rows)
    tells = _Telling(record, present, quiet, seen)
    made = []
    for before, row in zip([None, *rows], rows, strict=False):
        reasons = why.get(row.version, [])
        writer = tells.writer(by.get(row.last_updated), reasons)
        if row.last_updated in ours:
            writer = replace(writer, whole=False)
        made.append(_version(row, before, writer, reasons))
    return made


def _rows(record: "Record", present: Stored) -> Iterator[Stored]:
    """The versions that the caller may see, the newest first."""
    after, many = None, 0
    while many < MOST:
        page, after = history.of_one(record, present.type, present.id, Span(), _PAGE, after)
        yield from page
        many += len(page)
        if after is None:
            return


def _follows(row: Stored, before: Stored | None) -> Callable[[str], bool]:
    """Whether all is known of what a property said before a version."""
    if row.version == 1:
        return lambda _: True
    if before is None or before.version != row.version - 1:
        return lambda _: False
    return lambda name: before.deleted or redact.tells_all_of(before, name)


def _version(row: Stored, before: Stored | None, writer: Writer, reasons: Sequence[Json]) -> Version:
    content = None if row.deleted else json.decode(row.body.encode())
    name = f"{row.type}/{row.id}/_history/{row.version}"
    provenance = tuple(f"{_PROVENANCE}/{each['id']}" for each in reasons)
    return Version(name, row.last_updated, content, writer, _follows(row, before), provenance)


# ---- who wrote a version -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Telling:
    """What the caller may be told of who wrote. `seen`: the lines of the audit that it may see."""

    record: "Record"
    present: Stored
    quiet: frozenset[str]
    seen: frozenset[str]

    def writer(self, line: Entry | None, reasons: Sequence[Json]) -> Writer:
        people = tuple(dict.fromkeys(name for each in reasons for name in _agents(each)))
        if line is None:
            return Writer(None, people, whole=False)
        whole = line.interaction in (_CREATE, _UPDATE)
        own = self._is_own(line)
        if own or line.id in self.seen:
            person = (line.person,) if line.person else ()
            return Writer(line.agency, tuple(dict.fromkeys((*person, *people))), whole)
        # Which school or service has written is where the child is known.
        hidden = self.present.withheld & WITHHELD or self._kind(line.agency) in self.quiet
        return Writer(None if hidden else line.agency, people, whole)

    def _is_own(self, line: Entry) -> bool:
        access = self.record.access
        is_worker = access.user is None or not access.user.is_family
        return is_worker and line.agency == access.agency.number

    def _kind(self, number: int) -> str | None:
        found = agency(self.record, number)
        return found.kind if found else None


def agency(record: "Record", number: int | None) -> Agency | None:
    """The agency of a number."""
    return next((each for each in record.door.agencies.values() if each.number == number), None)


def _seen(record: "Record", lines: Sequence[Entry]) -> frozenset[str]:
    """Those of the lines that the caller may see as AuditEvents."""
    try:
        view = record.access.view(AUDIT_EVENT, "s")
    except Forbidden:
        return frozenset()
    return frozenset(row.id for row in Reader(record, view).seen(lines))


# ---- Provenance --------------------------------------------------------------------------------------------


def _provenances(record: "Record", present: Stored, rows: Sequence[Stored]) -> Mapping[int, list[Json]]:
    """By version, the Provenances of it; one that names no version is of the one there was."""
    found: dict[int, list[Json]] = {}
    if not record.access.may(_PROVENANCE, "s"):
        return found
    target = f"{present.type}/{present.id}"
    for row in record.search(_query(record, target), count=_PROVENANCES, said=f"target={target}").rows:
        provenance = json.decode(row.body.encode())
        for each in dict.fromkeys(_targets(provenance, target, row, rows)):
            found.setdefault(each, []).append(provenance)
    return found


def _query(record: "Record", target: str) -> Query:
    return asked(_PROVENANCE, [("target", target)], record.door.registry, strict=True)


def _targets(provenance: Json, target: str, row: Stored, rows: Sequence[Stored]) -> Iterator[int]:
    for each in provenance.get("target", ()):
        reference = referred(each.get("reference", ""))
        if f"{reference.type}/{reference.id}" != target:
            continue
        if reference.version and reference.version.isdigit():
            yield int(reference.version)
        elif not reference.version:
            yield max((one.version for one in rows if one.last_updated <= row.last_updated), default=0)


def _agents(provenance: Json) -> Iterable[str]:
    for agent in provenance.get("agent", ()):
        who = agent.get("who", {})
        if name := who.get("reference") or who.get("display"):
            yield name
