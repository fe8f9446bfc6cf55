"""Passwords of people: kept as argon2id hashes, long rather than strange.

https://www.rfc-editor.org/rfc/rfc9106 and https://pages.nist.gov/800-63-4/sp800-63b.html#passwordver
"""

import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST, MOST = 12, 256

# The second recommended choice of RFC 9106, section 4: 64 MiB a guess.
_hasher = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)

_COMMON = (
    "password", "qwertyuiop", "1234567890", "letmein", "welcome", "iloveyou", "football", "liverpool",
    "childrecord", "abcdefgh",
)  # fmt: skip
"""What nobody should begin with: a password that is one of these and little else is guessed first."""
_OF_ITS_OWN = 6


def hashed(password: str) -> str:
    """What is kept of a password."""
    return _hasher.hash(_plain(password))


def matches(password: str, kept: str | None) -> bool:
    """Whether it is the password; takes as long for an account that does not exist."""
    try:
        return _hasher.verify(kept or _NOBODY, _plain(password)[:MOST]) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def fault(password: str, *known: str) -> str | None:
    """Why it cannot be chosen, in a sentence; `known`: what others know of its owner."""
    plain = _plain(password).casefold()
    if len(plain) < LEAST:
        return f"Your password must have {LEAST} characters or more. Three random words make a good one."
    if len(plain) > MOST:
        return f"Your password must have {MOST} characters or fewer."
    if len(set(plain)) < _OF_ITS_OWN:
        return "Your password repeats the same few characters. Choose one that is harder to guess."
    for word in (*_COMMON, *(each.casefold() for each in known if len(each) > 3)):
        if word in plain and len(plain.replace(word, "")) < _OF_ITS_OWN:
            return "Your password is too easy to guess. Choose one with more words of your own."
    return None


def _plain(password: str) -> str:
    """As it is whatever keyboard it was written on (NIST SP 800-63B asks for one normal form)."""
    return unicodedata.normalize("NFKC", password)


# Of random bits that nobody has kept.
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
