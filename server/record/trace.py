"""A way in: an agency that meets a child for the first time asks by identifier and birth date, and no more.

It gets the Patient's id and enough to confirm that it is the child; the question is counted and accounted
for,
and for a day the agency may refer to the child: what it then writes brings it in, or fails.
"""

from typing import TYPE_CHECKING, Any

from server.access import redact
from server.fhir.issue import Throttled
from server.record.event import entry
from server.record.hook import Claim
from server.search.query import Query
from server.search.types import Condition
from server.search.types.token import Value
from server.store import audit, identity, resources, sight
from server.store.row import Stored

if TYPE_CHECKING:
    from server.record.record import Record


def asked(record: "Record", query: Query) -> bool:
    """Whether the search is exactly what a trace is: one whole identifier and one whole birth date."""
    if query.type != "Patient" or not record.access.traces or len(query.conditions) != 2 or query.joins:
        return False
    by = {condition.parameter.code: condition for condition in query.conditions}
    return (
        by.keys() == {"identifier", "birthdate"}
        and all(condition.modifier is None and len(condition.values) == 1 for condition in by.values())
        and bool(_value(by["identifier"]).system)
        and len(by["birthdate"].values[0]) == len("2015-04-01")
    )


def found(record: "Record", query: Query) -> tuple[Stored, ...]:
    """The child of whom a search asks so."""
    by = {condition.parameter.code: condition for condition in query.conditions}
    value = _value(by["identifier"])
    return of(record, (value.system or "", value.code), by["birthdate"].values[0])


def of(record: "Record", identifier: Claim, born: str) -> tuple[Stored, ...]:
    """The child that carries the claimed identifier and was born on that day, reduced to what confirms it.

    Raises:
        Throttled: the agency has traced as often this hour as its rights allow.
    """
    agency = record.access.agency
    # An act of its own, on a connection of its own: counted and kept whatever becomes of the request.
    with record.door.database.aside() as connection:
        used = sight.spend(connection, agency.code, "trace", record.at)
        if used > agency.traces_per_hour:
            raise Throttled(f"This agency may trace {agency.traces_per_hour} children an hour.")
        return _traced(record, identifier, born, connection)


def _traced(record: "Record", identifier: Claim, born: str, connection: Any) -> tuple[Stored, ...]:
    number, agency = record.door.library.type_number("Patient"), record.access.agency.number
    who = record.access.who
    people = (*who.own, *who.team) if who else ()
    rows = [
        row
        for row in identity.claimed(connection, *identifier)
        if not sight.kept_from(connection, agency, people, row[1], number)
    ]
    traced = tuple(
        redact.traced(stored, *identifier)
        for row in rows
        if redact.born(stored := resources.stored("Patient", row)) == born
    )
    for child in traced:
        sight.trace(connection, agency, child.child, record.at)
        line = entry(record.access, record.at, "trace", number, child=child.child, hits=(child.rid,))
        audit.record(connection, line)
    return traced


def _value(condition: Condition) -> Value:
    return Value.parse(condition.values[0])
