"""Time and new ids: the one place that reads the clock and the dice."""

import os
import time
from datetime import UTC, datetime


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


def new_secret() -> str:
    """256 bits that nobody can guess, as 64 hexadecimal digits."""
    return os.urandom(32).hex()
