"""A record of its own for those who subscribe, and a dispatcher to be asked when there is something."""

from collections.abc import Iterator

import pytest
from flask import Flask

from server.record.door import Door
from server.store import outbox, subscriptions
from server.store.subscriptions import Event, Subscription
from server.subscription.dispatch import READER, Dispatcher
from tests import make
from tests.caller import Caller, token
from tests.conftest import ACCESS, NewDatabase, Serve

OWN = "https://w3id.org/single-child-record"
TOPIC = f"{OWN}/SubscriptionTopic"
BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport"


@pytest.fixture(scope="package")
def told(new_database: NewDatabase, serve: Serve) -> Iterator[Flask]:
    """The record; its dispatcher has begun."""
    with new_database() as url:
        app = serve(url, CHILDRECORD_DEMONSTRATION="true")
        door: Door = app.extensions["door"]
        suite = Caller(app, token(app, "suite", "system/*.cruds"))
        agencies = [make.put(make.organization(file.stem)) for file in sorted(ACCESS.glob("*.json"))]
        assert suite.post(make.bundle("transaction", *agencies)).status == 200
        with door.database.begin() as connection:
            outbox.begin(connection, READER)
        yield app
        app.extensions["database"].close()


@pytest.fixture
def dispatcher(told: Flask) -> Dispatcher:
    """One that knows nothing yet."""
    return Dispatcher(told.extensions["door"])


def subscription(criteria: str, *filters: str, content: str = "id-only", **more: object) -> make.Resource:
    """A Subscription by a topic, or by criteria of R4."""
    told = [{"url": f"{BACKPORT}-filter-criteria", "valueString": each} for each in filters]
    payload = [{"url": f"{BACKPORT}-payload-content", "valueCode": content}]
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "Tests",
        "criteria": criteria,
        **({"_criteria": {"extension": told}} if told else {}),
        "channel": {
            "type": "rest-hook",
            "endpoint": "http://127.0.0.1:9/told",
            "payload": "application/fhir+json",
            "_payload": {"extension": payload},
        },
        **more,
    }


def read_all(dispatcher: Dispatcher) -> None:
    """Everything that was written becomes events."""
    while (worked := dispatcher.work()).rows or worked.more:
        pass


def row(door: Door, id_: str) -> Subscription:
    """A subscription as it is carried out."""
    with door.database.autocommit() as connection:
        found = subscriptions.find(connection, id_)
    assert found is not None
    return found


def events(door: Door, id_: str) -> list[Event]:
    """All its events."""
    with door.database.autocommit() as connection:
        return subscriptions.events(connection, row(door, id_).rid, 1, 2**40, 100_000)


def ids(door: Door, id_: str) -> list[str | None]:
    """Of what its events tell, in order."""
    return [each.id for each in events(door, id_)]
