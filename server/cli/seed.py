"""Loads the demonstration authority through the door, once, each agency writing what is its own."""

from collections import Counter
from collections.abc import Callable
from datetime import date

from server import clock
from server.child.demonstration.batches import batches
from server.cli import apps
from server.cli.people import welcome
from server.cli.say import step
from server.fhir import Json, json
from server.fhir.exchange import FhirRequest
from server.interaction.opening import as_agency, door
from server.interaction.router import respond
from server.oauth import secret
from server.oauth.scope import LAUNCH_CONTEXT
from server.record.door import Door
from server.settings import settings
from server.store import clients, marks
from server.store.clients import Client
from server.store.database import Database

Transact = Callable[[Json], Json]
"""Runs a transaction Bundle and gives back the response Bundle; a refusal is raised."""

Recall = Callable[[], str | None]
Remember = Callable[[str], None]
"""Where it is kept how far the loading has come, so that it goes on after a break."""

CLIENT = "demonstration"
"""As whom the loading itself acts for the agencies, in the account of who did what."""

_MARK = "demonstration"
_COMPLETE = "complete"
_TELL_EVERY = 4_000


def load(database: Database) -> str:
    """Makes a client for each agency of the demonstration and writes what is not there yet; what it did."""
    opened = door(settings(), database)
    admit(opened)
    written = write(
        lambda agency: writes_as(opened, agency),
        lambda told: step(f"Demonstration  {told}"),
        lambda: _recall(database),
        lambda text: _remember(database, text),
        clock.now().date(),
    )
    welcome(opened, CLIENT)
    children = written["Patient"]
    return f"{children} children, {written.total():,} resources" if children else "already there"


def write(
    record_as: Callable[[str], Transact],
    echo: Callable[[str], None],
    recall: Recall,
    remember: Remember,
    today: date,
) -> Counter[str]:
    """Writes what is not written yet; the answer counts the resources of this time by type.

    The day on which the loading began stays the day of the demonstration.
    """
    begun, done = _progress(recall(), today)
    written: Counter[str] = Counter()
    if done is None:
        return written
    told = 0
    for number, (agency, bundle) in enumerate(batches(begun)):
        if number < done:
            continue
        # What was being written when the loading broke off may be there or not: asked so, it is there once.
        record_as(agency)(unless_there(bundle) if number == done else bundle)
        remember(f"{begun} {number + 1}")
        written.update(entry["resource"]["resourceType"] for entry in bundle["entry"])
        if written.total() // _TELL_EVERY > told:
            told = written.total() // _TELL_EVERY
            echo(f"{written.total():,} resources written")
    remember(f"{begun} {_COMPLETE}")
    return written


def admit(opened: Door) -> None:
    """One client for each agency of the demonstration, and its apps. Their secrets are in the documentation:
    they are none."""
    with opened.database.begin() as connection:
        for agency in opened.agencies.values():
            if agency.demonstration and clients.find(connection, agency.code) is None:
                clients.add(connection, _client(agency.code, agency.name))
    apps.admit(opened)


def writes_as(opened: Door, agency: str) -> Transact:
    """Transactions as the agency: everything that its rights allow, and nothing more."""
    access = as_agency(opened, agency, CLIENT)

    def transact(bundle: Json) -> Json:
        answer = respond(FhirRequest("POST", "", content=bundle), opened, access)
        assert answer.body is not None
        response: Json = json.decode(answer.body)
        return response

    return transact


def unless_there(bundle: Json) -> Json:
    """The transaction, creating only what no resource with the same identifier stands for."""
    return bundle | {"entry": [_conditional(entry) for entry in bundle["entry"]]}


def _progress(text: str | None, today: date) -> tuple[date, int | None]:
    """The day of the demonstration and the number of transactions done; None: all."""
    if text is None:
        return today, 0
    day, done = text.split()
    return date.fromisoformat(day), None if done == _COMPLETE else int(done)


def _conditional(entry: Json) -> Json:
    if entry["request"]["method"] != "POST":
        return entry
    identifier = entry["resource"]["identifier"][0]
    condition = f"identifier={identifier['system']}|{identifier['value']}"
    return entry | {"request": entry["request"] | {"ifNoneExist": condition}}


def _client(code: str, name: str) -> Client:
    return Client(
        id=code,
        agency=code,
        name=name,
        scope=f"system/*.cruds {LAUNCH_CONTEXT}",
        secret_hash=secret.hashed(f"demonstration-{code}"),
        jwks=None,
        created=clock.now(),
        demonstration=True,
    )


def _recall(database: Database) -> str | None:
    with database.begin() as connection:
        return marks.get(connection, _MARK)


def _remember(database: Database, text: str) -> None:
    with database.begin() as connection:
        marks.put(connection, _MARK, text)
