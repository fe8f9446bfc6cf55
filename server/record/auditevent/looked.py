"""Who looked at a child's record, for people: what one did on one day is one line."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from server.access.access import Access
from server.fhir import Json, json
from server.fhir.issue import Forbidden
from server.fhir.period import HOME
from server.record.auditevent.reader import Reader
from server.record.auditevent.resource import TYPE
from server.record.auditevent.vocabulary import OWN, act
from server.record.event import entry
from server.store import account, audit, resources
from server.store.account import Span
from server.store.merge import ledger
from server.store.row import Stored

if TYPE_CHECKING:
    from server.record.record import Record

CHUNK = 500
MOST = 20_000
"""Lines of the audit that one answer is made of."""

_REFUSED = ("4", "8")


@dataclass
class Look:
    """`who`: a person's name or reference, or the client of a system. `what`: types, as far as the reader may
    know. `purposes`: codes and reasons."""

    day: date
    first: datetime
    last: datetime
    agency: str
    who: str
    did: str
    purposes: tuple[str, ...]
    refused: bool
    times: int = 1
    what: set[str] = field(default_factory=set)


def looked(
    record: "Record", id_: str, first: datetime | None, end: datetime | None
) -> tuple[list[Look], bool]:
    """The looks, the latest first, and whether there are more than are shown.

    Raises:
        NotFound: no such child that the caller may see. Forbidden: no right to see who looked.
    """
    view = record.access.view(TYPE, "s")
    patient = record.read("Patient", id_)
    _account(record, patient)
    span = Span(children=ledger.members(record.connection, patient.child))
    span = replace(span, first=account.number(first)) if first else span
    span = replace(span, end=account.number(end)) if end else span
    found, more = _events(record, Reader(record, view), span)
    names = _names(record, {_person(each) for each in found})
    looks: dict[Any, Look] = {}
    for event in found:
        _add(looks, event, names)
    return list(looks.values()), more


def _account(record: "Record", patient: Stored) -> None:
    number = record.door.library.type_number("Patient")
    hits = (patient.rid,)
    line = entry(record.access, record.at, "who-looked", number, child=patient.child, hits=hits)
    audit.record(record.connection, line)


def _events(record: "Record", reader: Reader, span: Span) -> tuple[list[Json], bool]:
    found: list[Json] = []
    for _ in range(MOST // CHUNK):
        lines = account.lines(record.connection, span, CHUNK)
        found += (json.decode(row.body.encode()) for row in reader.seen(lines))
        if len(lines) < CHUNK:
            return found, False
        span = replace(span, end=int(lines[-1].id.replace("-", ""), 16))
    return found, True


def _add(looks: dict[Any, Look], event: Json, names: dict[str, str]) -> None:
    at = datetime.fromisoformat(event["recorded"])
    agents: list[Any] = event["agent"]
    agency = next((_display(each) for each in agents if "name" not in each and _display(each)), "")
    person = _person(event)
    client = next((each["name"] for each in agents if "name" in each), "")
    look = Look(
        day=at.astimezone(HOME).date(),
        first=at,
        last=at,
        agency=agency,
        who=names.get(person, person) if person else client,
        did=_words(event),
        purposes=tuple(_purposes(agents[0])),
        refused=event["outcome"] in _REFUSED,
        what=set(_types(event)),
    )
    key = (look.day, look.agency, person, client, look.did, look.purposes, look.refused)
    known = looks.setdefault(key, look)
    if known is not look:
        known.first = at
        known.times += 1
        known.what |= look.what


def _person(event: Json) -> str:
    """The reference of who acted, where it is a person."""
    first: Any = event["agent"][0]
    return str(first.get("who", {}).get("reference", ""))


def _display(agent: Any) -> str:
    return str(agent.get("who", {}).get("display", ""))


def _words(event: Json) -> str:
    subtypes: list[Any] = event.get("subtype", [])
    own = next((each["display"] for each in subtypes if each["system"] == OWN), None)
    return own or act(subtypes[0]["code"]).words


def _purposes(agent: Any) -> Iterable[str]:
    for each in agent.get("purposeOfUse", ()):
        yield from (coding["code"] for coding in each.get("coding", ()))
        if "text" in each:
            yield each["text"]


def _types(event: Json) -> Iterable[str]:
    entities: list[Any] = event.get("entity", [])
    for each in entities:
        if reference := each.get("what", {}).get("reference"):
            yield reference.partition("/")[0]


def _names(record: "Record", references: Iterable[str]) -> dict[str, str]:
    """The names of people, as far as the caller may read them."""
    found = {}
    for reference in filter(None, references):
        type_, _, id_ = reference.partition("/")
        resource = _readable(record, record.access, type_, id_)
        names: list[Any] = resource.get("name", []) if resource else []
        if names and (name := _name(names[0])):
            found[reference] = name
    return found


def _readable(record: "Record", access: Access, type_: str, id_: str) -> Json | None:
    try:
        view = access.view(type_, "r")
    except Forbidden:
        return None
    number = record.door.library.type_number(type_)
    rows = resources.finder(view)(record.connection, type=number, id=id_)
    if not rows:
        return None
    stored = resources.stored(type_, rows[0])
    # Of somebody whose name is not shown in full none is.
    return json.decode(stored.body.encode()) if stored.whole and not stored.withheld else None


def _name(name: Any) -> str:
    parts = (*name.get("prefix", ()), *name.get("given", ()), name.get("family", ""))
    return str(name.get("text") or " ".join(filter(None, parts)))
