"""An application of the module's own, with every example in it, and callers with tokens."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server import clock
from server.oauth import secret
from server.record.record import WRITTEN_ONCE
from server.store import clients
from server.store.clients import Client
from tests.soak.examples import EXAMPLES
from tests.soak.mutation import written

AGENCIES = ("suite", "school", "social-care", "registrar")
_SECRET = "only-in-tests"


@pytest.fixture(scope="module")
def application(serve, database_url: str) -> Iterator[Flask]:
    """Answers as a worker would."""
    app = serve(database_url, CHILDRECORD_LOG_LEVEL="error")
    yield app
    app.extensions["database"].close()


@pytest.fixture(scope="module")
def tokens(application: Flask) -> dict[str, str]:
    """The `Authorization` of a client of each agency."""
    return {agency: f"Bearer {_token(application, agency)}" for agency in AGENCIES}


@pytest.fixture(scope="module")
def filled(application: Flask, tokens: dict[str, str]) -> FlaskClient:
    """A way to ask the application when every example is in it, so that what is searched for may be found."""
    client = application.test_client()
    headers = {"Authorization": tokens["suite"], "Content-Type": "application/fhir+json"}
    for example in EXAMPLES:
        path, method = f"/fhir/{example['resourceType']}", "POST"
        if example["resourceType"] not in WRITTEN_ONCE:
            path, method = f"{path}/{example['id']}", "PUT"
        answer = client.open(path, method=method, data=written(example).encode(), headers=headers)
        assert answer.status_code in (200, 201), answer.text
    return client


def _token(application: Flask, agency: str) -> str:
    client = Client(agency, agency, agency, "system/*.cruds", secret.hashed(_SECRET), None, clock.now())
    with application.extensions["database"].begin() as connection:
        assert clients.add(connection, client)
    asked = {"grant_type": "client_credentials"}
    answer = application.test_client().post("/auth/token", data=asked, auth=(agency, _SECRET))
    assert answer.status_code == 200, answer.text
    return answer.json["access_token"]
