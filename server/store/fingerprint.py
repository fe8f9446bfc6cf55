"""What is kept of a secret by which a row is found: a code, a token, the cookie of a browser.

One round and no salt are enough for 256 random bits: nobody guesses them, and no two are alike.
"""

from hashlib import sha256


def fingerprint(secret: str) -> str:
    """The hash of a secret that this server made."""
    return sha256(secret.encode(errors="surrogatepass")).hexdigest()
