"""The record over HTTP, and apps that know SMART and nothing of us.

What the browsers of their users do is done here.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask

from tests import make
from tests.caller import Caller, token
from tests.conftest import ACCESS, NewDatabase, Serve
from tests.oauth.flow import Browser
from tests.oauth.page.conftest import PASSWORD, account_of, serving
from tests.soak.installation import free_port

NPM = Path(__file__).parents[1] / "npm" / "node_modules"
APP = Path(__file__).with_name("app")
CHROMIUM = shutil.which("chromium")

IS_CI = bool(os.environ.get("CI"))
"""There, whatever a test needs must be there."""


@pytest.fixture(scope="module")
def live(
    new_database: NewDatabase, serve: Serve, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """A record on a port of this machine, in a database of its own."""
    folder = tmp_path_factory.mktemp("access")
    for code in ("school", "suite"):
        shutil.copy(ACCESS / f"{code}.json", folder)
    port = free_port()
    with new_database() as url:
        app = serve(url, CHILDRECORD_ACCESS=str(folder), CHILDRECORD_PORT=str(port))
        with serving(app, port):
            yield app
        app.extensions["database"].close()


@pytest.fixture(scope="module")
def base(live: Flask) -> str:
    """Where the FHIR interface is."""
    return str(live.extensions["settings"].public_url)


@pytest.fixture(scope="module")
def pupil(live: Flask) -> str:
    """The id of a child of the school, with one mark of the register."""
    suite, id = Caller(live, token(live, "suite", "system/*.cruds")), make.word("pupil-")
    sent = [
        make.put(make.organization("school")),
        make.put(make.child(id=id, name=[{"family": "Pupil", "given": ["Robin"]}])),
        make.posted(make.episode(id, "school")),
        make.posted(make.mark(id, "school")),
    ]
    assert suite.post(make.bundle("transaction", *sent)).status == 200
    return id


@pytest.fixture(scope="module")
def worker(live: Flask):
    """Somebody of the school who signs in with the password."""
    return account_of(live, username="worker@school.example")


@pytest.fixture
def browser(live: Flask, worker) -> Browser:
    """That worker's browser, signed in."""
    return Browser(live, worker)


def answered(browser: Browser, url: str, child: str) -> str:
    """Where an app's authorization request leads in the end: its own address, with the answer."""
    first = browser.client.get(f"/auth/authorize?{urlsplit(url).query}")
    return str(browser.go_on(first, child=child).headers["Location"])


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """Where an app for browsers is served: a page that launches it, and the app itself."""
    files = {
        "/launch.html": (APP / "launch.html", "text/html"),
        "/index.html": (APP / "index.html", "text/html"),
        "/fhir-client.js": (NPM / "fhirclient" / "build" / "fhir-client.js", "text/javascript"),
    }

    def served(environ, start_response):
        found, kind = files.get(environ["PATH_INFO"], (None, "text/plain"))
        start_response("200 OK" if found else "404 Not Found", [("Content-Type", kind)])
        return [found.read_bytes() if found else b""]

    port = free_port()
    with serving(served, port):
        yield f"http://localhost:{port}"


__all__ = ["CHROMIUM", "IS_CI", "NPM", "PASSWORD", "answered"]
