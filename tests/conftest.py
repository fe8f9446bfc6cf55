"""A PostgreSQL of the tests' own, and for each module a fresh copy of the migrated schema."""

import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
from hypothesis import settings as profile

from server.store import embedded, migrate
from server.store.database import Database

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
