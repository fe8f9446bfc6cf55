"""`childrecord` with one of its parts switched off: what that part costs is the difference (`run.py --without`).

It is no setting, so that no installation can be without it by mistake.
"""

import sys
from collections.abc import Callable
from typing import Any

from sqlalchemy import false, literal, true

from server.cli.main import main
from server.job import sealer
from server.search.view import CallerView
from server.store import audit, writing


def _audit() -> None:
    """Nothing is accounted for, and nothing is sealed."""
    write = writing.write

    def unaccounted(connection: Any, rows: Any, outbox: Any, lines: Any, *more: Any) -> None:
        write(connection, rows, outbox, [], *more)

    writing.write = unaccounted
    audit.of_found = lambda *_, **__: []
    audit.record = audit.record_of_several = lambda *_, **__: None
    sealer.Sealer.start = lambda _: None  # type: ignore[method-assign]


def _access() -> None:
    """Everybody is shown all of everything."""
    see: Any = CallerView
    see.visible = lambda *_, **__: true()
    see.whole = lambda *_: true()
    see.withheld = lambda *_: false()
    see.part = see.fixed = lambda *_: literal(0)
    see.everything = property(lambda _: True)
    see.involved_only = property(lambda _: False)
    see.hidden = property(lambda _: frozenset())


PARTS: dict[str, Callable[[], None]] = {"access": _access, "audit": _audit}

if __name__ == "__main__":
    part = sys.argv.pop(1)
    PARTS[part]()
    main()
