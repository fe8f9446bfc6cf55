"""A refusal is accounted for in a transaction of its own, after the roll-back."""

from collections.abc import Iterator, Sequence

from server import clock
from server.access.access import Access
from server.fhir.exchange import FhirRequest
from server.fhir.identifier import named
from server.fhir.issue import Duplicate, FhirError, Issue, Unavailable
from server.record.door import Door
from server.record.event import entry
from server.search.hidden import root
from server.store import audit, identity, resources
from server.store.database import Connection

_KINDS = {
    "GET": "read",
    "HEAD": "read",
    "POST": "create",
    "PUT": "update",
    "DELETE": "delete",
    "PATCH": "patch",
}


_MOST = 20
"""Facts that are told at once."""


def accounted(door: Door, access: Access, request: FhirRequest, error: FhirError) -> FhirError:
    """The error as it is to be told, once the account of it is durable.

    Where even that cannot be written the caller is told that the record is unavailable: nothing goes
    unaccounted.
    """
    # A read that found nothing wrote its line with the reading.
    if error.status in (404, 410, 304) and request.method in ("GET", "HEAD"):
        return error
    parts = request.path.split("/")
    number = door.library.type_number(parts[0]) if parts[0] in door.types else None
    what = parts[1] if len(parts) > 1 else None
    try:
        with door.database.autocommit() as connection:
            line = entry(
                access,
                clock.now(),
                "operation" if "$" in request.path else _KINDS.get(request.method, "other"),
                number,
                query=what,
                outcome=error.status,
            )
            audit.record(connection, line)
            return (
                _pointing(door, access, connection, request, error) if isinstance(error, Duplicate) else error
            )
    except Unavailable as failure:
        return error if isinstance(error, Unavailable) else failure


def _pointing(
    door: Door, access: Access, connection: Connection, request: FhirRequest, error: Duplicate
) -> FhirError:
    """Name the record that holds the claim to a caller who may see it; to others say no more than that it
    is taken. Where the claims of one Patient are several children's, all are named whom it may see."""
    if not access.may("Patient", "r"):
        return error
    [issue, *_] = error.issues
    told: list[str] = []
    for claims in error.claims:
        held = [
            (system, id_)
            for system, value in claims
            for id_ in _seen(door, access, connection, system, value)
            if request.path != f"Patient/{id_}"
        ]
        told += _facts(issue.diagnostics, held)
        if len(told) >= _MOST:
            break
    if told:
        error.issues = tuple(Issue("duplicate", each, issue.expression) for each in dict.fromkeys(told))
    return error


def _facts(told: str, held: Sequence[tuple[str, str]]) -> list[str]:
    """Of one Patient: whose its identifiers are."""
    if len({id_ for _, id_ in held}) > 1:
        several = "The identifiers are those of several children: one child, one record."
        return [several, *(f"The {named(system)} is that of Patient/{id_}." for system, id_ in held)]
    return [f"{told} It is Patient/{held[0][1]}."] if held else []


def _seen(door: Door, access: Access, connection: Connection, system: str, value: str) -> Iterator[str]:
    """The ids of those who have an identifier, as far as the caller may see them; that it was told is
    accounted for."""
    number = door.library.type_number("Patient")
    view = access.view("Patient", "r").only_whole()
    # Who is not shown the number is not told whose it is.
    statement = resources.reader(view.showing(path for path in view.hidden if root(path) == "identifier"))
    for id_, *_ in identity.claimed(connection, system, value):
        line = audit.parameters(entry(access, clock.now(), "read", number, query=id_), none=404)
        if statement(connection, **line, type=number, id=id_):
            yield id_
