"""The accounts of the demonstration, made once what they stand for is there."""

from collections.abc import Iterable
from itertools import chain

from server import clock
from server.child.demonstration.accounts import PASSWORD, Person, family, people
from server.fhir import json
from server.fhir.exchange import FhirRequest
from server.interaction.opening import as_agency
from server.interaction.router import respond
from server.oauth import password
from server.record.door import Door
from server.store import accounts
from server.store.accounts import Account


def welcome(opened: Door, client: str) -> None:
    """An account for everybody who has none yet. `client`: as whom the record is asked who they are."""
    missing = [each for each in chain(people(), family()) if not _has_account(opened, each)]
    if not missing:
        return
    # One password and one hash for all of them: it is no secret, and each hash takes its time.
    kept = password.hashed(PASSWORD)
    for person in missing:
        if (reference := _reference(opened, person, client)) is not None:
            with opened.database.begin() as connection:
                accounts.add(connection, _account(person, reference, kept))


def told() -> Iterable[tuple[str, str, str]]:
    """(username, who it is, agency) of everybody."""
    return ((each.username, f"{each.name}, {each.kind}", each.agency) for each in chain(people(), family()))


def _has_account(opened: Door, person: Person) -> bool:
    with opened.database.autocommit() as connection:
        return accounts.by_username(connection, person.username) is not None


def _reference(opened: Door, person: Person, client: str) -> str | None:
    """Who somebody is in the record; None: nobody yet."""
    type_, is_search, query = person.reference.partition("?")
    if not is_search:
        return person.reference
    pairs = tuple((name, value) for name, _, value in (each.partition("=") for each in query.split("&")))
    answer = respond(FhirRequest("GET", type_, pairs), opened, as_agency(opened, person.agency, client))
    assert answer.body is not None
    entries = json.decode(answer.body).get("entry", [])
    return f"{type_}/{entries[0]['resource']['id']}" if entries else None


def _account(person: Person, reference: str, kept: str) -> Account:
    return Account(
        id=clock.new_id(),
        agency=person.agency,
        username=person.username,
        name=person.name,
        fhir_user=reference,
        roles=person.roles,
        caseload=person.caseload,
        password_hash=kept,
        created=clock.now(),
        demonstration=True,
    )
