"""A pipe by which whoever has written wakes whoever tells of it, without asking the database.

The commit of a transaction that notifies waits for that of every other; this costs a writer a system call.
Who writes on another machine wakes nobody: the reader looks again after a moment.
"""

import os
import select
from contextlib import suppress

# Made when this is imported, which is before workers are forked: they share it.
_reader, _writer = os.pipe()
os.set_blocking(_reader, False)
os.set_blocking(_writer, False)

_MUCH = 65_536


def wake() -> None:
    """There is something new: call it when it is committed."""
    # Nobody reads, or has read for long: then nobody needs to be told once more.
    with suppress(BlockingIOError):
        os.write(_writer, b"\0")


def wait(seconds: float) -> bool:
    """Whether somebody said so within that time. One process may wait."""
    ready, _, _ = select.select([_reader], [], [], seconds)
    if ready:
        with suppress(BlockingIOError):
            os.read(_reader, _MUCH)
    return bool(ready)
