"""Bodies compressed: the number of a dictionary in one byte, then a frame of zstandard without its magic.

A resource is small, and alone has little in it that repeats; what it has in common with others is in the
dictionary. A body that gains nothing is kept as text, and so is what an older release wrote: a text begins
with a printable character, which no number of a dictionary is.

https://datatracker.ietf.org/doc/html/rfc8878
"""

from functools import cache
from threading import local

import zstandard
from zstandard import FORMAT_ZSTD1_MAGICLESS, ZstdCompressionDict, ZstdCompressionParameters

from server.store import dictionary

LEVEL = 3


class _Contexts(local):
    """A thread's own: two threads at once would write into one another's buffers."""

    def __init__(self) -> None:
        number = dictionary.newest()
        self.prefix = bytes([number])
        self.compress = zstandard.ZstdCompressor(
            dict_data=_dictionary(number), compression_params=_parameters()
        ).compress
        self.decompress = {
            known: zstandard.ZstdDecompressor(
                dict_data=_dictionary(known), format=FORMAT_ZSTD1_MAGICLESS
            ).decompress
            for known in dictionary.shipped()
        }


def packed(text: bytes) -> bytes:
    """The body as a column holds it."""
    if not text:
        return text
    contexts = _contexts()
    kept = contexts.prefix + contexts.compress(text)
    return kept if len(kept) < len(text) else text


def unpacked(kept: bytes | memoryview) -> bytes:
    """The text that `packed` was given."""
    # A driver's view of a column gives characters and no numbers.
    held = bytes(kept)
    if not held or held[0] > dictionary.MOST:
        return held
    return _contexts().decompress[held[0]](memoryview(held)[1:])


def is_newest(kept: bytes) -> bool:
    """Whether packing it again would change nothing."""
    return kept == packed(unpacked(kept))


@cache
def _contexts() -> _Contexts:
    return _Contexts()


@cache
def _dictionary(number: int) -> ZstdCompressionDict:
    """Digested once, for all threads."""
    made = ZstdCompressionDict(dictionary.shipped()[number], dict_type=zstandard.DICT_TYPE_FULLDICT)
    made.precompute_compress(compression_params=_parameters())
    return made


def _parameters() -> ZstdCompressionParameters:
    return ZstdCompressionParameters.from_level(
        LEVEL, format=FORMAT_ZSTD1_MAGICLESS, write_dict_id=False, write_content_size=True
    )
