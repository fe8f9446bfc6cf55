"""Whether the audit is what was sealed: nothing altered, removed, added, put in another order or cut off."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from server.record.sealing.anchor import Anchor, Broken, anchors
from server.record.sealing.chain import NOTHING, Digest, hashed
from server.record.sealing.key import PublicKey
from server.store import seals
from server.store.database import Connection
from server.store.seals import Line, Seal
from server.store.snapshot import BEGINNING, Snapshot

Anchored = dict[tuple[int, int], str]


@dataclass
class Report:
    """What was found. `unsealed`: rows so new that no seal holds them yet."""

    faults: list[str] = field(default_factory=list)
    seals: int = 0
    rows: int = 0
    anchors: int = 0
    unsealed: list[Line] = field(default_factory=list)
    unanchored: int = 0
    """Seals at the ends of the chains of which the given files know nothing."""


def verify(connection: Connection, keys: Iterable[PublicKey], files: Iterable[Path]) -> Report:
    """Hold the audit against its seals, these against one another, and their ends against the anchors."""
    report, known = Report(), {key.name: key for key in keys}
    # Read first: what is anchored now is in the database now.
    anchored = _anchored(files, known, report)
    report.anchors = len(anchored)
    found = set(seals.lanes(connection)) | {lane for lane, _ in anchored}
    for lane in sorted(found):
        _lane(connection, lane, known, anchored, report)
    for id_, child in seals.unlisted(connection):
        report.faults.append(f"Row {id_}: whether it is about child {child} is told in two ways.")
    return report


def _anchored(files: Iterable[Path], keys: dict[str, PublicKey], report: Report) -> Anchored:
    found: Anchored = {}
    for file in files:
        try:
            for each in anchors(file, keys):
                _add(each, found, report)
        except Broken as error:
            report.faults.append(str(error))
    return found


def _add(each: Anchor, found: Anchored, report: Report) -> None:
    if found.setdefault((each.lane, each.number), each.hash) != each.hash:
        report.faults.append(f"Lane {each.lane}, seal {each.number}: it is anchored in two forms.")


def _lane(
    connection: Connection, lane: int, keys: dict[str, PublicKey], anchored: Anchored, report: Report
) -> None:
    expected, previous, snapshot, last = 0, NOTHING, BEGINNING, -1
    for seal in seals.seals(connection, lane):
        where = f"Lane {lane}, seal {seal.number}"
        hash_ = hashed(seal)
        for fault in _chained(seal, expected, previous, keys):
            report.faults.append(f"{where}: {fault}")
        told = anchored.pop((lane, seal.number), None)
        if told is not None:
            last = seal.number
            if told != hash_.hex():
                report.faults.append(f"{where}: it is not the one that was anchored.")
        before, snapshot = snapshot, _snapshot(seal, snapshot, where, report)
        _rows(connection, seal, before, snapshot, where, report)
        expected, previous = seal.number + 1, hash_
        report.seals += 1
    report.unanchored += expected - 1 - last
    missing = sorted(number for at, number in anchored if at == lane)
    if missing:
        report.faults.append(f"Lane {lane}: seals {_ranges(missing)} were anchored and are gone.")
    report.unsealed += seals.lines(connection, lane, snapshot, seals.now(connection))
    for line in seals.beyond(connection, lane):
        report.faults.append(f"Lane {lane}, row {line}: it is of a transaction that has not been.")


def _chained(seal: Seal, expected: int, previous: bytes, keys: dict[str, PublicKey]) -> Iterator[str]:
    if seal.number != expected:
        yield f"seals {_ranges(range(expected, seal.number))} before it are gone."
    elif seal.previous != previous:
        yield "it does not follow the one before."
    key = keys.get(seal.key)
    if key is None:
        yield f"it is signed with the key '{seal.key[:40]}', which was not given."
    elif not key.verifies(seal.signature, hashed(seal)):
        yield "its signature is false: it was altered, or not made here."


def _snapshot(seal: Seal, before: Snapshot, where: str, report: Report) -> Snapshot:
    try:
        return Snapshot.parse(seal.snapshot)
    except ValueError:
        report.faults.append(f"{where}: it does not tell which rows it holds.")
        return before


def _rows(
    connection: Connection, seal: Seal, before: Snapshot, snapshot: Snapshot, where: str, report: Report
) -> None:
    if seal.form not in seals.FORMS:
        report.faults.append(f"{where}: it is of the form {seal.form}, which this release does not know.")
        return
    digest = Digest().add(seals.lines(connection, seal.lane, before, snapshot, seal.form))
    report.rows += digest.rows
    if digest.bytes != seal.digest:
        report.faults.append(f"{where}: {_difference(seal, digest)}")


def _difference(seal: Seal, digest: Digest) -> str:
    if digest.rows != seal.rows:
        return f"it holds {seal.rows} rows, and {digest.rows} are there."
    return f"of its {seal.rows} rows, sealed at {seal.at:%Y-%m-%d %H:%M:%S}, at least one was altered."


def _ranges(numbers: Iterable[int]) -> str:
    """`3 to 5, 9`."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(str(low) if low == high else f"{low} to {high}" for low, high in found)
