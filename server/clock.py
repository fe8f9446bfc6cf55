"""Time and new ids: the one place that reads the clock and the dice."""

import os
import time
from datetime import UTC, datetime

_HEXADECIMAL = frozenset("0123456789abcdef")
_WHILE = 60.0
"""Seconds that may lie between the giving out of an id and the stamp of what is written under it."""


def now() -> datetime:
    """The present instant in UTC, to the millisecond: as precise as a FHIR instant that we write."""
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def monotonic() -> float:
    """Seconds on a clock that never goes back, for ages and timeouts."""
    return time.monotonic()


def new_id() -> str:
    """A time-ordered id (UUID version 7, RFC 9562): neighbours in time are neighbours in the index."""
    milliseconds = time.time_ns() // 1_000_000
    noise = int.from_bytes(os.urandom(10))
    value = milliseconds << 80 | 0x7 << 76 | (noise >> 68 & 0xFFF) << 64 | 0b10 << 62 | noise & (1 << 62) - 1
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_given_out(id_: str, at: datetime) -> bool:
    """Whether an id looks like one that `new_id` made for what was written then: it tells its time."""
    digits = id_.replace("-", "")
    if len(id_) != 36 or len(digits) != 32 or digits[12] != "7" or not set(digits) <= _HEXADECIMAL:
        return False
    return abs(int(digits[:12], 16) / 1000 - at.timestamp()) < _WHILE


def new_secret() -> str:
    """256 bits that nobody can guess, as 64 hexadecimal digits."""
    return os.urandom(32).hex()
