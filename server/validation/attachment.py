"""Attachments: what is said of the data has to be true of it.

https://hl7.org/fhir/R4/datatypes.html#Attachment
"""

import binascii
from collections.abc import Iterator
from hashlib import sha1

from server.fhir import Json
from server.validation.fault import Fault, Faults
from server.validation.visit import Visit


def check(attachment: Json, _: Visit) -> Faults:
    """The faults of an Attachment that has its data with it."""
    if "data" not in attachment or attachment.keys().isdisjoint(_STATED):
        return None
    content = _decoded(attachment["data"])
    if content is None:
        return None  # what is no base64 is told by its own check
    return [*_size(attachment, content), *_hash(attachment, content)] or None


_STATED = frozenset({"size", "hash"})


def _size(attachment: Json, content: bytes) -> Iterator[Fault]:
    size = attachment.get("size", len(content))
    if size != len(content):
        yield Fault("structure", f"states a size of {size} bytes, and its data has {len(content)}.")


def _hash(attachment: Json, content: bytes) -> Iterator[Fault]:
    stated = _decoded(attachment.get("hash", ""))
    if stated and stated != sha1(content, usedforsecurity=False).digest():
        yield Fault("structure", "has a hash that is not the SHA-1 of its data.")


def _decoded(text: str) -> bytes | None:
    try:
        return binascii.a2b_base64("".join(text.split()), strict_mode=True)
    except ValueError:
        return None
