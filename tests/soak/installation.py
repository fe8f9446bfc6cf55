"""Two servers and a PostgreSQL on one folder, as an operator starts them, and as a power cut ends them."""

import os
import random
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import requests

from server import clock
from server.oauth import secret
from server.store import clients, embedded, migrate
from server.store.clients import Client
from server.store.database import Database

ACCESS = Path(__file__).parents[1] / "data" / "access"
PUBLIC_URL = "http://127.0.0.1:8000/fhir"
INDEX_KEY = "0f" * 32
AGENCY = "suite"

_PATIENCE = 120
_SECRET = "only-in-tests"


@dataclass
class Installation:
    """`origins`: where its servers listen. `agencies`: of each there is a client. `settings`: more of
    them."""

    folder: Path
    servers: int = 2
    agencies: tuple[str, ...] = (AGENCY,)
    settings: dict[str, str] = field(default_factory=dict)
    origins: list[str] = field(default_factory=list)
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def prepare(self) -> None:
        """What the operator does once."""
        with embedded.running(self.folder) as url:
            database = Database(url, pool_size=1)
            migrate.migrate(database.engine)
            with database.begin() as connection:
                for agency in self.agencies:
                    hashed = secret.hashed(_SECRET)
                    client = Client(agency, agency, agency, "system/*.cruds", hashed, None, clock.now())
                    clients.add(connection, client)
            database.close()

    def start(self) -> None:
        """Start every server; PostgreSQL is started by the first that needs it."""
        ports = [free_port() for _ in range(self.servers)]
        self.origins = [f"http://127.0.0.1:{port}" for port in ports]
        self._processes = [self._serve(port) for port in ports]

    def wait(self) -> None:
        """Until every server answers."""
        deadline = clock.monotonic() + _PATIENCE
        for process, origin in zip(self._processes, self.origins, strict=True):
            while not _is_ready(origin):
                assert process.poll() is None, f"A server does not start:\n{self.log()}"
                assert clock.monotonic() < deadline, f"A server does not become ready:\n{self.log()}"
                pause(0.05)

    def token(self, agency: str = AGENCY) -> str:
        """An access token, good for as long as the test takes."""
        asked = {"grant_type": "client_credentials"}
        answer = requests.post(
            f"{self.origins[0]}/auth/token", asked, auth=(agency, _SECRET), timeout=_PATIENCE
        )
        answer.raise_for_status()
        return answer.json()["access_token"]

    def kill(self, order: random.Random) -> None:
        """SIGKILL to every process, PostgreSQL's included, in any order, within a moment."""
        alive = self._alive()
        order.shuffle(alive)
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        # What was forked meanwhile, and those that had not been asked to be waited for.
        for process in self._alive():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        for process in self._processes:
            process.wait(_PATIENCE)
        _, left = psutil.wait_procs(alive, timeout=_PATIENCE)
        assert not left, left
        self._processes = []

    def kill_database(self, order: random.Random) -> None:
        """SIGKILL to PostgreSQL alone: the server that started it starts it again."""
        alive = _family(self._postmaster())
        order.shuffle(alive)
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)

    def log(self) -> str:
        """The last that the servers said."""
        return (self.folder / "serve.log").read_text(errors="replace")[-10_000:]

    def _serve(self, port: int) -> subprocess.Popen[bytes]:
        environment = {
            "PATH": os.defpath,
            "CHILDRECORD_DATA": str(self.folder),
            "CHILDRECORD_ACCESS": str(ACCESS),
            "CHILDRECORD_PORT": str(port),
            "CHILDRECORD_PUBLIC_URL": PUBLIC_URL,
            "CHILDRECORD_INDEX_KEY": INDEX_KEY,
            "CHILDRECORD_TOKEN_LIFETIME": "3600",
            "CHILDRECORD_LOG_LEVEL": "error",
            **self.settings,
        }
        command = [sys.executable, "-m", "server.cli.main", "serve"]
        with (self.folder / "serve.log").open("ab") as log:
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)

    def _alive(self) -> list[psutil.Process]:
        """The servers with their workers, and the PostgreSQL of this folder, whoever its parent is by now."""
        roots = [process.pid for process in self._processes if process.poll() is None]
        found = {each.pid: each for pid in (*roots, self._postmaster()) for each in _family(pid)}
        return [*found.values()]

    def _postmaster(self) -> int:
        """Its number, or 0 where there is none."""
        file = self.folder / "postgresql" / "postmaster.pid"
        with suppress(FileNotFoundError, ValueError, IndexError):
            return int(file.read_text().splitlines()[0])
        return 0


def _family(pid: int) -> list[psutil.Process]:
    """A process and all that came of it, as far as it lives."""
    if not pid:
        return []
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    return []


def pause(seconds: float) -> None:
    """Wait for nothing."""
    select.select([], [], [], seconds)


def _is_ready(origin: str) -> bool:
    with suppress(requests.RequestException):
        return requests.get(f"{origin}/readyz", timeout=10).status_code == 200
    return False


def free_port() -> int:
    """One that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
