"""The anchors: what was sealed, told to a file outside the database, so that its end cannot be cut off.

One line a seal, appended and made durable. The file may be moved away at any time (the next line begins a new
one), and is best kept where nothing can be written twice.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from server.record.sealing.chain import hashed
from server.record.sealing.key import PublicKey
from server.store.seals import Seal


class Broken(Exception):
    """A line that is no anchor, or that nobody who holds a known key wrote."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """That there is a seal, and its hash."""

    lane: int
    number: int
    hash: str
    key: str
    signature: str


def anchored(seal: Seal) -> Anchor:
    """The anchor of a seal."""
    return Anchor(seal.lane, seal.number, hashed(seal).hex(), seal.key, seal.signature.hex())


def append(file: Path, seals: Iterable[Seal]) -> None:
    """Tell of seals; they outlast a loss of power from here on."""
    lines = b"".join(b"\n" + msgspec.json.encode(anchored(seal)) for seal in seals) + b"\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        # One write, in lines of its own: what several processes append, or did not end, is not mixed.
        os.write(descriptor, lines)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def anchors(file: Path, keys: dict[str, PublicKey]) -> Iterator[Anchor]:
    """The anchors of a file.

    Raises:
        Broken: one that cannot be trusted.
    """
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            # The machine may have stopped in the middle of one.
            if line.endswith(b"}\n"):
                yield _anchor(line, f"{file}, line {number}", keys)


def _anchor(line: bytes, where: str, keys: dict[str, PublicKey]) -> Anchor:
    try:
        found = msgspec.json.decode(line, type=Anchor)
        signature, message = bytes.fromhex(found.signature), bytes.fromhex(found.hash)
    except (msgspec.DecodeError, ValueError) as error:
        raise Broken(f"{where}: it is no anchor.") from error
    key = keys.get(found.key)
    if key is None:
        raise Broken(f"{where}: it is signed with the key '{found.key[:40]}', which was not given.")
    if not key.verifies(signature, message):
        raise Broken(f"{where}: its signature is false.")
    return found
