"""A token endpoint over a database with a few clients."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.oauth import server as oauth
from server.settings import read
from server.store import clients
from server.store.database import Database
from tests.oauth.parties import CLIENTS


@pytest.fixture(scope="module")
def serving(database: Database) -> Callable[..., FlaskClient]:
    """A token endpoint with settings of its own over the module's clients."""
    with database.begin() as connection:
        for client in CLIENTS:
            clients.add(connection, client)

    def serve(**settings: str) -> FlaskClient:
        app = Flask("auth")
        app.register_blueprint(oauth.blueprint(read(settings), database))
        return app.test_client()

    return serve


@pytest.fixture(scope="module")
def auth(serving: Callable[..., FlaskClient]) -> FlaskClient:
    return serving()
