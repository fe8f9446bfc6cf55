"""Logs: one JSON object a line on stderr, and no personal data in any of them."""

import logging
import sys
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec

from server import clock

_request = logging.getLogger("request")


def configure(level: str) -> None:
    """Send everything that is logged to stderr as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Json())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def request(**fields: Any) -> None:
    """One line for one request, without the library's own record of it, which costs three times as much."""
    if _request.isEnabledFor(logging.INFO):
        line = {"at": _instant(clock.now()), "level": "info", "logger": "request", **fields}
        # Whoever reads the log may go away; that must not undo what was answered.
        with suppress(OSError):
            sys.stderr.write(msgspec.json.encode(line).decode() + "\n")


class Json(logging.Formatter):
    """Keeps where an exception came from and leaves out what it says, which may quote a child's data."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": _instant(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1]:
            line["exception"] = _told(record.exc_info[1])
        return msgspec.json.encode(line).decode()


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


def _told(error: BaseException) -> list[dict[str, Any]]:
    told = []
    seen: BaseException | None = error
    while seen is not None:
        frames = traceback.extract_tb(seen.__traceback__)
        told.append(
            {
                "type": f"{type(seen).__module__}.{type(seen).__qualname__}",
                "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
            }
        )
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return told
