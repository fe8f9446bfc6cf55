"""Page links: where the next page begins, sealed. Opaque, bound to the caller, and no proof of access.

A position holds values of the last row, which may be a name or a date of birth, so the link is enciphered
(AES-256-GCM); the caller is authenticated data, and rights are asked again when it is used.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import blake2b
from zlib import compress, decompress

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from server.fhir.issue import Invalid
from server.search.order import Position

_NONCE = 12
_SHORT = 1000
"""Bytes that are sealed as they are."""


def sealed(parameters: Sequence[tuple[str, str]], position: Position, key: bytes, caller: str) -> str:
    """A token for the page that begins after `position` of the search that `parameters` describe."""
    content = _packed(msgspec.json.encode((list(parameters), position)))
    # Derived from what it seals: equal pages have equal links, and no nonce serves two contents.
    nonce = blake2b(caller.encode() + b"\0" + content, key=key, digest_size=_NONCE).digest()
    return (
        urlsafe_b64encode(nonce + AESGCM(key).encrypt(nonce, content, caller.encode())).decode().rstrip("=")
    )


def opened(token: str, key: bytes, caller: str) -> tuple[tuple[tuple[str, str], ...], Position]:
    """The parameters and the position.

    Raises:
        Invalid: the link was altered, or was another caller's.
    """
    try:
        text = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        content = AESGCM(key).decrypt(text[:_NONCE], text[_NONCE:], caller.encode())
    except (InvalidTag, ValueError) as error:
        raise Invalid("This page link is not good for this caller: search again.") from error
    parameters, position = msgspec.json.decode(_unpacked(content))
    return tuple((name, value) for name, value in parameters), position


def _packed(content: bytes) -> bytes:
    """What was asked at length in a form must still fit into a URL."""
    return content if len(content) <= _SHORT else compress(content)


def _unpacked(content: bytes) -> bytes:
    return content if content[:1] == b"[" else decompress(content)
