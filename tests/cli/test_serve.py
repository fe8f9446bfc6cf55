"""The server as an operator starts it: processes of its own, stopped by signals."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests

from server import clock

PATIENCE = 30


@dataclass
class Serving:
    process: subprocess.Popen[bytes]
    origin: str

    def get(self, path: str) -> requests.Response:
        return requests.get(self.origin + path, timeout=10)

    def workers(self) -> list[psutil.Process]:
        """Those that answer: begun after the one that keeps the teller running."""
        children = psutil.Process(self.process.pid).children()
        return sorted(children, key=lambda each: each.create_time())[1:]

    def tellers(self) -> list[psutil.Process]:
        return [each for one in psutil.Process(self.process.pid).children() for each in one.children()]

    def everything(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(database_url: str, folder: Path, **environment: str) -> Serving:
    port = environment.setdefault("CHILDRECORD_PORT", str(free_port()))
    given = {
        "PATH": os.defpath,
        "DATABASE_URL": database_url,
        "CHILDRECORD_DATA": str(folder),
        **environment,
    }
    command = [sys.executable, "-m", "server.cli.main", "serve"]
    log = (folder / "log").open("wb")
    process = subprocess.Popen(command, env=given, stdout=log, stderr=log, start_new_session=True)
    log.close()
    return Serving(process, f"http://127.0.0.1:{port}")


def ready(serving: Serving) -> Serving:
    deadline = clock.monotonic() + PATIENCE
    while clock.monotonic() < deadline and serving.process.poll() is None:
        try:
            if serving.get("/readyz").status_code == 200:
                return serving
        except requests.ConnectionError:
            # A pause, and no sleep: select waits for nothing.
            select.select([], [], [], 0.05)
    raise AssertionError("The server does not start.")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="childrecord-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def serving(database_url: str, folder: Path) -> Iterator[Serving]:
    found = start(database_url, folder)
    try:
        yield ready(found)
    finally:
        if found.process.poll() is None:
            found.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_every_process(serving, number):
    everything = serving.everything()
    assert len(serving.workers()) == 2
    assert serving.stop(number) == 0
    assert not any(each.is_running() for each in everything)


def test_what_the_workers_count_is_added_up(serving):
    for _ in range(20):
        serving.get("/healthz")
    counted = re.search(
        r'childrecord_requests_total\{method="GET",route="/healthz",status="200"\} (\d+)',
        serving.get("/metrics").text,
    )
    assert counted[1] == "20"


def test_a_worker_that_dies_is_replaced(serving):
    serving.workers()[0].kill()
    deadline = clock.monotonic() + PATIENCE
    while len(serving.workers()) < 2 or serving.workers()[0].status() == psutil.STATUS_ZOMBIE:
        assert clock.monotonic() < deadline
        select.select([], [], [], 0.05)
    # The one that was killed may have been the first that was ready.
    assert ready(serving).get("/readyz").status_code == 200


def test_no_worker_outlives_a_killed_parent(serving):
    everything = serving.everything()
    assert serving.stop(signal.SIGKILL) == -signal.SIGKILL
    gone, alive = psutil.wait_procs(everything, timeout=PATIENCE)
    assert (len(gone), alive) == (len(everything), [])


def test_a_teller_that_dies_is_replaced(serving):
    deadline = clock.monotonic() + PATIENCE
    [first] = serving.tellers()
    first.kill()
    while not [each for each in serving.tellers() if each.pid != first.pid]:
        assert clock.monotonic() < deadline
        select.select([], [], [], 0.05)


def test_a_port_that_is_taken_is_named(serving, database_url, folder):
    port = serving.origin.rpartition(":")[2]
    second = start(database_url, folder, CHILDRECORD_PORT=port)
    assert second.process.wait(PATIENCE) == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in (folder / "log").read_text()


def test_a_bad_setting_stops_the_start(database_url, folder):
    refused = start(database_url, folder, CHILDRECORD_WORKERS="many")
    assert refused.process.wait(PATIENCE) == 1
    assert "CHILDRECORD_WORKERS: Not a valid integer" in (folder / "log").read_text()
