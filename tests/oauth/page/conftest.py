"""The pages over a record, and a person's browser that fills them in."""

import html
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import TestResponse

from server import clock
from server.store import accounts
from server.store import tables as t
from server.store.accounts import Account
from tests.conftest import ACCESS, NewDatabase, Serve
from tests.soak.installation import free_port

PASSWORD = "three random words"

# As quick as can be: what a guess costs is of no interest here.
hashed = cache(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash)


class Person:
    """Somebody at a browser, who sees a page and fills its form in."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client: FlaskClient = app.test_client()
        self.page: TestResponse | None = None

    def open(self, path: str, **headers: str) -> TestResponse:
        """Go to a page, and wherever it leads here."""
        self.page = self._followed(self.client.get(path, headers=headers))
        return self.page

    def send(self, path: str | None = None, *, follow: bool = True, **given: str) -> TestResponse:
        """Send the form of the page that goes to `path`, or its first one."""
        action, hidden = self._form(path)
        answer = self.client.post(action, data={**hidden, **given})
        self.page = self._followed(answer) if follow else answer
        return self.page

    def sign_in(self, username: str, password: str = PASSWORD, path: str = "/auth/sign-in") -> TestResponse:
        self.open(path)
        return self.send("/auth/sign-in", username=username, password=password)

    @property
    def path(self) -> str:
        return urlsplit(self.page.request.url).path

    @property
    def title(self) -> str:
        return html.unescape(re.search(r"<h1>(.*?)</h1>", self.page.text, re.DOTALL)[1]).strip()

    @property
    def faults(self) -> dict[str, str]:
        """What the summary says is wrong, by field."""
        found = re.findall(r'<li><a href="#([\w-]+)">(.*?)</a>', self.page.text)
        return {name: html.unescape(told) for name, told in found}

    def _form(self, path: str | None) -> tuple[str, dict[str, str]]:
        forms = re.findall(r'<form[^>]* action="([^"]*)".*?>(.*?)</form>', self.page.text, re.DOTALL)
        action, inside = next(each for each in forms if path in (None, each[0]))
        found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', inside)
        return action, {name: html.unescape(value) for name, value in found}

    def _followed(self, answer: TestResponse) -> TestResponse:
        for _ in range(5):
            to = answer.headers.get("Location")
            if to is None or urlsplit(to).netloc:
                return answer
            answer = self.client.get(to)
        raise AssertionError("The pages do not end.")


@pytest.fixture(scope="module")
def access(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the rights of the agencies that sign in here."""
    folder = tmp_path_factory.mktemp("access")
    for code in ("school", "people", "suite"):
        shutil.copy(ACCESS / f"{code}.json", folder)
    return folder


@pytest.fixture(scope="module")
def pages(
    request: pytest.FixtureRequest, new_database: NewDatabase, serve: Serve, access: Path
) -> Iterator[Flask]:
    """The record with a database of its own, where local accounts need codes unless a module's `SETTINGS` say
    something else."""
    settings = getattr(request.module, "SETTINGS", {"CHILDRECORD_SECOND_FACTOR": "true"})
    with new_database() as url:
        app = serve(url, CHILDRECORD_ACCESS=str(access), **settings)
        yield app
        app.extensions["database"].close()


@pytest.fixture(scope="module")
def account(pages: Flask) -> Callable[..., Account]:
    """Makes an account of a worker of the school, with the one password."""
    return lambda **differences: account_of(pages, **differences)


def account_of(app: Flask, **differences: object) -> Account:
    """An account of a worker of the school, with the one password."""
    id = clock.new_id()
    plain = Account(
        id=id,
        agency="school",
        username=f"worker-{id[-12:]}",
        name="Ada Lovage",
        fhir_user=f"Practitioner/{id}",
        roles=("class-teacher",),
        caseload="all",
        created=clock.now(),
        password_hash=hashed(PASSWORD),
    )
    found = replace(plain, **differences)
    with app.extensions["database"].begin() as connection:
        assert accounts.add(connection, found)
    return found


@pytest.fixture
def person(pages: Flask) -> Person:
    return Person(pages)


@pytest.fixture(scope="session")
def acts_of() -> Callable[[Flask, Account], list[tuple[str, int]]]:
    """(act, outcome) of what the audit holds of an account."""

    def found(app: Flask, account: Account) -> list[tuple[str, int]]:
        query = t.audit.select().where(t.audit.c.account == account.id).order_by(t.audit.c.at, t.audit.c.id)
        with app.extensions["database"].begin() as connection:
            return [(row.interaction, row.outcome) for row in connection.execute(query)]

    return found


@pytest.fixture(scope="module")
def acts(pages: Flask, acts_of: Callable[..., list[tuple[str, int]]]) -> Callable[..., list[tuple[str, int]]]:
    return lambda account: acts_of(pages, account)


@pytest.fixture(scope="module")
def live(new_database: NewDatabase, serve: Serve, access: Path) -> Iterator[Flask]:
    """The pages over HTTP, for browsers; `app.extensions["settings"].issuer` is where."""
    port = free_port()
    with new_database() as url:
        app = serve(
            url,
            CHILDRECORD_SECOND_FACTOR="true",
            CHILDRECORD_ACCESS=str(access),
            CHILDRECORD_PORT=str(port),
        )
        with serving(app, port):
            yield app
        app.extensions["database"].close()


@contextmanager
def serving(app: Flask, port: int) -> Iterator[None]:
    """Answer on a port of this machine for as long as the block lasts."""
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Silent)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Nobody reads it."""
