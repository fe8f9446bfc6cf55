"""Breaking the glass: in need, and for a limited time, one person sees a child as the named do.

Whoever does it says why, and what for. Who leads the work with the child is told in the same transaction, by
a Task that stays; and the account has it. A seal is not broken by it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from server import clock
from server.access import redact
from server.access.right import RESERVED, SYSTEM
from server.fhir import Json, json
from server.fhir.issue import FhirError, Forbidden, Invalid, NotFound, Throttled
from server.fhir.meta import instant, stamped
from server.fhir.reference import parse
from server.record.added import OURSELVES
from server.record.event import act
from server.record.staging import Slot
from server.search.sight import BROKEN, broken_by_way_of
from server.store import audit, identity, locator, resources, sight
from server.store.row import Sighting, Stored

if TYPE_CHECKING:
    from server.access.agency import BreakGlass
    from server.record.record import Record

ACT = "break-glass"
CODE: Json = {
    "system": "https://w3id.org/single-child-record/CodeSystem/worklist-code",
    "code": ACT,
    "display": "The glass was broken",
}
PURPOSES = "http://terminology.hl7.org/CodeSystem/v3-ActReason"

_AN_HOUR = 20
"""How often one person may: more is no emergency, and a guess at who is known here costs as much."""

_SHORTEST = 10
"""Characters of a reason; who reads it has to understand it."""

_TOLD = "Somebody who does not see this child otherwise has broken the glass. Please see that it was needed."


@dataclass(frozen=True, slots=True)
class Need:
    """Why, what for (a code of v3-PurposeOfUse) and for how many minutes; None: as the rights have it."""

    reason: str
    purpose: str
    minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """The child, until when, and the Organizations that were told."""

    patient: str
    until: datetime
    told: tuple[str, ...]


def by_id(record: "Record", id_: str, need: Need) -> Broken:
    """The glass around the child of a Patient.

    Raises:
        Forbidden: the rights do not let the caller. Invalid: they do not let it for that, or so long.
        Throttled: too often. NotFound: there is no such child.
    """
    number = record.door.library.type_number("Patient")

    def found() -> Stored | None:
        place = locator.places(record.connection, [(number, id_)]).get((number, id_))
        return resources.present(record.connection, "Patient", number, *place[:2]) if place else None

    return _broken(record, need, found)


def by_identifier(record: "Record", system: str, value: str, born: str, need: Need) -> Broken:
    """The glass around the child who has a unique identifier and was born on that day."""

    def found() -> Stored | None:
        rows = identity.claimed(record.connection, system, value, absent=True)
        known = (resources.stored("Patient", row) for row in rows)
        return next((each for each in known if redact.born(each) == born), None)

    return _broken(record, need, found)


def _broken(record: "Record", need: Need, find: Callable[[], Stored | None]) -> Broken:
    record.flush()
    record.access.view("Patient", "r")
    minutes = _allowed(record, need)
    _count(record, need)
    record.begin()
    child = find()
    if child is None:
        raise _refused(record, need, NotFound("There is no such child."))
    until = record.at + timedelta(minutes=minutes)
    basis = record.door.rids.take(record.connection)
    seen = Sighting(*_principal(record), record.at, until)
    sight.add(record.connection, child.child, basis, seen)
    told = _leads(record, child.child)
    for organization in told:
        _tell(record, child, organization, need, until)
    line = act(record.access, record.at, ACT, reason=need.reason, child=child.child, hits=(child.rid,))
    audit.record(record.connection, replace(line, purpose=need.purpose))
    return Broken(f"Patient/{child.id}", until, told)


# ---- whether -----------------------------------------------------------------------------------------------


def _allowed(record: "Record", need: Need) -> int:
    """For how many minutes."""
    access = record.access
    rights, user = access.agency.break_glass, access.user
    if not access.meets_others:
        raise _refused(record, need, Forbidden("The token's scopes speak of one child: it breaks no glass."))
    # What a claim says of a role that is given to nobody, such as a system's, is not heard.
    roles = set(user.roles) - RESERVED if user else {SYSTEM}
    if rights is None or roles.isdisjoint(rights.roles) or (user and user.is_family):
        raise _refused(record, need, Forbidden("The agency's rights do not let this caller break the glass."))
    if fault := _fault(rights, need):
        raise _refused(record, need, fault)
    return rights.minutes if need.minutes is None else need.minutes


def _fault(rights: "BreakGlass", need: Need) -> FhirError | None:
    if len(need.reason.strip()) < _SHORTEST:
        return Invalid(f"The reason is told in {_SHORTEST} characters at least.")
    if rights.purposes and need.purpose not in rights.purposes:
        known = ", ".join(rights.purposes)
        return Invalid(f"The agency's rights let the glass be broken for {known} alone.")
    if need.minutes is not None and not 1 <= need.minutes <= rights.most:
        return Invalid(f"'minutes' is a number from 1 to {rights.most}.")
    return None


def _count(record: "Record", need: Need) -> None:
    user, agency = record.access.user, record.access.agency
    who = f"{agency.code} {user.id}" if user else agency.code
    # Counted whatever becomes of the request.
    with record.door.database.aside() as connection:
        used = sight.spend(connection, who, ACT, record.at)
    if used > _AN_HOUR:
        raise _refused(record, need, Throttled(f"The glass may be broken {_AN_HOUR} times an hour."))


def _refused(record: "Record", need: Need, error: FhirError) -> FhirError:
    """That somebody tried is kept, though the transaction is not."""
    line = act(record.access, record.at, ACT, reason=need.reason, outcome=error.status)
    with record.door.database.aside() as connection:
        audit.record(connection, replace(line, purpose=need.purpose))
    return error


def _principal(record: "Record") -> tuple[int, int]:
    """Who sees the child from now on, and to which degree: the user alone, or where nobody signed in, the
    agency."""
    user, agency = record.access.user, record.access.agency.number
    if user is None:
        return agency, BROKEN
    type_, _, id_ = user.reference.partition("/")
    key = (record.door.library.type_number(type_), id_)
    place = locator.places(record.connection, [key]).get(key)
    if place is None:
        raise Forbidden("This user is nobody whom the record knows.")
    return -place[1], broken_by_way_of(agency)


# ---- who is told -------------------------------------------------------------------------------------------


def _leads(record: "Record", child: int) -> tuple[str, ...]:
    """The Organizations of who leads; where nobody does, of the named, or of who works with the child."""
    number = record.door.library.type_number("CareTeam")
    held = resources.all_of_child(record.connection, "CareTeam", number, child)
    teams = [json.decode(each.body.encode()) for each in held]
    found = record.door.hooks.leads(teams, record.at, lambda text: _resource(record, text))
    organizations = {agency.number: agency.organization for agency in record.door.agencies.values()}
    return (
        found
        or tuple(
            organizations[principal]
            for principal in sight.closest(record.connection, child)
            if principal in organizations
        )
        or (record.access.agency.organization,)
    )


def _resource(record: "Record", text: str) -> Json | None:
    target = parse(text)
    if not (target.local and target.id and target.type in record.door.types):
        return None
    number = record.door.library.type_number(target.type)
    place = locator.places(record.connection, [(number, target.id)]).get((number, target.id))
    held = resources.present(record.connection, target.type, number, *place[:2]) if place else None
    return json.decode(held.body.encode()) if held else None


def _tell(record: "Record", child: Stored, organization: str, need: Need, until: datetime) -> None:
    id_ = clock.new_id()
    task: Json = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "priority": "urgent",
        "code": {"coding": [CODE]},
        "description": _TOLD,
        "focus": {"reference": f"Patient/{child.id}"},
        "for": {"reference": f"Patient/{child.id}"},
        "executionPeriod": {"start": instant(record.at), "end": instant(until)},
        "authoredOn": instant(record.at),
        "lastModified": instant(record.at),
        "requester": {"reference": record.access.agency.organization},
        "owner": {"reference": organization},
        "reasonCode": {"coding": [{"system": PURPOSES, "code": need.purpose}], "text": need.reason},
        **dict(_who(record)),
    }
    slot = Slot(id_, record.door.rids.take(record.connection), 1, OURSELVES)
    record.stage_ours("create", stamped(task, id_, 1, record.at), slot)


def _who(record: "Record") -> Iterator[tuple[str, Json | list[Json]]]:
    user = record.access.user
    if user is not None:
        who = {"reference": user.reference, "display": user.name}
        yield "input", [{"type": {"text": "Who broke the glass"}, "valueReference": who}]
