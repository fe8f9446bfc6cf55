"""Keyed hashes of search values: 64 bits stand for a code, a reference or a uri, and tell nothing.

The value is hashed together with the resource type and the parameter, so equal codes in different places do
not meet. The key is kept outside the database and a fingerprint of it inside: read with another key, a
database would find nothing and say nothing.
"""

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b

_REMEMBERED = 65_536


def form(system: str | None, code: str) -> str:
    """The text that is hashed for a coding: `s|c`, `|c` (no system), `s|` (any code), `c` (any system)."""
    # A bar inside a code must not look like the one that separates it from its system.
    plain = code.replace("|", "\\|") if "|" in code else code
    return plain if system is None else f"{system}|{plain}"


class Hasher:
    """Hashes under one key, remembering the recent ones: codes and references repeat."""

    __slots__ = ("_key", "coding", "fingerprint", "token")

    token: Callable[[str, str, str], int]
    """`(type, parameter code, form)` as a signed 64-bit number."""

    coding: Callable[[str, str, str | None, str], tuple[int, ...]]
    """`(type, parameter code, system, code)` in every form it can be found by, the bare code first."""

    fingerprint: str
    """Tells one key from another and gives nothing of it away."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.token = lru_cache(_REMEMBERED)(self._token)
        self.coding = lru_cache(_REMEMBERED)(self._coding)
        self.fingerprint = blake2b(b"fingerprint", key=key, digest_size=16).hexdigest()

    def _token(self, type_: str, parameter: str, text: str) -> int:
        value = f"{type_}\x1f{parameter}\x1f{text}".encode()
        return int.from_bytes(blake2b(value, key=self._key, digest_size=8).digest(), signed=True)

    def _coding(self, type_: str, parameter: str, system: str | None, code: str) -> tuple[int, ...]:
        forms = [form(None, code), form(system or "", code)]
        if system:
            forms.append(form(system, ""))
        return tuple(self._token(type_, parameter, text) for text in forms)

    def derived(self, purpose: str) -> bytes:
        """A key for something else, of 32 bytes, from which this one cannot be told."""
        return blake2b(purpose.encode(), key=self._key, digest_size=32).digest()
