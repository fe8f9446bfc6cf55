"""An authorization server over a database with a few clients."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from server.definition.folder import profiles
from server.store import clients
from server.store.database import Database
from tests.conftest import Serve
from tests.oauth.parties import CLIENTS


@pytest.fixture(scope="module")
def serving(database: Database, database_url: str, serve: Serve) -> Callable[..., FlaskClient]:
    """A server with settings of its own over the module's clients; the agencies are the demonstration's."""
    with database.begin() as connection:
        for client in CLIENTS:
            clients.add(connection, client)

    def made(**settings: str) -> FlaskClient:
        own = {"CHILDRECORD_ACCESS": str(profiles() / "access"), "CHILDRECORD_TOKEN_LIFETIME": "300"}
        return serve(database_url, **own | settings).test_client()

    return made


@pytest.fixture(scope="module")
def auth(serving: Callable[..., FlaskClient]) -> FlaskClient:
    return serving()
