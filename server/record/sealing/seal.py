"""Seals what was committed since the last time: one sealer a lane, whichever process it is."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from server import clock
from server.record.sealing import anchor
from server.record.sealing.chain import NOTHING, Digest, hashed
from server.record.sealing.key import Key
from server.store import seals
from server.store.database import Connection, Database
from server.store.seals import FORM, Seal
from server.store.snapshot import BEGINNING, Snapshot
from server.store.tables import LANES

REST = timedelta(milliseconds=450)
"""Between two seals of a lane: there are never many more seals than rows are worth."""


class CountedAnew(Exception):
    """The database is another cluster's, whose transactions have smaller numbers: nothing can be sealed."""


def seal(database: Database, key: Key, file: Path, rest: timedelta = REST) -> list[Seal]:
    """Seal every lane that is due and that nobody else is sealing; what was sealed.

    The anchor follows the commit. Were it to come first, a commit that fails would leave an anchor of what
    never was; a seal that is left without one is held by the next, which names it.
    """
    at = clock.now()
    made = []
    with database.begin() as connection:
        due = seals.take(connection, range(LANES))
        snapshot = seals.now(connection)
        for lane in due:
            head = seals.head(connection, lane)
            if head is None or head.at + rest <= at:
                made += _sealed(connection, lane, head, snapshot, at, key)
    if made:
        anchor.append(file, made)
    return made


def _sealed(
    connection: Connection, lane: int, head: Seal | None, snapshot: Snapshot, at: datetime, key: Key
) -> list[Seal]:
    before = Snapshot.parse(head.snapshot) if head else BEGINNING
    if snapshot.until < before.until:
        raise CountedAnew(
            f"The database is at transaction {snapshot.until}, and {before.until} is sealed already: it was "
            "loaded into a new cluster. docs/audit.md says what to do after a restore."
        )
    until = seals.cut(connection, lane, before, snapshot)
    digest = Digest().add(seals.lines(connection, lane, before, until))
    if not digest.rows:
        return []
    found = Seal(
        lane=lane,
        number=head.number + 1 if head else 0,
        at=at,
        form=FORM,
        snapshot=str(until),
        rows=digest.rows,
        digest=digest.bytes,
        previous=hashed(head) if head else NOTHING,
        key=key.public.name,
        signature=b"",
    )
    found = replace(found, signature=key.sign(hashed(found)))
    seals.keep(connection, found)
    return [found]
