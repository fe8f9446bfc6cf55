"""A client's secret: made by us, shown once, kept as a hash."""

import hashlib
import hmac

from server import clock


def new() -> str:
    """A secret of 256 random bits."""
    return clock.new_secret()


def hashed(secret: str) -> str:
    """What is kept of a secret.

    One round is enough: nobody guesses 256 random bits, whatever a guess costs. Stretching, which passwords
    need, would only let a flood of token requests take the processor.
    """
    salt = clock.new_secret()[:32]
    return f"sha256${salt}${_digest(salt, secret)}"


def matches(secret: str, kept: str | None) -> bool:
    """Whether it is the secret; takes as long for a client that does not exist."""
    _, salt, digest = (kept or _NOBODY).split("$")
    equal = hmac.compare_digest(_digest(salt, secret), digest)
    return equal and kept is not None


def same(hash: str, kept: str | None) -> bool:
    """Whether a hash is the one that is kept; takes as long if none is."""
    return hmac.compare_digest(hash, kept or "0" * len(hash)) and kept is not None


def _digest(salt: str, secret: str) -> str:
    return hashlib.sha256(f"{salt}{secret}".encode(errors="surrogatepass")).hexdigest()


_NOBODY = f"sha256${'0' * 32}${'0' * 64}"
