"""One real server, started as an operator starts it, for clients that know FHIR and nothing of us."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from server import clock
from server.oauth import secret
from server.store import clients
from server.store.database import Database
from tests.soak.installation import ACCESS, INDEX_KEY, free_port, pause

PATIENCE = 60


@dataclass(frozen=True)
class Running:
    """`base`: where its FHIR interface is; `token`: one that may do everything, as the agency `suite`."""

    base: str
    token: str

    @property
    def authorization(self) -> str:
        """The header's value."""
        return f"Bearer {self.token}"


@pytest.fixture(scope="session")
def running(new_database, tmp_path_factory) -> Iterator[Running]:
    """A server on a database of its own."""
    folder = tmp_path_factory.mktemp("server")
    with new_database() as url:
        _register(url)
        port = free_port()
        origin = f"http://127.0.0.1:{port}"
        process = _serve(folder, url, port, f"{origin}/fhir")
        try:
            _wait(process, origin, folder)
            asked = {"grant_type": "client_credentials"}
            answer = requests.post(f"{origin}/auth/token", asked, auth=("suite", "only-in-tests"), timeout=30)
            answer.raise_for_status()
            yield Running(f"{origin}/fhir", answer.json()["access_token"])
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _register(url: str) -> None:
    database = Database(url, pool_size=1)
    known = clients.Client(
        "suite", "suite", "suite", "system/*.cruds", secret.hashed("only-in-tests"), None, clock.now()
    )
    with database.begin() as connection:
        clients.add(connection, known)
    database.close()


def _serve(folder: Path, url: str, port: int, base: str) -> subprocess.Popen[bytes]:
    environment = {
        "DATABASE_URL": url,
        "CHILDRECORD_DATA": str(folder),
        "CHILDRECORD_ACCESS": str(ACCESS),
        "CHILDRECORD_PORT": str(port),
        "CHILDRECORD_PUBLIC_URL": base,
        "CHILDRECORD_INDEX_KEY": INDEX_KEY,
        "CHILDRECORD_WORKERS": "1",
        "CHILDRECORD_LOG_LEVEL": "error",
    }
    command = [sys.executable, "-m", "server.cli.main", "serve"]
    with (folder / "serve.log").open("ab") as log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def _wait(process: subprocess.Popen[bytes], origin: str, folder: Path) -> None:
    deadline = clock.monotonic() + PATIENCE
    while True:
        said = (folder / "serve.log").read_text(errors="replace")[-4000:]
        assert process.poll() is None, said
        assert clock.monotonic() < deadline, said
        with suppress(requests.RequestException):
            if requests.get(f"{origin}/readyz", timeout=5).status_code == 200:
                return
        pause(0.1)
