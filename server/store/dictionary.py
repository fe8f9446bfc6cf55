"""What bodies have in common: dictionaries that ship with the program and are kept in the database too.

A dictionary is never changed: a better one gets the next number, and what was written by an older one is read
by that. `childrecord dictionary build` makes one.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from types import MappingProxyType

import zstandard
from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from server.definition.folder import profiles
from server.settings import CannotStart
from server.store import tables as t

MOST = 31
"""The highest number: a body that is text begins with a character above it."""

SIZE = 64 * 1024

_SUFFIX = ".dict"


class WrongDictionary(CannotStart):
    """The database holds bodies that this program cannot read; the message says what to do."""


def folder() -> Path:
    """Where those that ship are: `1.dict` and so on."""
    return profiles() / "dictionary"


@cache
def shipped() -> MappingProxyType[int, bytes]:
    """All of them, by number."""
    files = sorted(folder().glob(f"*{_SUFFIX}"), key=lambda file: int(file.stem))
    return MappingProxyType({int(file.stem): file.read_bytes() for file in files})


@cache
def newest() -> int:
    """The number of the one that is written by."""
    return max(shipped())


def keep(connection: Connection) -> None:
    """Put those that ship into the database, so that a dump of it can be read by itself.

    Raises:
        WrongDictionary: it has one that does not ship, or that is another under the same number.
    """
    kept = _kept(connection)
    ours = shipped()
    for number in sorted(kept):
        if kept[number] != ours.get(number):
            raise WrongDictionary(
                f"Bodies in this database were written with dictionary {number}, which this release does not "
                "have. Install the release that wrote them, or a later one."
            )
    new = [{"number": number, "content": content} for number, content in ours.items() if number not in kept]
    if new:
        # Several may start at once: who comes second finds it there.
        connection.execute(insert(t.dictionary).on_conflict_do_nothing(), new)


def _kept(connection: Connection) -> dict[int, bytes]:
    found = connection.execute(select(t.dictionary.c.number, t.dictionary.c.content))
    return {number: bytes(content) for number, content in found}


def trained(samples: Iterable[bytes], number: int) -> bytes:
    """A dictionary made of bodies as they are kept."""
    return zstandard.train_dictionary(SIZE, [*samples], dict_id=number).as_bytes()
