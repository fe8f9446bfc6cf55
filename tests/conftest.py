"""A PostgreSQL of the tests' own, for each module a fresh copy of the migrated schema, and a record to ask.

The record serves agencies of the tests' own (`tests/data/access`) out of one database for the whole run: a
test makes the children that it needs, and what others made is not about them.
"""

import itertools
import logging
import os
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
from flask import Flask
from hypothesis import settings as profile

from server.definition import added
from server.http.app import create
from server.settings import read
from server.store import embedded, migrate
from server.store.database import Database
from server.terminology import remote, table
from tests import make
from tests.caller import Caller, token

ACCESS = Path(__file__).parent / "data" / "access"

# Nothing has to outlive the tests, save in those about crashes, which start a server of their own.
_HASTE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "autovacuum": "off",
}

profile.register_profile("ci", deadline=None)
profile.register_profile("soak", deadline=None, max_examples=20_000)

_numbers = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="run at full size what is otherwise reduced")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "soak: runs at reduced size, and at full size under --soak")
    profile.load_profile("soak" if config.getoption("--soak") else "ci")


@pytest.fixture(autouse=True)
def nothing_added() -> None:
    """No test sees what was added, or the code systems, that the request of another one held."""
    added.hold(added.NONE)
    table.hold(None)
    remote.hold(None)


@pytest.fixture(scope="session")
def is_soak(pytestconfig: pytest.Config) -> bool:
    """Whether to run at full size."""
    return bool(pytestconfig.getoption("--soak"))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a server in which databases can be made: DATABASE_URL, or an embedded one."""
    if given := os.environ.get("DATABASE_URL"):
        yield given
        return
    with (
        tempfile.TemporaryDirectory(prefix="childrecord-", ignore_cleanup_errors=True) as folder,
        embedded.running(Path(folder), _HASTE) as url,
    ):
        yield url


@pytest.fixture(scope="session")
def template(postgresql: str) -> Iterator[str]:
    """The name of a migrated database that nobody connects to."""
    with _created(postgresql, "template1") as url:
        database = Database(url)
        migrate.migrate(database.engine)
        database.close()
        yield _name(url)


@pytest.fixture(scope="session")
def new_database(postgresql: str, template: str) -> "NewDatabase":
    """Makes one more database, migrated unless it is to be bare: `with new_database() as url:`."""
    return lambda bare=False: _created(postgresql, "template1" if bare else template)


@pytest.fixture(scope="module")
def database_url(new_database: "NewDatabase") -> Iterator[str]:
    """The URL of the module's own database."""
    with new_database() as url:
        yield url


@pytest.fixture(scope="module")
def database(database_url: str) -> Iterator[Database]:
    """The module's own database, empty at its start."""
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture(scope="session")
def serve() -> "Serve":
    """Makes an application over a database, with the agencies of the tests and any further settings."""

    def served(url: str, **settings: str) -> Flask:
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        given = {
            "DATABASE_URL": url,
            "CHILDRECORD_ACCESS": str(ACCESS),
            "CHILDRECORD_INDEX_KEY": "0f" * 32,
            "CHILDRECORD_TOKEN_LIFETIME": "3600",
            "CHILDRECORD_BODY_LIMIT": "200000",
            "CHILDRECORD_BUNDLE_LIMIT": "200",
            # Whoever signs in here has proven enough by a password; what the codes are for has its own tests.
            "CHILDRECORD_SECOND_FACTOR": "false",
        }
        app = create(read(given | settings))
        # The application takes logging over, which is pytest's here.
        root.handlers[:], root.level = handlers, level
        return app

    return served


@pytest.fixture(scope="session")
def app(new_database: "NewDatabase", serve: "Serve") -> Iterator[Flask]:
    """The record that the tests ask; the Organizations of its agencies are in it."""
    with new_database() as url:
        app = serve(url)
        suite = Caller(app, token(app, "suite", "system/*.cruds"))
        agencies = [make.put(make.organization(file.stem)) for file in sorted(ACCESS.glob("*.json"))]
        assert suite.post(make.bundle("transaction", *agencies)).status == 200
        yield app
        app.extensions["database"].close()


@pytest.fixture(scope="session")
def client_with(app: Flask) -> "ClientWith":
    """A client of an agency with a real token: `client_with("school", "system/Patient.rs")`.

    The same agency and scopes are the same client; `other=True` registers one more.
    """
    known = cache(lambda agency, scopes: token(app, agency, scopes))

    def client(agency: str, scopes: str = "system/*.cruds", *, other: bool = False) -> Caller:
        return Caller(app, token(app, agency, scopes) if other else known(agency, scopes))

    return client


@pytest.fixture(scope="session")
def suite(client_with: "ClientWith") -> Caller:
    """May do everything, and refer to what is not there."""
    return client_with("suite")


@pytest.fixture(scope="session")
def school(client_with: "ClientWith") -> Caller:
    return client_with("school")


@pytest.fixture(scope="session")
def social_care(client_with: "ClientWith") -> Caller:
    return client_with("social-care")


@pytest.fixture(scope="session")
def health(client_with: "ClientWith") -> Caller:
    return client_with("health")


@pytest.fixture
def child(suite: Caller) -> str:
    """The id of a child with whom the school, social care and health work."""
    id = make.word("child-")
    episodes = (
        make.posted(make.episode(id, agency, kind))
        for agency, kind in (
            ("school", "registration"),
            ("social-care", "child-in-need"),
            ("health", "health-service"),
        )
    )
    known = make.bundle("transaction", make.put(make.child(id=id)), *episodes)
    assert suite.post(known).status == 200
    return id


class Serve(Protocol):
    """The type of the fixture `serve`."""

    def __call__(self, url: str, **settings: str) -> Flask: ...


class ClientWith(Protocol):
    """The type of the fixture `client_with`."""

    def __call__(self, agency: str, scopes: str = ..., *, other: bool = False) -> Caller: ...


class _created:  # noqa: N801  (used as a verb: `with _created(...) as url`)
    """A database that lasts as long as the block."""

    def __init__(self, server: str, template: str) -> None:
        self._server, self._template = server, template
        self._name = f"childrecord_test_{os.getpid()}_{next(_numbers)}"

    def __enter__(self) -> str:
        # Copying files is the quicker way for a database that is small and at rest.
        self._do(f"CREATE DATABASE {self._name} TEMPLATE {self._template} STRATEGY file_copy")
        return urlunsplit(urlsplit(self._server)._replace(path=f"/{self._name}"))

    def __exit__(self, *error: object) -> None:
        self._do(f"DROP DATABASE {self._name} WITH (FORCE)")

    def _do(self, statement: str) -> None:
        connection = psycopg2.connect(self._server)
        connection.autocommit = True
        try:
            connection.cursor().execute(statement)
        finally:
            connection.close()


class NewDatabase(Protocol):
    """The type of the fixture `new_database`."""

    def __call__(self, bare: bool = False) -> _created: ...


def _name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")
