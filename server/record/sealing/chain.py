"""What a seal says, as bytes: the digest of its rows, and the hash that the next seal names."""

from collections.abc import Iterable
from datetime import UTC
from hashlib import sha256

import msgspec

from server.store.seals import Line, Seal

NOTHING = bytes(32)
"""What the first seal of a chain names in the place of the one before."""


class Digest:
    """Of rows, one after the other."""

    def __init__(self) -> None:
        self._hash = sha256()
        self.rows = 0

    def add(self, lines: Iterable[Line]) -> "Digest":
        """The rows, each with its length: no two sequences are the same bytes."""
        for line in lines:
            text = line.text.encode()
            self._hash.update(len(text).to_bytes(4) + text)
            self.rows += 1
        return self

    @property
    def bytes(self) -> bytes:
        """Of what was added."""
        return self._hash.digest()


def hashed(seal: Seal) -> bytes:
    """The hash of everything that a seal says but its signature: what is signed, and what the next one
    names."""
    said = (
        seal.lane, seal.number, seal.at.astimezone(UTC).isoformat(), seal.form, seal.snapshot, seal.rows,
        seal.digest.hex(), seal.previous.hex(), seal.key,
    )  # fmt: skip
    return sha256(msgspec.json.encode(said)).digest()
