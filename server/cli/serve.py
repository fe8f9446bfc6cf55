"""`childrecord serve`: the processes that answer."""

import ctypes
import gc
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
from granian import Granian
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels

from server.cli import teller
from server.cli.connect import for_server, reachable, require_current
from server.cli.say import fault, step
from server.settings import CannotStart, Settings, choose, settings, share_metrics
from server.store import role
from server.store.database import Database

_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "server.http.log.Json"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "loggers": {"_granian": {"handlers": ["stderr"], "level": "WARNING", "propagate": False}},
}
_PR_SET_PDEATHSIG = 1


class PortTaken(CannotStart):
    """Somebody else listens there."""


@click.command()
def serve() -> None:
    """Serve the record. Refuses a database whose schema is not the one that this release knows."""
    found = settings()
    require_free(found)
    signal.signal(signal.SIGTERM, leave)
    with reachable(found) as owner:
        check(owner)
        choose(database_url=for_server(found, owner))
        _warn(settings().database_url)
        step(f"Serving {settings().public_url} on {found.host}:{found.port}.")
        listen(settings())


def require_free(found: Settings) -> None:
    """Raise PortTaken if somebody listens. Workers share a port, so it is tried as a stranger would."""
    family = socket.AF_INET6 if ":" in found.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((found.host, found.port))
        except OSError as error:
            raise PortTaken(
                f"Cannot listen on {found.host}:{found.port}: {error.strerror}. "
                "Stop what listens there, or set CHILDRECORD_PORT."
            ) from error


def check(url: str) -> None:
    """Raise WrongSchema unless the database fits; no connection is left for the workers to inherit."""
    database = Database(url, pool_size=1)
    try:
        require_current(database)
    finally:
        database.close()


def _warn(url: str) -> None:
    """Say so where the audit could be changed by whoever takes the server over."""
    database = Database(url, pool_size=1)
    try:
        with database.engine.connect() as connection:
            if role.may_alter(connection):
                fault(
                    "The server connects to the database as a role that can change and delete rows of the "
                    "audit. Let CHILDRECORD_OWNER_URL name the owner, DATABASE_URL another role, and run: "
                    "childrecord database migrate"
                )
    finally:
        database.close()


def listen(found: Settings) -> None:
    """Answer until told to stop."""
    with tempfile.TemporaryDirectory(prefix="childrecord-") as folder:
        share_metrics(Path(folder))
        _preload(found)
        # Before anything has threads: what is forked has all that was loaded, and none of those.
        keeper = teller.beside()
        server = Granian(
            "server.cli.serve:application",
            address=found.host,
            port=found.port,
            interface=Interfaces.WSGI,
            workers=found.workers,
            blocking_threads=found.threads,
            http=HTTPModes.auto,
            http1_settings=HTTP1Settings(keep_alive=True),
            ssl_cert=found.tls_certificate,
            ssl_key=found.tls_key,
            ssl_protocol_min=SSLProtocols.tls12,
            log_level=LogLevels.warning,
            log_dictconfig=_LOGGING,
            respawn_failed_workers=True,
            workers_kill_timeout=10,
        )
        try:
            server.serve(target_loader=application, wrap_loader=False)
        finally:
            teller.end(keeper)


def application() -> Any:
    """What each worker serves."""
    die_with_parent()
    # Those of the process it was forked from would swallow the signal to stop, until its own are set.
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_DFL)
    from server.http import log
    from server.http.app import create
    from server.interaction.opening import audit_key
    from server.job.comparer import Comparer
    from server.job.reindexer import Reindexer
    from server.job.sealer import Sealer
    from server.job.worker import Worker

    log.configure(settings().log_level)
    app = create()
    for work in (Comparer, Reindexer, Worker):
        work(app.extensions["door"]).start()
    found = settings()
    own = Database(found.database_url, pool_size=1, statement_timeout=60, prepare=found.prepare)
    Sealer(own, audit_key(found), found.anchors).start()
    return app


def _preload(found: Settings) -> None:
    """What every worker needs is loaded once and shared by those that are forked."""
    # Nearly all of it stays: to look for what does not, again and again, takes a quarter of the start.
    gc.disable()
    from server.http import app, log

    log.configure(found.log_level)
    app.preload()
    gc.collect()
    # What is frozen is not visited by collections, so its pages are not copied.
    gc.freeze()
    gc.enable()


def die_with_parent() -> None:
    """A worker whose parent was killed would go on holding the port, and a teller go on telling."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def leave(number: int, frame: object) -> None:
    """End as an interrupt from the keyboard would: everything that was started is stopped."""
    sys.exit(128 + number)
