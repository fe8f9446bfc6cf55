"""`childrecord teller`, and the same process beside the workers of a server: begun again whenever it ends."""

import os
import signal
import sys
import time
from types import FrameType

import click

from server import clock
from server.cli.connect import for_server, reachable, require_current
from server.settings import choose, settings
from server.store.database import Database

_PAUSES = (0.2, 1.0, 5.0, 15.0)
"""Seconds before it is begun again, each time that it ended soon after; the last for every further time."""

_WELL = 60.0
"""Seconds after which it is taken to have begun well."""

_POOL = 12
"""Connections: of each of its threads one, and of the hands that send."""


@click.command()
def teller() -> None:
    """Tell subscribers, and raise alerts, for a database that servers of other machines write to."""
    with reachable(settings()) as owner:
        database = Database(owner, pool_size=1)
        try:
            require_current(database)
        finally:
            database.close()
        choose(database_url=for_server(settings(), owner))
        work()


def beside() -> int:
    """Begin the process that keeps a teller running; its number. It ends with the one that began it."""
    number = os.fork()
    if number == 0:
        _keep()
    return number


def end(keeper: int) -> None:
    """Let it end, and wait for that."""
    try:
        os.kill(keeper, signal.SIGTERM)
        os.waitpid(keeper, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


def _keep() -> None:
    """Begin the teller again whenever it ends. Never returns."""
    from server.cli.serve import die_with_parent

    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    running = 0

    def leave(number: int, frame: FrameType | None) -> None:
        if running:
            _stop(running)
        os._exit(0)

    signal.signal(signal.SIGTERM, leave)
    soon = 0
    while True:
        began = clock.monotonic()
        running = os.fork()
        if running == 0:
            _begin()
        os.waitpid(running, 0)
        running = 0
        soon = 0 if clock.monotonic() - began > _WELL else soon + 1
        time.sleep(_PAUSES[min(soon, len(_PAUSES) - 1)])


def _stop(running: int) -> None:
    os.kill(running, signal.SIGTERM)
    for _ in range(50):
        if os.waitpid(running, os.WNOHANG)[0]:
            return
        time.sleep(0.1)
    os.kill(running, signal.SIGKILL)
    os.waitpid(running, 0)


def _begin() -> None:
    """The teller, in a process of its own. Never returns."""
    from server.cli.serve import die_with_parent

    die_with_parent()
    status = 1
    try:
        work()
        status = 0
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        # Nothing that the parent had begun is to be ended here.
        os._exit(status)


def work() -> None:
    """Tell until told to stop."""
    from server.http import log
    from server.interaction.opening import door
    from server.job.teller import Teller

    found = settings()
    log.configure(found.log_level)
    shared = Database(
        found.database_url,
        pool_size=_POOL,
        statement_timeout=found.statement_timeout,
        prepare=found.prepare,
    )
    telling = Teller(door(found, shared), found, Database(found.database_url, pool_size=1))
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: telling.stop())
    telling.run()
