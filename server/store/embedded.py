"""PostgreSQL out of a Python wheel, in a folder of its own: nothing to install, nothing to configure.

It listens on a Unix socket inside its folder, which only its owner may enter. Whoever uses it holds a
shared lock; the last to leave stops it. It may be killed at any moment: the next start recovers what was
acknowledged.
"""

import fcntl
import hashlib
import logging
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psutil
import psycopg2

from server import clock
from server.store import wheel
from server.store.wheel import NotStarted

NAME = "childrecord"
"""Of the database and of its superuser."""

_LONGEST_SOCKET_PATH = 100

_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "512MB",
    "effective_cache_size": "2GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # Bounds how much is replayed after a crash, and so how long the next start takes; more often, and the
    # first change of each page after a checkpoint, which is written whole, would cost more than the change.
    "max_wal_size": "1GB",
    "checkpoint_timeout": "5min",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_naptime": "20s",
    "timezone": "UTC",
    # A failed statement and its detail hold personal data, and a log is no place for it.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
}


_log = logging.getLogger(__name__)
_left_running: list[subprocess.Popen[bytes] | None] = []


@contextmanager
def running(folder: Path, options: Mapping[str, str] | None = None) -> Iterator[str]:
    """The URL of a running database. Started if it is not; stopped by the last of those who use it."""
    _require_writable(folder)
    server = _Server(folder, {**_OPTIONS, **(options or {})})
    with (folder / "users.lock").open("a") as users:
        # Waits for one who is just stopping it.
        fcntl.flock(users, fcntl.LOCK_SH)
        with (folder / "start.lock").open("a") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            server.start()
        try:
            with server.watched():
                yield server.url(NAME)
        finally:
            server.leave(users)


def _require_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "users.lock").touch()
    except OSError as error:
        raise NotStarted(f"The folder {folder} cannot be used: {error.strerror}.") from error


class _Server:
    def __init__(self, folder: Path, options: Mapping[str, str]) -> None:
        self.folder = folder
        self.options = options
        self.cluster = folder / "postgresql"
        self.log = folder / "postgresql.log"
        self.socket = _socket_folder(self.cluster)
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        return f"postgresql://{NAME}@/{database}?host={quote(str(self.socket))}"

    def start(self) -> None:
        wheel.make_reachable(self.cluster)
        self._create()
        self._own_socket_folder()
        deadline = clock.monotonic() + 300
        give_up = clock.monotonic() + 5
        while not self._answers():
            if not self._is_alive() and (self._process is None or self._process.poll() is not None):
                # What a killed server leaves behind (shared memory, a last child) is gone within a moment.
                if clock.monotonic() > give_up:
                    raise NotStarted(f"PostgreSQL does not start. {self._last_words()}")
                self._forget_dead()
                self._process = self._spawn()
            if clock.monotonic() > deadline:
                raise NotStarted(f"PostgreSQL does not become ready. {self._last_words()}")
            time.sleep(0.02)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """If it is killed while it is used, it is started again."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.5):
                if self._process is not None and self._process.poll() is not None:
                    _log.error("PostgreSQL has died, and is started again.")
                    self.start()

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def leave(self, users: IO[str]) -> None:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Somebody else stops it, who is not its parent.
            _left_running.append(self._process)
        else:
            self.stop()

    def stop(self) -> None:
        pid = self._pid()
        if pid is None or not self._is_alive():
            return
        process = psutil.Process(pid)
        for request, patience in ((signal.SIGINT, 60), (signal.SIGQUIT, 10), (signal.SIGKILL, 5)):
            with suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
                process.send_signal(request)
                process.wait(patience)
            if not process.is_running():
                break
        if self._process is not None:
            self._process.poll()

    def _create(self) -> None:
        version = self.cluster / "PG_VERSION"
        if version.exists():
            if (found := version.read_text().strip()) != str(wheel.VERSION):
                raise NotStarted(f"{self.cluster} was made by PostgreSQL {found}; this is {wheel.VERSION}.")
            return
        # Made aside and moved, so that a start cut short leaves nothing half made.
        unfinished = self.folder / "postgresql.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        wheel.give_away(unfinished)
        arguments = ["--auth-local=trust", "--auth-host=reject", f"--username={NAME}", "--encoding=UTF8"]
        arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        if self.options["fsync"] == "off":
            arguments.append("--no-sync")
        wheel.initdb(unfinished, arguments)
        unfinished.rename(self.cluster)

    def _own_socket_folder(self) -> None:
        if self.socket == self.cluster:
            return
        self.socket.mkdir(mode=0o700, exist_ok=True)
        owners = (wheel.owner(), os.geteuid())
        if self.socket.is_symlink() or self.socket.stat().st_uid not in owners:
            raise NotStarted(f"{self.socket} belongs to another user.")
        wheel.give_away(self.socket)

    def _spawn(self) -> subprocess.Popen[bytes]:
        options = {**self.options, "unix_socket_directories": str(self.socket)}
        chosen = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self.log.chmod(0o600)
            return wheel.postgres([*chosen, "-D", str(self.cluster)], log)

    def _answers(self) -> bool:
        try:
            psycopg2.connect(self.url(NAME), connect_timeout=10).close()
        except psycopg2.OperationalError as error:
            if "does not exist" in str(error) and f'"{NAME}"' in str(error):
                return self._create_database()
            return False
        return True

    def _create_database(self) -> bool:
        connection = psycopg2.connect(self.url("postgres"))
        connection.autocommit = True
        try:
            connection.cursor().execute(f"CREATE DATABASE {NAME}")
        finally:
            connection.close()
        return True

    def _pid(self) -> int | None:
        try:
            return int((self.cluster / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None

    def _is_alive(self) -> bool:
        """Whether the process that left its number is PostgreSQL on this folder: numbers are given again."""
        pid = self._pid()
        if pid is None:
            return False
        try:
            process = psutil.Process(pid)
            return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == self.cluster
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False

    def _forget_dead(self) -> None:
        # PostgreSQL itself still refuses to start while a process is attached to the folder's shared memory.
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)

    def _last_words(self) -> str:
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return f"The end of {self.log}:\n" + "\n".join(lines[-10:])


def _socket_folder(cluster: Path) -> Path:
    """A Unix socket's path is limited to about a hundred bytes."""
    if len(os.fsencode(cluster)) <= _LONGEST_SOCKET_PATH - len("/.s.PGSQL.5432"):
        return cluster
    digest = hashlib.sha256(os.fsencode(cluster)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"{NAME}-{digest}"
