"""The whole application over the module's database, with every example in it, and callers with tokens."""

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from server import clock
from server.http.app import create
from server.oauth import secret
from server.settings import read
from server.store import clients
from server.store.clients import Client
from server.store.database import Database
from tests.soak.examples import EXAMPLES

_AGENCIES = ("conformance", "ashbourne-primary", "wexshire-social-care")
_SECRET = "only-in-tests"


@pytest.fixture(scope="module")
def application(database: Database, database_url: str, tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """Answers as a worker would."""
    folder: Path = tmp_path_factory.mktemp("data")
    settings = {
        "DATABASE_URL": database_url,
        "CHILDRECORD_DATA": str(folder),
        "CHILDRECORD_TOKEN_LIFETIME": "3600",
        "CHILDRECORD_LOG_LEVEL": "error",
    }
    with database.begin() as connection:
        for agency in _AGENCIES:
            clients.add(connection, _client(agency))
    return create(read(settings)).test_client()


@pytest.fixture(scope="module")
def tokens(application: FlaskClient) -> dict[str, str]:
    """The `Authorization` of each caller."""
    return {agency: _authorization(application, agency) for agency in _AGENCIES}


@pytest.fixture(scope="module")
def filled(application: FlaskClient, tokens: dict[str, str]) -> Iterator[FlaskClient]:
    """The application with every example in it, so that what is searched for may be found."""
    headers = {"Authorization": tokens["conformance"], "Content-Type": "application/fhir+json"}
    for example in EXAMPLES:
        path = f"/fhir/{example['resourceType']}/{example['id']}"
        answer = application.put(path, data=json.dumps(example), headers=headers)
        assert answer.status_code in (200, 201), answer.text
    yield application
    application.application.extensions["database"].close()


def _client(agency: str) -> Client:
    return Client(
        id=agency,
        agency=agency,
        name=agency,
        scope="system/*.cruds",
        secret_hash=secret.hashed(_SECRET),
        jwks=None,
        created=clock.now(),
    )


def _authorization(application: FlaskClient, agency: str) -> str:
    basic = b64encode(f"{agency}:{_SECRET}".encode()).decode()
    answer = application.post(
        "/auth/token", data={"grant_type": "client_credentials"}, headers={"Authorization": f"Basic {basic}"}
    )
    assert answer.status_code == 200, answer.text
    return f"Bearer {answer.json['access_token']}"
