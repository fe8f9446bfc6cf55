"""Names folded for comparison: accents, case, punctuation and spacing make no difference.

https://hl7.org/fhir/R4/search.html#string
"""

import re
import unicodedata
from functools import lru_cache

# Letters that Unicode does not take apart and that people type without their stroke.
_PLAIN = str.maketrans(
    {
        "ł": "l",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "ħ": "h",
        "\u0131": "i",
        "ŧ": "t",
    }
)
_APART = re.compile(r"[\W_]+")


@lru_cache(maxsize=16384)
def fold(text: str) -> str:
    """`O'Brien-Łukasz` and `o brien lukasz` are the same; a name in any script keeps its letters."""
    if text.isascii():
        return _APART.sub(" ", text.lower()).strip()
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(map(_letter, letters)).translate(_PLAIN)
    return " ".join(bare.split())


def _letter(character: str) -> str:
    """The character if it is part of a word, nothing for an accent, a space for all else."""
    if character.isalnum():
        return character
    if unicodedata.combining(character):
        return ""
    # The vowel signs of Indic scripts are marks, and the name would fall apart without them.
    return character if unicodedata.category(character).startswith("M") else " "
